"""Trained conditions, kept one by one: a job that is asked for again trains what it lacks only.

A job trains many conditions, for start-up is paid once, and Snakemake deletes its outputs when it
fails or something about it changes. So each condition has a file of its own below a folder of
checkpoints, named by all that made it, and the job's outputs are second names of these files.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from neuron_race.common import storage

FOLDER = Path("results/checkpoints")


def whole(path: Path) -> bool:
    """Whether arrays and sidecar of a condition are there, and can be read."""
    try:
        storage.read_arrays(path)
        storage.read_json(path.with_suffix(".json"))
    except storage.ResultError:
        return False
    return True


def hand_out(kept: Mapping[str, Path], outputs: Mapping[str, Path]) -> None:
    """Give conditions' files, arrays and sidecars, the names of outputs.

    What else their folders hold is of other settings or code, and goes.

    Args:
        kept: file of each condition, in a folder of its own.
        outputs: names for them, by condition.
    """
    for name, path in kept.items():
        for ending in (".npz", ".json"):
            _link(path.with_suffix(ending), outputs[name].with_suffix(ending))
    for path in kept.values():
        for other in path.parent.iterdir():
            if other.with_suffix("") != path.with_suffix(""):
                if other.is_dir():
                    shutil.rmtree(other, ignore_errors=True)
                else:
                    with contextlib.suppress(OSError):
                        other.unlink()


def _link(source: Path, target: Path) -> None:
    """A second name, which takes no space; a copy where the file system knows no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with storage.part(target) as new:
            os.link(source, new)
            os.utime(new)  # Snakemake wants outputs that are newer than inputs
            os.replace(new, target)
    except OSError:
        storage.copy(source, target)


def train(
    kept: Mapping[str, Path],
    finished: Callable[[Path], bool],
    make: Callable[[str, Path], None],
    tell: Callable[[str], None],
) -> None:
    """Train the conditions that are not kept yet.

    Args:
        kept: where each condition's arrays go.
        finished: whether a file is one, and whole.
        make: trains a condition and writes its file.
        tell: is told of those that are there.
    """
    for name, path in kept.items():
        if finished(path):
            tell(f"{name}: trained before with these settings and this code, and kept")
        else:
            make(name, path)
