"""Where the parts of a criterion's plot lie: estimate, interval, threshold and runs on one axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT = 240.0, 34.0  # pixels


def forest(criterion: Mapping[str, Any], runs: Sequence[float] = ()) -> dict[str, Any] | None:
    """Parts of a plot, in pixels; None if the estimate is undefined.

    Args:
        criterion: of a verdict.
        runs: value of each run.

    Returns:
        ``estimate, low, high``; ``thresholds``; ``wanted``: where the criterion holds; ``runs``:
        (x, y) of each run, in rows one below the other so that equal values stay apart.
    """
    values = [criterion[key] for key in ("estimate", "ci_low", "ci_high")]
    if any(value is None or not np.isfinite(value) for value in values):
        return None
    limit, within = criterion["threshold"], criterion["direction"] == "within"
    limits = [-limit, limit] if within else [limit]
    known = [value for value in runs if np.isfinite(value)]
    low, high = min(values + limits + known), max(values + limits + known)
    margin = 0.06 * (high - low) or abs(low) or 1.0
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(WIDTH * (value - low) / (high - low), 2)

    edges = {"above": (limits[0], high), "below": (low, limits[0]), "within": (-limit, limit)}
    start, end = map(x, edges[criterion["direction"]])
    return {
        **dict(zip(("estimate", "low", "high"), map(x, values), strict=True)),
        "thresholds": [x(value) for value in limits],
        "wanted": (start, round(end - start, 2)),
        "runs": [(x(value), 18.5 + 4 * (i % 3)) for i, value in enumerate(known)],
    }
