"""Comparisons of closed form, flow and network: their tasks, networks, and rows of errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.seeds import stream
from neuron_race.data import datasets
from neuron_race.training.engine import train
from neuron_race.training.recipe import Recipe, Runs

Array = NDArray[np.float64]
Row = dict[str, Any]

NAME = "theory"  # of the random streams
SEED = 7  # neither one of the seeds used to explore nor a confirmatory one
WIDTH = 40  # neurons of the trained networks
TASK = {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6, "n_train": 60, "n_test": 1}


def row(
    table: str, name: str, equation: str, definition: str, error: float, tolerance: float, why: str
) -> Row:
    """One comparison."""
    return {
        "table": table,
        "name": name,
        "equation": equation,
        "definition": definition,
        "error": float(error),
        "tolerance": float(tolerance),
        "tolerance_from": why,
    }


def clusters(seed: int) -> tuple[Array, Array]:
    """Inputs (N, d) and targets (N, 1) of noisy clusters with XOR labels."""
    sample = datasets.make(NAME, TASK, seed)
    return sample.X, sample.Y


def mirrored(seed: int) -> tuple[Array, Array]:
    """Inputs x and -x with targets y and -y: every neuron has the same D, whatever its gates."""
    rng = stream(NAME, seed, "mirrored data")
    half = rng.standard_normal((30, 10)) / np.sqrt(10)
    Y = half @ rng.standard_normal((10, 1))
    return np.concatenate([half, -half]), np.concatenate([Y, -Y])


def orthogonal(seed: int) -> tuple[Array, Array]:
    """Five orthogonal inputs of unequal norm in six dimensions, labels of both signs.

    Labels and norms are fixed, so that the lanes and their rates are those of no lucky draw.
    """
    Q = np.linalg.qr(stream(NAME, seed, "orthogonal data").standard_normal((6, 6)))[0]
    norms = np.array([[1.0], [1.5], [0.8], [1.2], [0.9]])
    return Q[:5] * norms, np.array([[1.0], [0.7], [-0.8], [1.2], [-1.1]])


def train_each(X: Array, Y: Array, starts: Sequence[tuple[Array, Array]], recipe: Recipe) -> Runs:
    """Train one network per start (W (m, d), A (m, 1)) on the same data."""
    S = len(starts)
    W, A = (np.stack(part) for part in zip(*starts, strict=True))
    X, Y = (np.broadcast_to(Z, (S, *Z.shape)).copy() for Z in (X, Y))
    explode = np.inf if "residual" in recipe.freeze else 1e3
    return train(X, Y, W, A, recipe, device="cpu", explode=explode)


def pack(W: Array, A: Array) -> Array:
    """States (m d + m) of weights (m, d) and heads (m, 1)."""
    return np.concatenate([W.ravel(), A.ravel()])


def unpack(state: Array, m: int) -> tuple[Array, Array]:
    """Weights (..., m, d) and heads (..., m, 1) from states (..., m d + m)."""
    W, A = state[..., :-m], state[..., -m:]
    return W.reshape(*W.shape[:-1], m, -1), A[..., None]
