"""Small problems and trained networks that tests of several rooms share."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.data import datasets
from neuron_race.training import conditions
from neuron_race.training.runs import Trained

Array = NDArray[np.float64]
torch.set_num_threads(1)


def problem(
    seed: int, N: int = 12, d: int = 4, m: int = 6, k: int = 1, loss: str = "squared"
) -> tuple[Array, Array, Array, Array]:
    """Random X (N, d), Y (N, k), W (m, d), A (m, k); targets are labels if the loss is logistic."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, d)) / np.sqrt(d)
    W, A = 0.5 * rng.standard_normal((m, d)), 0.5 * rng.standard_normal((m, k))
    if loss == "squared":
        Y = rng.standard_normal((N, k))
    elif k == 1:
        Y = rng.choice([-1.0, 1.0], size=(N, 1))
    else:
        Y = np.eye(k)[rng.integers(k, size=N)]
    return X, Y, W, A


def stack(data: dict[str, Any], seeds: tuple[int, ...]) -> dict[str, Array]:
    """Data of several seeds as :func:`neuron_race.training.runs.begin` takes them."""
    return datasets.make_all("small", data, seeds)


DIGITS = {"kind": "digits", "classes": [3, 8], "n_train": 60, "n_test": 60}
OPTIONS: dict[str, Any] = {
    "width": 60,
    "head": "gaussian",
    "alpha": 1e-4,
    "loss": "squared",
    "learning_rate": 0.25,
    "max_steps": 1000,
    "device": "cpu",
}


def train_on(data: dict[str, Any], seeds: tuple[int, ...], **changes: Any) -> Trained:
    """Train with the options above, but for the changes."""
    options = {**OPTIONS, "seeds": list(seeds), **changes}
    start = conditions.begin("small", options, stack(data, seeds))
    return Trained(start, conditions.run(start, options), options)


@cache
def digits(alpha: float = 1e-4, learning_rate: float = 0.25) -> Trained:
    """A pair of digits, 60 neurons, one seed, weights of all snapshots kept."""
    return train_on(DIGITS, (0,), alpha=alpha, learning_rate=learning_rate, max_weight_bytes=10**9)


def lazy() -> Trained:
    """The same from a large init."""
    return digits(alpha=1.0, learning_rate=0.05)
