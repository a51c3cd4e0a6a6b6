"""Gaussian inputs, targets of orthonormal ReLU teachers with alternating signs."""

from collections.abc import Iterator

import numpy as np

from neuron_race.data.kind import DIM, Array, Kind, Options, Sample, in_two


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """``neurons`` teachers. Targets are scaled to unit mean square on average, so that tasks of
    different complexity start from the same loss. Shuffled, no structure is left."""
    dim, neurons = options["dim"], options["neurons"]
    V = np.linalg.qr(rng.standard_normal((dim, neurons)))[0].T
    signs = np.where(np.arange(neurons) % 2 == 0, 1.0, -1.0)

    def some(n: int) -> tuple[Array, Array]:
        X = rng.standard_normal((n, dim)) / np.sqrt(dim)
        Y = np.maximum(X @ V.T, 0.0) @ signs * np.sqrt(2 * dim / neurons)
        return X, Y[:, None]

    return in_two(options, some)


def faults(options: Options) -> Iterator[str]:
    """More teachers than are orthonormal."""
    if options["neurons"] > options["dim"]:
        yield f"neurons: at most dim = {options['dim']}, got {options['neurons']}"


KIND = Kind(draw, {"dim": DIM, "neurons": {"type": "integer", "minimum": 1}}, faults)
