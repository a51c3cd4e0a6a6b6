"""Norm products of neurons."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def norm_product(W: Array, A: Array) -> Array:
    """c_j = |a_j| |w_j|, (..., m)."""
    return np.linalg.norm(W, axis=-1) * np.linalg.norm(A, axis=-1)
