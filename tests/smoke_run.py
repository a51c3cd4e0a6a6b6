"""A copy of the project's own files in a folder whose name has spaces, and a way to run it.

One smoke run serves the tests of several folders.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import warm
from filelock import FileLock

ROOT = Path(__file__).parents[1]
PARTS = (
    "Snakefile",
    "Makefile",
    "config",
    "envs",
    "profiles",
    "workflow",
    "README.md",
    "CONTRIBUTING.md",
    "paper_notes.md",
    "docs",
    "pyproject.toml",
)
# These differ between runs; the site shows what jobs have cost.
PASSING = {"logs", "benchmarks", "site"}
Run = Callable[..., subprocess.CompletedProcess[str]]


def copy_project(target: Path) -> Path:
    """Copy what the workflow consists of; results and figures stay behind."""
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target / part)
    return target


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of all results and figures by name, but those that differ between runs."""
    found = [*(folder / "results").rglob("*"), *(folder / "figures").rglob("*")]
    names = [path.relative_to(folder) for path in found if path.is_file()]
    return {
        str(n): hashlib.sha256((folder / n).read_bytes()).hexdigest()
        for n in names
        if not PASSING & set(n.parts)
    }


def environment(folder: Path) -> dict[str, str]:
    """Variables with which this environment's Python takes the package of a copy for installed."""
    own = {"PYTHONWARNINGS": "default", "PYTHONPATH": str(folder / "workflow/src")}
    return {**os.environ, **own}


@functools.cache
def server() -> warm.Server:
    """What runs of this process are forked from."""
    return warm.Server()


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run snakemake of this environment in a folder."""
    return server().run(folder, list(arguments), environment(folder))


def making(folder: Path, target: str, *claims: str) -> list[str]:
    """Command for a target of the Makefile in a folder: the smoke preset, in this environment."""
    environment = folder / ".venv"
    if not environment.exists():
        environment.symlink_to(sys.prefix)
    options = " ".join(claims)
    if "--configfile" not in options:
        options += " --configfile config/smoke.yaml"
    return [
        "make",
        "--no-print-directory",
        "--assume-old=.venv/.ready",
        target,
        "CORES=1",
        f"OPTIONS={options}",
    ]


def make(folder: Path, target: str, *claims: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile in a folder, for all claims or some."""
    command = making(folder, target, *claims)
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=900, env=environment(folder)
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that no run has touched."""
    return copy_project(tmp_path_factory.mktemp("a fresh clone") / "its race")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the smoke preset has run to its end, on two cores.

    Where several processes test, one of them makes the run, while the others wait, and each has a
    copy: Snakemake lets no two runs into one folder.
    """
    own = tmp_path_factory.mktemp("smoke run")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    first, begun, done = (shared / f"the smoke run{ending}" for ending in ("", ".begun", ".done"))
    with FileLock(shared / "the smoke run.lock"):
        if not done.exists():
            assert not begun.exists(), "the smoke run failed, as a test in another process tells"
            begun.touch()
            copy_project(first)
            made = snakemake(first, "--cores", "2", "--configfile", "config/smoke.yaml")
            assert made.returncode == 0, made.stdout + made.stderr
            done.touch()
    return Path(shutil.copytree(first, own / "its race", symlinks=True))


@pytest.fixture
def finished(smoke: Path, tmp_path: Path) -> Path:
    """A finished run that a test may spoil."""
    return Path(shutil.copytree(smoke, tmp_path / "its race", symlinks=True))
