"""Random streams, each named by what it is for."""

import hashlib

import numpy as np


def stream(name: str, seed: int, purpose: str) -> np.random.Generator:
    """Random generator of one purpose, for example ``stream("digits", 100, "data")``.

    Streams with different names, seeds or purposes are independent, and adding a new purpose
    leaves all others as they were.

    Args:
        name: data set or experiment that the stream belongs to.
        seed: seed of the run, any non-negative integer (zero is a seed like any other).
        purpose: what is drawn, for example ``data``, ``init`` or ``shuffle``.

    Raises:
        ValueError: if the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    digest = hashlib.sha256(f"{name}\0{purpose}".encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
