"""Trained conditions, kept one by one: a job that is asked for again trains what it lacks only.

A job trains many conditions, for start-up is paid once, and Snakemake deletes its outputs when it
fails or something about it changes. So each condition has files of its own below a folder of
checkpoints, named by all that made them, and the job's outputs are second names of these files.
Whoever edits an output in place edits what is kept, too; so a condition counts as kept only while
its files have the checksums that they were written with.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_race.common import storage

FOLDER = Path("results/checkpoints/runs")
ENDINGS = (".npz", ".json")  # arrays, and the sidecar that says what made them


@dataclass(frozen=True)
class Kept:
    """A trained condition in files of its own, or the place for it.

    Attributes:
        path: its arrays; the sidecar is beside. The name holds a checksum of all that makes it
            (parameters, data, code, versions), so that a run with anything changed does not find
            it.
        sidecar: what makes it, see :func:`neuron_race.common.storage.provenance`.
        data: the data set's arrays, where they are a file.
    """

    path: Path
    sidecar: dict[str, Any]
    data: Path = Path()

    @property
    def _seal(self) -> Path:
        return self.path.with_suffix(".seal")

    def _checksums(self) -> dict[str, str]:
        return {ending: storage.checksum(self.path.with_suffix(ending)) for ending in ENDINGS}

    def seal(self) -> None:
        """Say that the files are written, and what they hold."""
        storage.write_json(self._seal, self._checksums())

    def whole(self) -> bool:
        """Whether both files are there, as they were written."""
        try:
            return bool(storage.read_json(self._seal) == self._checksums())
        except (OSError, storage.ResultError):
            return False


def conditions(
    experiment: str, options: Mapping[str, Mapping[str, Any]], code: Mapping[str, str]
) -> dict[str, Kept]:
    """Where the conditions of an experiment are kept, by name.

    Args:
        experiment: its name, or an extension's.
        options: of each condition.
        code: checksums of all that the job's script uses.
    """
    found = {}
    for name, own in options.items():
        data = Path(f"results/datasets/{own['dataset']}.npz")
        parameters = {"experiment": experiment, "condition": name, "options": own}
        sidecar = storage.provenance([data], parameters, code)
        found[name] = place(experiment, name, sidecar, data)
    return found


def place(experiment: str, name: str, sidecar: dict[str, Any], data: Path = Path()) -> Kept:
    """Where a condition is kept, by a checksum of what makes it; see :class:`Kept`."""
    made_by = hashlib.sha256(json.dumps(sidecar, sort_keys=True).encode()).hexdigest()
    return Kept(FOLDER / experiment / name / f"{made_by[:16]}.npz", sidecar, data)


def train(
    kept: Mapping[str, Kept], make: Callable[[str, Kept], None], tell: Callable[[str], None]
) -> None:
    """Train the conditions that are not there yet.

    Args:
        kept: conditions by name.
        make: trains a condition and writes its files.
        tell: is told of those that are there.
    """
    for name, own in kept.items():
        if own.whole():
            tell(f"{name}: trained before with these settings and this code, and kept")
        else:
            make(name, own)
            own.seal()


def hand_out(kept: Mapping[str, Kept], outputs: Mapping[str, Path]) -> None:
    """Give conditions' files the names of outputs.

    What else their folders hold is of other settings or code, and goes.

    Args:
        kept: conditions by name, all of them whole.
        outputs: names for their arrays, by condition.
    """
    for name, own in kept.items():
        for ending in ENDINGS:
            _link(own.path.with_suffix(ending), outputs[name].with_suffix(ending))
        for other in own.path.parent.iterdir():
            if other.with_suffix("") == own.path.with_suffix(""):
                continue
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
