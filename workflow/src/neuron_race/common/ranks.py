"""Correlation of ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

Array = NDArray[Any]


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation; NaN below four points or where one side is constant."""
    if len(a) < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)
