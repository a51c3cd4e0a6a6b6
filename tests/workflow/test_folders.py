"""A home folder that takes no files, and caches that can't be kept where they usually are."""

import subprocess
from pathlib import Path

import pytest
from smoke_run import environment, making

UNWANTED = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")


def make(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make cost` with these variables; it starts Snakemake, and makes nothing."""
    command = making(folder, "cost")
    kept = {k: v for k, v in environment(folder).items() if k not in UNWANTED}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=kept | variables)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("HOME", "/proc/nonexistent", marks=pytest.mark.slow),
        ("HOME", "with_a_file"),
        ("XDG_CACHE_HOME", "caches"),
    ],
)
def test_make_finds_a_folder_for_caches(
    smoke: Path, tmp_path: Path, variable: str, value: str
) -> None:
    (tmp_path / "with_a_file").mkdir()
    (tmp_path / "with_a_file/.cache").touch()
    (tmp_path / "caches").mkdir()
    (tmp_path / "caches/snakemake").touch()
    done = make(smoke, **{variable: str(tmp_path / value)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "can't be written to; caches go to" in done.stderr and "Traceback" not in done.stderr
    assert (smoke / ".snakemake/cache/snakemake").is_dir()


def test_make_leaves_a_folder_that_takes_caches(smoke: Path, tmp_path: Path) -> None:
    done = make(smoke, XDG_CACHE_HOME=str(tmp_path / "caches"))
    assert done.returncode == 0 and "can't be written" not in done.stderr, done.stderr
    assert (tmp_path / "caches/snakemake").is_dir()
