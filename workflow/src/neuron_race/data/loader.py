"""What a loader of images is: a module of :mod:`neuron_race.data.loaders` with its ``LOADER``."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Images:
    """A labelled image data set; a row of pixels is channel-major, then row by row."""

    train_images: NDArray[np.uint8]  # (n, d)
    train_labels: NDArray[np.uint8]  # (n,)
    test_images: NDArray[np.uint8]  # (m, d)
    test_labels: NDArray[np.uint8]  # (m,)


@dataclass(frozen=True)
class Loader:
    """A format of image files.

    Attributes:
        inputs: pixels, times colours, of an image.
        files: which it reads, in words; for messages.
        fits: whether it reads files of these names.
        read: reader of these files, whose checksums are right. It unpickles nothing, and extracts
            nothing to disk.
    """

    inputs: int
    files: str
    fits: Callable[[Sequence[str]], bool]
    read: Callable[[Sequence[Path]], Images]


def names() -> list[str]:
    """All loaders."""
    return sorted(path.stem for path in Path(__file__).with_name("loaders").glob("[a-z]*.py"))


def of(name: str) -> Loader:
    """A loader by its name. Jobs that load images say in their rule whose module they use."""
    loader: Loader = importlib.import_module(f"neuron_race.data.loaders.{name}").LOADER
    return loader


def check_labels(labels: NDArray[np.uint8], where: str) -> None:
    """Refuse a label of (n,) that is none of the ten classes."""
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        raise ValueError(f"{where}: record {wrong[0]} has label {labels[wrong[0]]}, above 9")
