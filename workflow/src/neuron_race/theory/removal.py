"""What a network loses with some of its neurons (equations E8 and E9 of ``paper_notes.md``)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuron_race.theory import equations

Array = NDArray[np.float64]


def prune_bound(c: ArrayLike, X: Array) -> Array:
    """Bound (N,) on |f(x_i) - f_pruned(x_i)|: |x_i| times the sum of the removed c. (E8)

    `c` holds the norm products |a||w| of the removed neurons (a number or an array).
    Raises ValueError for a negative c.
    """
    removed = np.asarray(c, dtype=np.float64)
    if np.any(removed < 0):
        raise ValueError("norm products cannot be negative")
    bound: Array = removed.sum() * np.linalg.norm(X, axis=1)
    return bound


def ticket_speed(
    c_full: ArrayLike, c_sub: ArrayLike, rate: float, step: float | None = None
) -> float:
    """Extra time log(sum c_full / sum c_sub)/(2 lambda) that a sub-network needs to drop. (E9)

    `c_full` and `c_sub` are norm products forecast at one common time after alignment, or
    race scores (E5), of the neurons of *one* lane: same D, same head sign. Negative if the "sub"
    network leads. `step` as in `equations.escape_time`. Raises ValueError for negative or all-zero
    c, rate <= 0 or step <= 0.
    """
    full, sub = np.asarray(c_full, dtype=np.float64), np.asarray(c_sub, dtype=np.float64)
    if np.any(full < 0) or np.any(sub < 0) or not (full.sum() > 0 and sub.sum() > 0):
        raise ValueError("norm products must be non-negative with a positive sum")
    return float(np.log(full.sum() / sub.sum()) / (2 * equations.effective_rate(rate, step)))
