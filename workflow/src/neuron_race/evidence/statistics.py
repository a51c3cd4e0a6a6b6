"""Statistics over runs: intervals, tests against a threshold, equivalence, correction.

The unit is always the run. Thresholds come from the claims register, never from the data.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Direction = Literal["above", "below", "within"]
DIRECTIONS = ("above", "below", "within")
LEVEL = 0.95


def interval(values: Array, level: float = LEVEL, proportion: bool = False) -> tuple[float, float]:
    """Bootstrap interval (BCa) of the mean over runs; Clopper and Pearson's for a proportion.

    Resampling is seeded by the number of runs alone: same values, same interval. Identical values
    give the point interval; fewer than two runs, or an undefined one, give NaN.

    Args:
        values: per-run statistic (n,).
        level: coverage.
        proportion: the values are zeros and ones.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    if proportion:
        exact = stats.binomtest(_successes(values), len(values)).proportion_ci(level)
        return float(exact.low), float(exact.high)
    if np.ptp(values) <= 1e-12 * max(1.0, abs(values[0])):  # equal but for rounding
        return float(values.min()), float(values.max())
    rng = np.random.default_rng(np.random.SeedSequence(len(values)))
    # With two or three runs the acceleration of BCa can be undefined; percentiles always exist.
    method = "BCa" if len(values) > 3 else "percentile"
    result = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, confidence_level=level, method=method, rng=rng
    ).confidence_interval
    return float(result.low), float(result.high)


def _successes(values: Array) -> int:
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("a proportion needs values 0 and 1")
    return int(values.sum())


def p_value(
    values: Array, threshold: float, direction: Direction, proportion: bool = False
) -> float:
    """One-sided t-test that the mean lies beyond the threshold, or TOST that it lies within ±it.

    Identical values of a measured quantity have no spread to test against: p is 0 on the right side
    and 1 on the other. A proportion is tested exactly (binomial), for ten successes in ten runs do
    not make a certainty.

    Args:
        values: per-run statistic (n,).
        threshold: the threshold, or the margin for ``within``.
        direction: where the claim says the mean lies.
        proportion: the values are zeros and ones (direction ``above`` or ``below``).

    Raises:
        ValueError: unknown direction, or values that are no proportion.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction: {direction!r} is none of {', '.join(DIRECTIONS)}")
    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan")
    alternative = {"above": "greater", "below": "less"}.get(direction, "two-sided")
    if proportion:
        test = stats.binomtest(_successes(values), len(values), threshold, alternative)
        return float(test.pvalue)
    if np.ptp(values) <= 1e-12 * max(1.0, abs(values[0])):
        mean = float(values.mean())
        right = {
            "above": mean > threshold,
            "below": mean < threshold,
            "within": abs(mean) < threshold,
        }[direction]
        return 0.0 if right else 1.0
    if direction == "within":
        from statsmodels.stats.weightstats import DescrStatsW  # figures do without

        return float(DescrStatsW(values).ttost_mean(-threshold, threshold)[0])
    return float(stats.ttest_1samp(values, threshold, alternative=alternative).pvalue)


def holm(p_values: Array) -> Array:
    """Holm's adjusted p-values; NaN stays NaN and counts as a test."""
    p_values = np.asarray(p_values, dtype=float)
    if not len(p_values):
        return p_values
    from statsmodels.stats.multitest import multipletests  # figures do without

    filled = np.where(np.isnan(p_values), 1.0, p_values)
    return np.where(np.isnan(p_values), np.nan, multipletests(filled, method="holm")[1])


def decide(
    low: float, high: float, p: float, threshold: float, direction: Direction
) -> bool | None:
    """Does a criterion hold?

    True if the whole interval lies on the right side of the threshold and the adjusted p-value is
    at most 0.05; False if the whole interval lies on the wrong side; None (undecided) otherwise,
    and always where the statistic is undefined.
    """
    if not all(np.isfinite([low, high, p])):
        return None
    sides: dict[str, tuple[Any, Any]] = {
        "above": (low > threshold, high <= threshold),
        "below": (high < threshold, low >= threshold),
        "within": (
            -threshold < low and high < threshold,
            high <= -threshold or low >= threshold,
        ),
    }
    right, wrong = sides[direction]
    if right and p <= 1 - LEVEL + 1e-12:
        return True
    return False if wrong else None
