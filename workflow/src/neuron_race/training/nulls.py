"""Networks and tasks that lack one part of the theory, as a condition's option ``without``.

They keep all else: width, head, scale, rate, and the draws of their experiment, so that a null and
what it stands in for are paired run by run. What measures a run need not know of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.seeds import stream

Array = NDArray[Any]
# gates: a linear network. Each sample gets its mirror image -x with target -y, and each neuron of
# the first half of the network its twin (-a, -w) in the second: relu(z) - relu(-z) = z, whatever
# the gates. labels: targets permuted. structure: inputs are noise too. first_output: twins are
# (-a, w), so that f = 0 at init, at any scale.
WITHOUT = ("first_output", "gates", "labels", "structure")


def task(without: str, data: Mapping[str, Array], seeds: Sequence[int]) -> dict[str, Array]:
    """The data set's arrays as a null sees them.

    Args:
        without: one of :data:`WITHOUT`.
        data: ``X (S, N, d)``, ``Y (S, N, k)``, ``X_test`` and ``Y_test``.
        seeds: of the S data sets.

    Returns:
        The arrays; without gates there are 2N training samples.
    """
    arrays = dict(data)
    if without == "gates":
        arrays |= {name: np.concatenate([data[name], -data[name]], axis=1) for name in ("X", "Y")}
    if without in ("labels", "structure"):
        for part, Y in (("train", "Y"), ("test", "Y_test")):
            if part == "train" or without == "structure":
                draws = [stream("nulls", seed, f"labels {part}") for seed in seeds]
                permuted = [rng.permutation(y) for rng, y in zip(draws, data[Y], strict=True)]
                arrays[Y] = np.stack(permuted)
    if without == "structure":
        for name in ("X", "X_test"):
            shape = data[name].shape[1:]
            noise = [stream("nulls", seed, name).standard_normal(shape) for seed in seeds]
            arrays[name] = np.stack(noise) / np.sqrt(shape[1])
    return arrays


def start(without: str | None, W: Array, A: Array) -> tuple[Array, Array]:
    """Initial weights ``W (S, m, d)`` and ``A (S, m, k)`` of a null; twins need an even m."""
    if without not in ("gates", "first_output"):
        return W, A
    half = W.shape[1] // 2
    sign = -1 if without == "gates" else 1
    W, A = W[:, :half], A[:, :half]
    return np.concatenate([W, sign * W], axis=1), np.concatenate([A, -A], axis=1)
