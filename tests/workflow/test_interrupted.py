"""Whatever happens to a run, the next one completes it, with the same bits."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smoke_run import contents, environment, make, making, snakemake

SMOKE = ("--configfile", "config/smoke.yaml")
TARGET = "results/dynamics/two_features/runs.csv"
EXTENSION = "results/extension/optimizers/details.csv"
# Made again from nothing in each test: a data set or two, three short trainings, a table.
PARTS = (
    "results/datasets/two_features.npz",
    "results/datasets/two_features.json",
    "results/datasets/one_feature.npz",
    "results/datasets/one_feature.json",
    "results/runs/two_features",
    "results/dynamics/two_features",
    "results/checkpoints",
    "results/logs",
)
EXTENDED = ("results/runs/optimizers", "results/extension/optimizers")
FIGURES = [f"figures/unlocking.{ending}" for ending in ("pdf", "png", "csv")]


@pytest.fixture
def unfinished(finished: Path) -> Path:
    """A run that lacks one experiment and one figure."""
    remove(finished, *PARTS, *FIGURES)
    return finished


def remove(folder: Path, *names: str) -> None:
    """Delete files and folders."""
    for name in names:
        gone = folder / name
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()


def of_each_kind(names: Iterable[str], quick: str) -> list[Any]:
    """Parameters of a test: one in each run of the tests, the others take minutes."""
    return [pytest.param(n, marks=() if n == quick else pytest.mark.slow) for n in names]


def start(
    folder: Path, *arguments: str, command: list[str] | None = None
) -> subprocess.Popen[bytes]:
    """Start snakemake, or a command, in a process group of its own, which can be killed whole."""
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, *SMOKE]
    return subprocess.Popen(
        command or snakemake,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**environment(folder), "NEURON_RACE_CHECKPOINT_SECONDS": "0"},
    )


def kill_when(run: subprocess.Popen[bytes], what: Callable[[], object]) -> None:
    """SIGKILL to all processes of a run once something is true."""
    end = time.monotonic() + 300
    while not what():
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def complete(folder: Path, *targets: str) -> str:
    """Unlock, as Snakemake's message says, and run again."""
    assert snakemake(folder, "--unlock", *SMOKE).returncode == 0
    done = snakemake(folder, "--cores", "1", *targets, *SMOKE)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


MOMENTS = {
    "dataset": (TARGET, "results/datasets/*_feature*.npz"),
    "start of training": (TARGET, "results/logs/train/two_features.log"),
    "middle of a condition": (TARGET, "results/checkpoints/runs/two_features/*/*.part.npz"),
    "training": (TARGET, "results/checkpoints/runs/two_features/*/*.seal"),
    "extension": (EXTENSION, "results/checkpoints/runs/optimizers/*/*/0.npz"),
    "figure": (FIGURES[0], "results/logs/figure/unlocking.log"),
}


@pytest.mark.parametrize("moment", of_each_kind(MOMENTS, "training"))
def test_a_killed_run_is_completed_with_the_same_bits(
    smoke: Path, unfinished: Path, moment: str
) -> None:
    target, sign = MOMENTS[moment]
    if target == EXTENSION:
        remove(unfinished, *EXTENDED)
    run = start(unfinished, target)
    kill_when(run, lambda: list(unfinished.glob(sign)))
    assert not (unfinished / target).exists()
    refused = snakemake(unfinished, "--cores", "1", target, *SMOKE)
    assert refused.returncode != 0 and "--unlock" in refused.stdout + refused.stderr
    said = complete(unfinished, TARGET, EXTENSION, *FIGURES)
    if moment == "training":
        assert 0 < said.count("trained before") < 3  # and the others were trained
    if moment == "middle of a condition":
        assert "goes on from step" in said
    if moment == "extension":  # training itself, which two forecasts follow
        assert "goes on from step" in said or "kept from an interrupted run" in said
    made, whole = contents(unfinished), contents(smoke)
    kept = {name for name in whole if name.startswith("results/checkpoints/")} - set(made)
    assert made == {name: value for name, value in whole.items() if name not in kept}


@pytest.mark.slow
def test_a_killed_report_leaves_none_and_the_next_is_whole(finished: Path) -> None:
    folder = finished
    part, report = (folder / f"results/report{middle}.zip" for middle in (".part", ""))
    kill_when(start(folder, command=making(folder, "report", "unlocking")), part.exists)
    assert part.exists() and not report.exists()
    done = make(folder, "report", "unlocking")
    assert done.returncode == 0, done.stderr
    assert not part.exists()
    with zipfile.ZipFile(report) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("unlocking.png") for name in archive.namelist())


def test_a_second_run_in_the_same_folder_is_refused(unfinished: Path) -> None:
    first = start(unfinished, TARGET)
    try:
        end = time.monotonic() + 300
        while not list(unfinished.glob("results/logs/dataset/*.log")):
            assert first.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGSTOP)  # or it might end before the second has begun
        second = snakemake(unfinished, "--cores", "1", TARGET, *SMOKE)
        said = second.stdout + second.stderr
        assert second.returncode != 0 and "Traceback" not in said
        assert "cannot be locked" in said and str(unfinished) in said
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(timeout=600) == 0
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()


@pytest.fixture
def small_disk(finished: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty file system of 400 kB in place of a folder of a run.

    Where it is not the one of figures, the run lacks what must be made below.
    """
    if request.param != "figures":
        remove(finished, *PARTS, *EXTENDED, *FIGURES)
    place = finished / request.param
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def refused(folder: Path, target: str, *words: str) -> None:
    """A run fails and says why in words."""
    done = snakemake(folder, "--cores", "1", target, *SMOKE)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert [word for word in words if word not in said] == []


TOLD = {  # the small folder: what is made there, and what must be said if it is full or read-only
    "results/checkpoints": (
        TARGET,
        ("Error in train_two_features", "results/checkpoints/runs/two_features"),
        ("Error in train_two_features", "Read-only", "results/checkpoints/runs/two_features"),
    ),
    "results": (TARGET, ("Error in ", "results/"), ("results can't be written to",)),
    "figures": (
        FIGURES[0],
        ("Error in figure_unlocking", "figures/unlocking.pdf"),
        ("figures can't be written to",),
    ),
}


@pytest.mark.parametrize("small_disk", of_each_kind(TOLD, "figures"), indirect=True)
def test_full_and_read_only_disks_are_told_and_leave_nothing(
    smoke: Path, finished: Path, small_disk: Path
) -> None:
    target, full, read_only = TOLD[str(small_disk.relative_to(finished))]
    filled = small_disk / "filled"
    if small_disk.name == "figures":  # which are small
        filled.write_bytes(bytes(390_000))
    refused(finished, target, "No space left on device", *full)
    filled.unlink(missing_ok=True)
    # Whatever is there was written whole.
    assert contents(finished).items() <= contents(smoke).items()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused(finished, target, *read_only)
    subprocess.run(["mount", "-o", "remount,rw,size=200m", str(small_disk)], check=True)
    done = snakemake(finished, "--cores", "1", "unlocking", TARGET, EXTENSION, *SMOKE)
    assert done.returncode == 0, done.stderr
    made = contents(finished)
    assert {TARGET, EXTENSION, *FIGURES, "results/claims/unlocking.json"} <= set(made)
    assert made.items() <= contents(smoke).items()


@pytest.mark.parametrize(
    ("target", "kept", "module"),
    [
        (TARGET, "runs/two_features/*/*.seal", "training/span.py"),
        pytest.param(
            *(EXTENSION, "runs/optimizers/*/*/0.npz", "training/any_model.py"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_checkpoints_of_other_code_are_not_taken(
    unfinished: Path, target: str, kept: str, module: str
) -> None:
    if target == EXTENSION:
        remove(unfinished, *EXTENDED)
    run = start(unfinished, target)
    kill_when(run, lambda: list(unfinished.glob(f"results/checkpoints/{kept}")))
    # Half a file, of one that was killed while it wrote: whether this one was is chance.
    next(unfinished.glob(f"results/checkpoints/{kept}")).with_name(".one.npz.7.part").touch()
    edited = unfinished / "workflow/src/neuron_race" / module
    edited.write_text(edited.read_text() + "\n_EDITED = True\n")
    said = complete(unfinished, target)
    assert "trained before" not in said and "goes on from" not in said
    left = [p for p in (unfinished / "results/checkpoints").rglob("*") if p.is_file()]
    # Second names of run files, with their checksums, and nothing else.
    assert left and all(p.suffix == ".seal" or p.stat().st_nlink == 2 for p in left)
