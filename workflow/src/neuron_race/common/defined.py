"""Ratios, means and shares that say where they are undefined: NaN there, never 0, 1 or infinity.

A verdict counts undefined values and passes none, so that nothing which learned nothing, and
nothing from which nothing was taken, can hold or fail by rounding.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
DROP = 0.1  # fraction of the loss whose loss is the drop, by which criteria define learning
EPSILON = float(np.finfo(np.float64).eps)


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Any:
    """Numerator over denominator, element by element; NaN where the denominator is 0 or NaN."""
    above, below = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    known = (below != 0) & ~np.isnan(below)
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=known)[()]


def average(values: Array, weights: Array, axis: int | None = None) -> Any:
    """Weighted mean, as ``numpy.average``; NaN where all weights are 0."""
    empty = weights.sum(axis=axis) == 0
    filled = np.where(empty if axis is None else np.expand_dims(empty, axis), 1.0, weights)
    return np.where(empty, np.nan, np.average(values, axis=axis, weights=filled))[()]


def learned(initial: float, zero: float, end: float) -> float:
    """What training has learned: the loss of the output zero minus the final loss.

    NaN where the final loss is not below both the initial loss and that of the output zero by the
    drop: a share of less is a share of noise.

    Args:
        initial: loss at init.
        zero: loss of a network whose output is zero.
        end: final loss.
    """
    return zero - end if zero > 0 and end <= (1 - DROP) * min(initial, zero) else float("nan")


def change(after: float, before: float, zero: float, epsilon: float = EPSILON) -> float:
    """Relative change of a loss; NaN where the loss before is itself of the size of rounding.

    Args:
        after: loss after.
        before: loss before.
        zero: loss of the output zero, the scale of losses.
        epsilon: relative size of rounding in outputs, whose squares make losses.
    """
    return after / before - 1 if before > (1e3 * epsilon) ** 2 * zero else float("nan")
