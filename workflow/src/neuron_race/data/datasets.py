"""Data sets: synthetic tasks whose structure is known, and real images.

Each is drawn by the module of its kind; centring and scaling are applied afterwards, in one place,
since they are declared factors (centring changes how many neurons die).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuron_race.common.seeds import stream
from neuron_race.data import kind
from neuron_race.data.kind import Array, DatasetError, Options, Sample
from neuron_race.data.loader import Images

EQUAL = 1e-12  # inputs that differ by less, relatively, differ by rounding
SIZE = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
# JSON schemas of the options that all kinds have.
SHARED = {
    **{"n_train": SIZE, "n_test": SIZE},
    "centre": {"type": "boolean"},
    "scale": {"enum": ["unit", "none"]},
    "shuffle_labels": {"type": "boolean"},
}


def schemas() -> list[dict[str, Any]]:
    """JSON schemas of what the settings may say of a data set, one of each kind."""
    return [
        {
            "additionalProperties": False,
            "required": list(own.options),
            "properties": {"kind": {"const": name}, **SHARED, **own.options, **own.optional},
        }
        for name, own in ((name, kind.of(name)) for name in kind.names())
    ]


def faults(options: Options, images: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a data set that no schema can tell.

    Args:
        options: that follow their schema.
        images: section of the settings, which kinds of fetched images look up.
    """
    found = []
    # One sample, centred, is zero; and of each class there must be room for one.
    if options["n_train"] < (least := max(2, len(options.get("classes", [])))):
        of_each = ", one of each class" if "classes" in options else ""
        found.append(f"n_train: at least {least}{of_each}, got {options['n_train']}")
    fetched = [images] if "images" in options else []
    return [*found, *kind.of(options["kind"]).faults(options, *fetched)]


def inputs(options: Options, images: Mapping[str, Any]) -> int | None:
    """Number of inputs d that a data set has, or None where that can't be told."""
    return kind.of(options["kind"]).inputs(options, *([images] if "images" in options else []))


def make(name: str, options: Options, seed: int, images: Images | None = None) -> Sample:
    """Make one data set of one seed.

    Args:
        name: the data set's name in the config; names its random stream.
        options: the data set's entry in the config: ``kind`` and what that kind takes, ``centre``
            (subtract the training mean), ``scale`` (``unit``: mean squared norm of the training
            inputs is 1; ``none``), ``shuffle_labels`` (permute the training targets: a control).
        seed: data seed.
        images: the fetched images, for kind ``images``.

    Raises:
        DatasetError: unknown kind, more samples asked for than there are, or training inputs that
            are all zero, or all the same and centred.
    """
    if options["kind"] not in kind.names():
        raise DatasetError(f"kind: {options['kind']!r} is none of {', '.join(kind.names())}")
    own, rng = kind.of(options["kind"]), stream(name, seed, "data")
    fetched = [] if images is None else [images]
    if "images" in options and not fetched:
        raise DatasetError(f"images: {options['images']!r} are not fetched")
    if not fetched and (wrong := list(own.faults(options))):
        raise DatasetError("; ".join(wrong))
    sample = own.draw(rng, {**options, "seed": seed}, *fetched)
    X, X_test, Y = sample.X, sample.X_test, sample.Y
    if options.get("centre", True):
        mean = X.mean(axis=0)
        X, X_test = X - mean, X_test - mean
    size = np.sqrt((X**2).sum(axis=1).mean())
    if size <= EQUAL * np.sqrt((sample.X**2).sum(axis=1).mean()):
        raise DatasetError(
            f"n_train: nothing is left of the {len(X)} training inputs of {name} (seed {seed}), "
            "which are all zero, or all the same and centred; more samples, or noise, make them "
            "differ"
        )
    if options.get("scale", "unit") == "unit":
        X, X_test = X / size, X_test / size
    if options.get("shuffle_labels", False):
        Y = stream(name, seed, "shuffled labels").permutation(Y)
    return Sample(*map(np.ascontiguousarray, (X, Y, X_test, sample.Y_test)))


def make_all(
    name: str, options: Options, seeds: Sequence[int], images: Images | None = None
) -> dict[str, Array]:
    """One data set of all seeds: ``seed (S,)``, ``X (S, N, d)``, ``Y (S, N, k)``, the test split.

    Raises:
        DatasetError: see :func:`make`.
    """
    samples = [make(name, options, seed, images) for seed in seeds]
    stacked = {key: np.stack([getattr(s, key) for s in samples]) for key in vars(samples[0])}
    return {"seed": np.asarray(seeds, dtype=np.int64), **stacked}
