"""Handwritten digits (8 x 8 pixels) that come with scikit-learn; a pair as ±1 or one-hot."""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from neuron_race.data.kind import CLASSES, Kind, Options, Sample, classes

FILE = "data/digits.csv.gz"
# Told before any is loaded.
PIXELS = 64
PER_CLASS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """Both splits are disjoint parts of one shuffle."""
    pixels, labels = _all()
    X, Y = classes(rng, options, pixels / 16.0, labels)
    n, n_test = options["n_train"], options["n_test"]
    return Sample(X[:n], Y[:n], X[n : n + n_test], Y[n : n + n_test])


@cache
def _all() -> tuple[Any, Any]:
    """All images and their labels, read once by those who draw many samples.

    From the file that `sklearn.datasets.load_digits` reads, for to import that takes a second.
    """
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise ImportError("the images of digits come with scikit-learn, which is not installed")
    rows = np.loadtxt(Path(found.origin).with_name("datasets") / FILE, delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(int)


def faults(options: Options) -> Iterator[str]:
    """More images than there are."""
    there = sum(PER_CLASS[label] for label in options["classes"])
    if (total := options["n_train"] + options["n_test"]) > there:
        yield (
            f"n_train: n_train + n_test = {total}, but digits has {there} images of classes "
            f"{list(options['classes'])}"
        )


KIND = Kind(draw, {"classes": CLASSES}, faults, lambda options: PIXELS)
