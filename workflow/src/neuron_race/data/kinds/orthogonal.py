"""Orthonormal inputs and real Gaussian labels (Boursier, Pillaud-Vivien, Flammarion 2022)."""

from collections.abc import Iterator

import numpy as np

from neuron_race.data.kind import DIM, Kind, Options, Sample


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """Test inputs are the directions left over: nothing can be learned about them."""
    dim, n, n_test = options["dim"], options["n_train"], options["n_test"]
    Q = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    Y = rng.standard_normal((n + n_test, 1))
    return Sample(Q[:n], Y[:n], Q[n : n + n_test], Y[n:])


def faults(options: Options) -> Iterator[str]:
    """More samples than are orthogonal."""
    if (total := options["n_train"] + options["n_test"]) > options["dim"]:
        yield f"n_train: with n_test {total} orthogonal inputs, dim {options['dim']}"


KIND = Kind(draw, {"dim": DIM}, faults)
