"""From tables of runs to the per-run values of a claim's criteria."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Read = Callable[[str, str], pd.DataFrame]
Task = Callable[[str, int], str | None]


def collect(
    criteria: Sequence[Mapping[str, Any]], read: Read, task: Task = lambda runs, seed: None
) -> pd.DataFrame:
    """Per-run values of criteria.

    A criterion's value is a column of a table, one number per run; with ``minus`` the paired
    difference to another condition (same seeds); with ``minus_statistic`` the difference to another
    column; with ``trend`` the slope of the column against log2 of x over conditions, run by run.

    Args:
        criteria: those of a claim, and the same of nulls, which bear the ``null``'s name, and where
            another statistic stands in, the claim's own, ``against`` which it is held.
        read: ``read(table, "experiment/condition")`` gives the table of runs.
        task: ``task("experiment/condition", seed)`` names the task of a run, if it has its own.

    Returns:
        Tidy table ``criterion, null, seed, task, value``; no null and no task are empty.

    Raises:
        KeyError: a statistic is no column of its table; the message lists the columns.
        ValueError: a table has a run twice, which would count as two.
    """
    parts = []
    for criterion in criteria:
        name = criterion["statistic"]
        runs = criterion["runs"] if "runs" in criterion else criterion["trend"][0]["runs"]
        if "trend" in criterion:
            x = np.log2([point["x"] for point in criterion["trend"]])
            columns = [_column(read, criterion, p["runs"], name) for p in criterion["trend"]]
            Y = pd.concat(columns, axis=1)
            slopes = [
                np.polyfit(x, row, 1)[0] if np.isfinite(row).all() else np.nan
                for row in Y.to_numpy()
            ]
            values = pd.Series(slopes, index=Y.index)
        else:
            values = _column(read, criterion, criterion["runs"], name)
            if "minus" in criterion:
                own = criterion.get("against", name)
                values = values - _column(read, criterion, criterion["minus"], own)
            if "minus_statistic" in criterion:
                other = criterion["minus_statistic"]
                values = values - _column(read, criterion, criterion["runs"], other)
        parts.append(
            pd.DataFrame(
                {
                    "criterion": criterion["name"],
                    "null": criterion.get("null"),
                    "seed": values.index,
                    "task": [task(runs, int(seed)) for seed in values.index],
                    "value": values.to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _column(read: Read, criterion: Mapping[str, Any], runs: str, name: str) -> pd.Series:
    table = read(criterion["table"], runs).set_index("seed")
    if not table.index.is_unique:
        raise ValueError(f"table {criterion['table']} of {runs} has a run twice")
    if name not in table:
        raise KeyError(
            f"criterion {criterion['name']}: table {criterion['table']} of {runs} has no column "
            f"{name!r}; it has {', '.join(table.columns)}"
        )
    return table[name].astype(float)
