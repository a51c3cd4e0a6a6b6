"""Ranks, and what they tell of a score."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1 of values (n,), the mean rank for equal ones; NaN has none, and gets NaN."""
    return pd.Series(np.asarray(values)).rank().to_numpy()


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation; NaN below four points, for NaN, and where a side is constant."""
    return float(rank_correlations(np.reshape(a, (1, -1)), b)[0])


def rank_correlations(rows: Array, b: Array) -> Array:
    """Spearman's rank correlations of each row (T, n) with b (n,), as :func:`rank_correlation`.

    `scipy.stats.spearmanr` computes p-values too, which takes five times as long, and takes as long
    to import as a table of dynamics to measure.
    """
    found = np.full(len(rows), np.nan)
    if len(b) < 4 or not b.min() < b.max():
        return found
    known = rows.min(axis=1) < rows.max(axis=1)  # never so with a NaN
    if known.any():
        ranked = pd.DataFrame(np.vstack([rows[known], b])).rank(axis=1)
        found[known] = np.corrcoef(ranked)[-1, :-1]
    return found


def top(values: ArrayLike, share: float) -> NDArray[np.bool_]:
    """Whether each of the values (n,) is among the highest share of them; of NaN none is."""
    ranked = ranks(values)
    return np.asarray(ranked / np.isfinite(ranked).sum() > 1 - share)


def auroc(won: NDArray[np.bool_], score: Array) -> float:
    """AUROC of a score (n,) for winners: how often a winner has more than another, ties half.

    NaN for a NaN among the scores, and where all or none win.
    """
    winners, others = int(won.sum()), int((~won).sum())
    if not (winners and others) or np.isnan(score).any():
        return float("nan")
    above = ranks(score)[won].sum() - winners * (winners + 1) / 2
    return float(above / (winners * others))
