"""Pairs of classes of fetched images: each data seed takes another pair of those listed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from neuron_race.data import loader
from neuron_race.data.kind import CLASSES, Kind, Options, Sample, pair_of
from neuron_race.data.kinds import images as one_sample


def draw(rng: np.random.Generator, options: Options, images: loader.Images) -> Sample:
    """Drawn as the images of two named classes are.

    Raises:
        DatasetError: more samples asked for than there are.
    """
    pair = pair_of(options["classes"], options["seed"])
    return one_sample.draw(rng, {**options, "classes": pair}, images)


def faults(options: Options, images: Mapping[str, Any]) -> Iterator[str]:
    """An odd number of classes, or images that the settings have no entry of."""
    if (number := len(options["classes"])) % 2:
        yield f"classes: an even number of classes makes rounds of pairs, got {number}"
    yield from one_sample.faults(options, images)


def task(options: Options, seed: int) -> str:
    """The classes of a seed's pair."""
    return "-".join(map(str, pair_of(options["classes"], seed)))


OPTIONS = {"images": {"type": "string"}, "classes": CLASSES}
KIND = Kind(draw, OPTIONS, faults, one_sample.inputs, task, outputs=lambda options: 1)
