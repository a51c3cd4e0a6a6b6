"""Statistics over runs: intervals, tests against a threshold, equivalence, correction.

The unit is the run, and where each run is a task of its own, the task. Tasks that are pairs of
classes share classes, so that they are not independent: their intervals are dyadic-robust (Aronow,
Samii and Assenova 2015). Thresholds come from the claims register, never from the data.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Tasks = Sequence[str] | None  # of each run, such as "3-8"; None where all runs are of one task
Direction = Literal["above", "below", "within"]
DIRECTIONS = ("above", "below", "within")
LEVEL = 0.95
ROWS = 16  # whose resamples are held at a time


def tasks_of(table: "pd.DataFrame") -> Tasks:
    """The task of each row of evidence; None where its runs have none of their own."""
    return table["task"].to_list() if len(table) and table["task"].notna().all() else None


def dyadic(values: Array, tasks: Sequence[str]) -> tuple[float, int, float]:
    """Standard error of a mean over pairs of classes, which share classes.

    Errors of pairs that have a class in common may be correlated in any way: the variance of the
    mean sums their products over all such pairs. Deviations from the mean of these very tasks lack
    part of what classes add; a factor gives it back, so that the sum is right in the mean where
    each class adds its own (G (G - 1) / ((G - 2) (G - 3)) for all pairs of G classes). The variance
    is taken to be no less than that of independent values.

    Args:
        values: (n,) of one task each.
        tasks: classes of each task, joined by hyphens.

    Returns:
        The standard error, NaN where one class is in all tasks or nearly so, that what it adds
        can't be seen; degrees of freedom, one less than there are classes, or tasks if these are
        fewer; and the share of the variance between tasks that their classes have (twice the
        covariance of tasks with one class in common).
    """
    common, G, factor = _common(tuple(tasks))
    n = len(values)
    products = np.outer(values - values.mean(), values - values.mean())
    independent = values.var(ddof=1) / n
    robust = products[common > 0].sum() / n**2 * factor
    one = (common == 1) if (common == 1).any() else np.zeros_like(common, dtype=bool)
    shared = 2 * products[one].mean() / values.var(ddof=1) if one.any() else np.nan
    error = float(np.sqrt(np.maximum(robust, independent)))
    return error, min(G, n) - 1, float(np.clip(shared, 0, 1))


@functools.lru_cache(maxsize=16)
def _common(tasks: tuple[str, ...]) -> tuple[NDArray[np.int64], int, float]:
    """How many classes each two tasks share, how many there are, and the factor of `dyadic`."""
    classes = [set(task.split("-")) for task in tasks]
    common = np.array([[len(one & other) for other in classes] for one in classes])
    # Where each class adds its own, these are the covariances of values, and of their deviations.
    centre = np.eye(len(tasks)) - 1 / len(tasks)
    seen = (centre @ common @ centre)[common > 0].sum()
    factor = common.sum() / seen if seen > 1e-9 * common.sum() else np.nan
    return common, len(set().union(*classes)), float(factor)


def interval(values: Array, proportion: bool = False, tasks: Tasks = None) -> tuple[float, float]:
    """95 % bootstrap interval (BCa) of the mean over runs; Clopper and Pearson's of a proportion.

    Over tasks, Student's with the dyadic-robust error; of a proportion the wider of the two.

    Resampling is seeded by the number of runs alone: same values, same interval. Identical values
    give the point interval; fewer than two runs, or an undefined one, give NaN.

    Args:
        values: per-run statistic (n,).
        proportion: the values are zeros and ones.
        tasks: of each run, see :func:`tasks_of`.
    """
    values = np.asarray(values, dtype=float)
    if proportion and len(values) > 1 and np.isfinite(values).all():
        from scipy.stats import binomtest  # slow to import, and where runs are tasks not needed

        exact = binomtest(_successes(values), len(values)).proportion_ci(LEVEL)
        if tasks is None or not np.ptp(values):
            return float(exact.low), float(exact.high)
        low, high = np.clip(intervals(values[None], tasks)[0], 0.0, 1.0)
        return float(np.minimum(low, exact.low)), float(np.maximum(high, exact.high))
    low, high = intervals(values[None], tasks)[0]
    return float(low), float(high)


def intervals(rows: Array, tasks: Tasks = None) -> Array:
    """:func:`interval` of each row (g, n) of values that are no proportions, at once: (g, 2)."""
    found = np.full((len(rows), 2), np.nan)
    if rows.shape[1] < 2:
        return found
    known = np.asarray(np.isfinite(rows).all(axis=1))
    finite = np.where(known[:, None], rows, 0.0)
    # Equal but for rounding.
    flat = known & np.asarray(
        np.ptp(finite, axis=1) <= 1e-12 * np.maximum(1.0, np.abs(finite[:, 0]))
    )
    found[flat] = np.column_stack([rows[flat].min(axis=1), rows[flat].max(axis=1)])
    vary = np.flatnonzero(known & ~flat)
    if tasks is not None:
        for row in vary:
            error, df, _ = dyadic(rows[row], tasks)
            half = error * _quantile(df)
            found[row] = rows[row].mean() - half, rows[row].mean() + half
        return found
    # Of two or three runs resamples take too few values for a correction.
    method: Literal["BCa", "percentile"] = "BCa" if rows.shape[1] > 3 else "percentile"
    for at in range(0, len(vary), ROWS):
        from scipy.stats import bootstrap  # see above

        part = vary[at : at + ROWS]
        rng = np.random.default_rng(np.random.SeedSequence(rows.shape[1]))
        ends = bootstrap(
            (rows[part],), np.mean, axis=1, confidence_level=LEVEL, method=method, rng=rng
        ).confidence_interval
        found[part] = np.column_stack([ends.low, ends.high])
    return found


def _quantile(df: int) -> float:
    """Quantile of Student's t that an interval ends at."""
    from scipy.special import stdtrit  # see above

    return float(stdtrit(df, (1 + LEVEL) / 2))


def prediction(values: Array, tasks: Tasks) -> tuple[float, float, float]:
    """Where a task of two new classes lies, with 95 %: NaN where runs are no tasks.

    It has the variance between tasks, and the mean's own. The third number is the share of that
    variance which classes have, see :func:`dyadic`.
    """
    if tasks is None or len(values) < 3 or not np.isfinite(values).all() or not np.ptp(values):
        return float("nan"), float("nan"), float("nan")
    error, df, shared = dyadic(values, tasks)
    half = _quantile(df) * np.sqrt(error**2 + values.var(ddof=1))
    return float(values.mean() - half), float(values.mean() + half), shared


def components(values: Array, other_init: Array, other_split: Array) -> dict[str, float]:
    """Shares of the variance between tasks that are of the init, of the split, and of the task.

    Two runs that differ in the init alone differ by twice its variance; so do two that differ in
    the split of the data. What is left of the variance between runs is the task's, a little too
    small where tasks share classes. Shares are undefined where nothing varies, or a value is.

    Args:
        values: (n,), one run of each task.
        other_init, other_split: the same tasks with another init, and with another split.
    """
    draws = {
        name: float(np.mean((values - other) ** 2) / 2)
        for name, other in (("init", other_init), ("split", other_split))
    }
    rest = values.var(ddof=1) - sum(draws.values()) if len(values) > 1 else np.nan
    parts = {**draws, "task": float(np.maximum(rest, 0.0))}
    whole = sum(parts.values())
    return {name: part / whole if whole > 0 else np.nan for name, part in parts.items()}


def margin(values: Any, threshold: float, direction: Direction) -> Any:
    """How far values are on the side of the threshold that a claim asks for; below 0 if not."""
    if direction == "within":
        return threshold - np.abs(values)
    return values - threshold if direction == "above" else threshold - values


def share_within(values: Array, threshold: float, direction: Direction) -> float:
    """Share of runs on the side of the threshold that a claim asks for; undefined ones are not."""
    right = margin(values, threshold, direction) > 0
    return float(right.mean()) if len(values) else float("nan")


def _successes(values: Array) -> int:
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("a proportion needs values 0 and 1")
    return int(values.sum())


def p_value(
    values: Array,
    threshold: float,
    direction: Direction,
    proportion: bool = False,
    tasks: Tasks = None,
) -> float:
    """One-sided t-test that the mean lies beyond the threshold, or TOST that it lies within ±it.

    Identical values of a measured quantity have no spread to test against: p is 0 on the right side
    and 1 on the other. A proportion is tested exactly (binomial), for ten successes in ten runs do
    not make a certainty; over tasks the larger of both p-values counts.

    Args:
        values: per-run statistic (n,).
        threshold: the threshold, or the margin for ``within``.
        direction: where the claim says the mean lies.
        proportion: the values are zeros and ones (direction ``above`` or ``below``).
        tasks: of each run, see :func:`tasks_of`.

    Raises:
        ValueError: unknown direction, or values that are no proportion.
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction: {direction!r} is none of {', '.join(DIRECTIONS)}")
    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan")
    from scipy.special import bdtr, bdtrc, stdtr  # see above

    if proportion:
        successes, n = _successes(values), len(values)
        if direction == "above":
            exact = float(bdtrc(successes - 1, n, threshold)) if successes else 1.0
        else:
            exact = float(bdtr(successes, n, threshold))
        if tasks is None or not np.ptp(values):
            return exact
        return float(np.maximum(exact, p_value(values, threshold, direction, tasks=tasks)))
    if np.ptp(values) <= 1e-12 * max(1.0, abs(values[0])):
        return 0.0 if margin(values.mean(), threshold, direction) > 0 else 1.0
    if tasks is not None:
        error, df, _ = dyadic(values, tasks)
    else:
        error, df = float(values.std(ddof=1)) / np.sqrt(len(values)), len(values) - 1
    # At the nearer margin, which is where the two one-sided tests of an equivalence meet.
    return float(stdtr(df, -margin(values.mean(), threshold, direction) / error))


def holm(p_values: Array) -> Array:
    """Holm's adjusted p-values; NaN stays NaN and counts as a test."""
    p_values = np.asarray(p_values, dtype=float)
    if not len(p_values):
        return p_values
    filled = np.where(np.isnan(p_values), 1.0, p_values)
    order = np.argsort(filled, kind="stable")
    stepped = np.maximum.accumulate(filled[order] * np.arange(len(filled), 0, -1))
    adjusted = np.empty_like(filled)
    adjusted[order] = np.minimum(stepped, 1.0)
    return np.where(np.isnan(p_values), np.nan, adjusted)


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
