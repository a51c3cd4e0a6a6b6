"""Ranks, and what they tell; SciPy and scikit-learn say the same, and are slow to import."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def ranks(values: ArrayLike) -> Array:
    """Ranks (n,) from 1 on; equal values share the mean of theirs."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation; NaN below four points, for NaN, and where a side is constant."""
    if len(a) < 4 or not (np.ptp(a) and np.ptp(b)) or np.isnan(a).any() or np.isnan(b).any():
        return float("nan")
    return correlation(ranks(a), ranks(b))


def correlation(a: Array, b: Array) -> float:
    """Pearson's correlation of two samples (n,), neither of them constant."""
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def auroc(won: NDArray[np.bool_], score: Array) -> float:
    """AUROC of a score (n,) for winners: how often a winner has more than another, ties half.

    NaN for a NaN among the scores, and where all or none win.
    """
    winners, others = int(won.sum()), int((~won).sum())
    if not (winners and others) or np.isnan(score).any():
        return float("nan")
    above = ranks(score)[won].sum() - winners * (winners + 1) / 2
    return float(above / (winners * others))
