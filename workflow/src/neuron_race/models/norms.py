"""Norm products and directions of neurons."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def norm_product(W: Array, A: Array) -> Array:
    """c_j = |a_j| |w_j|, (..., m)."""
    return np.linalg.norm(W, axis=-1) * np.linalg.norm(A, axis=-1)


def unit(V: Array) -> Array:
    """Vectors (..., d) scaled to length 1; zero vectors stay zero."""
    norm = np.linalg.norm(V, axis=-1, keepdims=True)
    return np.divide(V, norm, out=np.zeros_like(V), where=norm > 0)
