"""Helpers of the tests in this folder."""

from smoke_run import copy_project, snakemake

__all__ = ["copy_project", "snakemake"]
