"""What an interrupted training goes on from, with the same bits."""

import itertools
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from neuron_race.common import storage

Array = NDArray[Any]
_PATHS: ContextVar[Iterator[Path] | None] = ContextVar("_PATHS", default=None)


def _seconds(variable: str = "NEURON_RACE_CHECKPOINT_SECONDS") -> float:
    try:
        seconds = float(given := os.getenv(variable, "60"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{variable}: {given!r} is no number of seconds, such as 60 or 0")
    return seconds


@dataclass
class Checkpoint:
    """A file that keeps what a training has done, while it goes on or until its job is done.

    The environment variable NEURON_RACE_CHECKPOINT_SECONDS sets the time between writings.

    Attributes:
        path: the file; its name should tell all that the training depends on.
        every: seconds between writings on the way, at least; these take a twentieth of the time at
            most.
    """

    path: Path
    every: float = field(default_factory=_seconds)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._next = self._began + self.every

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() >= self._next

    def worth(self) -> bool:
        """Whether a training that has ended took so long that its end should be kept."""
        return time.monotonic() - self._began >= self.every / 60

    def write(self, state: Mapping[str, Array]) -> None:
        """Replace what was kept."""
        began = time.monotonic()
        storage.write_arrays(self.path, state)
        now = time.monotonic()
        self._next = now + max(self.every, 20 * (now - began))

    def read(self) -> dict[str, Array] | None:
        """What was kept; None where there is nothing, or nothing whole."""
        try:
            return storage.read_arrays(self.path)
        except storage.ResultError:
            return None

    def misfit(self, error: Exception) -> storage.ResultError:
        """What to raise where the state that was kept does not fit the training."""
        return storage.ResultError(f"{self.path}: not of this training ({error}); delete it")


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Within, trainings keep what they have done in a folder, numbered in the order of their calls.

    For jobs that train many times, the same trainings in the same order whenever they run.

    Args:
        folder: its name should tell all that the trainings depend on.
    """
    token = _PATHS.set(Path(folder) / f"{number}.npz" for number in itertools.count())
    try:
        yield
    finally:
        _PATHS.reset(token)


def following() -> Checkpoint | None:
    """The next training's checkpoint; None outside :func:`kept_in`."""
    paths = _PATHS.get()
    return None if paths is None else Checkpoint(next(paths))
