"""A sample of fetched images, in the split of their authors; a pair as ±1 or one-hot."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from neuron_race.data import loader
from neuron_race.data.kind import CLASSES, Array, DatasetError, Kind, Options, Sample, classes


def draw(rng: np.random.Generator, options: Options, images: loader.Images) -> Sample:
    """Pixels are scaled to at most 1.

    Raises:
        DatasetError: more samples asked for than there are.
    """
    parts = {
        "n_train": (images.train_images, images.train_labels),
        "n_test": (images.test_images, images.test_labels),
    }
    arrays: list[Array] = []
    for key, (pixels, labels) in parts.items():
        n, there = options[key], int(np.isin(labels, options["classes"]).sum())
        if n > there:
            raise DatasetError(
                f"{key} = {n}, but {options['images']} has {there} images of classes "
                f"{list(options['classes'])}"
            )
        X, Y = classes(rng, options, pixels, labels)
        arrays += [X[:n] / 255.0, Y[:n]]
    return Sample(*arrays)


def faults(options: Options, images: Mapping[str, Any]) -> Iterator[str]:
    """Images that the settings have no entry of."""
    if options["images"] not in images:
        yield f"images: {options['images']!r} is none of {', '.join(images)}"


def inputs(options: Options, images: Mapping[str, Any]) -> int | None:
    """Pixels, times colours, of what the loader gives."""
    entry = images.get(options["images"])
    return loader.of(entry["loader"]).inputs if entry else None


KIND = Kind(draw, {"images": {"type": "string"}, "classes": CLASSES}, faults, inputs)
