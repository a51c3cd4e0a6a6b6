"""Gaussian clusters with XOR labels: +1 around ±u_1, -1 around ±u_2, +1 around ±u_3, ..."""

from collections.abc import Iterator

import numpy as np

from neuron_race.data.kind import DIM, NOISE, Array, Kind, Options, Sample, in_two


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """``axes`` orthogonal directions u_i; ``noise``: a sample's total deviation from its centre."""
    dim, axes = options["dim"], options["axes"]
    directions = np.linalg.qr(rng.standard_normal((dim, axes)))[0].T

    def some(n: int) -> tuple[Array, Array]:
        axis = rng.integers(axes, size=n)
        side = rng.choice([-1.0, 1.0], size=n)
        noise = rng.standard_normal((n, dim)) * options["noise"] / np.sqrt(dim)
        X = side[:, None] * directions[axis] + noise
        return X, np.where(axis % 2 == 0, 1.0, -1.0)[:, None]

    return in_two(options, some)


def faults(options: Options) -> Iterator[str]:
    """More directions than are orthogonal."""
    if options["axes"] > options["dim"]:
        yield f"axes: at most dim = {options['dim']}, got {options['axes']}"


KIND = Kind(draw, {"dim": DIM, "axes": {"type": "integer", "minimum": 2}, "noise": NOISE}, faults)
