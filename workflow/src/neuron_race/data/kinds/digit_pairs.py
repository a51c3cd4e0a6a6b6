"""Pairs of handwritten digits: each data seed takes another of all 45."""

from collections.abc import Iterator

import numpy as np

from neuron_race.data.kind import Kind, Options, Sample, pair_of
from neuron_race.data.kinds import digits


def pair(seed: int) -> tuple[int, int]:
    """The pair of digits that a data seed stands for: 45 consecutive seeds go through all pairs."""
    return pair_of(range(10), seed)


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """Drawn as the digits of two named classes are."""
    return digits.draw(rng, {**options, "classes": pair(options["seed"])})


def faults(options: Options) -> Iterator[str]:
    """More images than the smallest pair has."""
    there = sum(sorted(digits.PER_CLASS)[:2])
    if (total := options["n_train"] + options["n_test"]) > there:
        yield f"n_train: n_train + n_test = {total}, but a pair may have {there} images"


def task(options: Options, seed: int) -> str:
    """The classes of a seed's pair."""
    return "-".join(map(str, pair(seed)))


KIND = Kind(draw, {}, faults, lambda options: digits.PIXELS, task)
