"""Ranks, and what they tell of a score."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, spearmanr

Array = NDArray[Any]


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation; NaN below four points, for NaN, and where a side is constant."""
    if len(a) < 4 or not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return float(spearmanr(a, b).statistic)


def top(values: ArrayLike, share: float) -> NDArray[np.bool_]:
    """Whether each of the values (n,) is among the highest share of them; of NaN none is."""
    ranked = rankdata(np.asarray(values), nan_policy="omit")
    return np.asarray(ranked / np.isfinite(ranked).sum() > 1 - share)


def auroc(won: NDArray[np.bool_], score: Array) -> float:
    """AUROC of a score (n,) for winners: how often a winner has more than another, ties half.

    NaN for a NaN among the scores, and where all or none win.
    """
    winners, others = int(won.sum()), int((~won).sum())
    if not (winners and others) or np.isnan(score).any():
        return float("nan")
    above = rankdata(score)[won].sum() - winners * (winners + 1) / 2
    return float(above / (winners * others))
