"""Fixtures for tests of all folders."""

from smoke_run import project, smoke

__all__ = ["project", "smoke"]
