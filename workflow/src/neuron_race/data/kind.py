"""What a kind of data set is: a module of :mod:`neuron_race.data.kinds` that has its ``KIND``."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Options = Mapping[str, Any]
# JSON schemas of options that several kinds have.
DIM = {"type": "integer", "minimum": 1, "maximum": 100_000}
NOISE = {"type": "number", "minimum": 0}
CLASSES = {
    **{"type": "array", "minItems": 2, "maxItems": 10, "uniqueItems": True},
    "items": {"type": "integer", "minimum": 0, "maximum": 9},
}


@dataclass(frozen=True)
class Sample:
    """Inputs ``X (N, d)`` and targets ``Y (N, k)`` for training, and a held-out test split."""

    X: Array
    Y: Array
    X_test: Array
    Y_test: Array


class DatasetError(ValueError):
    """A data set that can't be made as asked: the message names the key and what is possible."""


def one_or_each(options: Options) -> int:
    """One output, or one for each of three classes or more."""
    classes = len(options.get("classes", ()))
    return classes if classes > 2 else 1


@dataclass(frozen=True)
class Kind:
    """A kind of data set.

    Where it is drawn from fetched images, the three functions take one argument more: these, or
    for what is asked before they are fetched, the section ``images`` of the settings.

    Attributes:
        draw: random numbers and options, with the data ``seed`` -> sample; centring and scaling
            come afterwards.
        options: JSON schema of each option that it has beside those of all kinds.
        faults: options -> what is wrong with them that no schema can tell, beginning with the key.
        task: options and seed -> name of the task, such as "3-8" for a pair of classes, where each
            seed has a task of its own; None for others.
        outputs: options -> number of outputs k, one for two classes.
        optional: JSON schema of each option that may be left out.
        inputs: options -> number of inputs d, or None where that can't be told.
    """

    draw: Callable[..., Sample]
    options: Mapping[str, Any]
    faults: Callable[..., Iterable[str]] = lambda options: ()
    inputs: Callable[..., int | None] = lambda options: options["dim"]
    task: Callable[[Options, int], str | None] = lambda options, seed: None
    outputs: Callable[[Options], int] = one_or_each
    optional: Mapping[str, Any] = field(default_factory=dict)


def names() -> list[str]:
    """All kinds."""
    return sorted(path.stem for path in Path(__file__).with_name("kinds").glob("[a-z]*.py"))


def of(name: str) -> Kind:
    """A kind by its name. Jobs that make data sets say in their rule whose module they use."""
    kind: Kind = importlib.import_module(f"neuron_race.data.kinds.{name}").KIND
    return kind


def in_two(options: Options, draw: Callable[[int], tuple[Array, Array]]) -> Sample:
    """Training and test split drawn independently by ``draw(n) -> (X, Y)``."""
    X, Y = draw(options["n_train"])
    X_test, Y_test = draw(options["n_test"])
    return Sample(X, Y, X_test, Y_test)


def pair_of(classes: Sequence[int], seed: int) -> tuple[int, int]:
    """The pair of classes that a data seed stands for: consecutive seeds go through all pairs.

    Pairs come in the rounds of a tournament, so that every class is used equally often: for C
    classes, of C/2 seeds from a multiple of C/2 on each has two classes of its own.

    Args:
        classes: an even number of them.
        seed: data seed.
    """
    last = len(classes) - 1
    turn, game = divmod(seed % (last * (last + 1) // 2), (last + 1) // 2)
    one = last if game == 0 else (turn + game) % last
    other = turn if game == 0 else (turn - game) % last
    return min(classes[one], classes[other]), max(classes[one], classes[other])


def targets(which: NDArray[np.int64], number: int) -> Array:
    """Targets (N, k) of samples of a number of classes: ±1 of two, the first +1; else one-hot."""
    return np.where(which == 0, 1.0, -1.0)[:, None] if number == 2 else np.eye(number)[which]


def classes(
    rng: np.random.Generator, options: Options, images: NDArray[Any], labels: NDArray[Any]
) -> tuple[Array, Array]:
    """Images of the classes asked for, shuffled; a pair becomes ±1, more become one-hot."""
    wanted = list(options["classes"])
    chosen = rng.permutation(np.flatnonzero(np.isin(labels, wanted)))
    which = np.searchsorted(np.sort(wanted), labels[chosen])
    return images[chosen], targets(which, len(wanted))
