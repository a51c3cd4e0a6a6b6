"""Fixtures for tests of all folders."""

from smoke_run import finished, project, smoke

__all__ = ["finished", "project", "smoke"]
