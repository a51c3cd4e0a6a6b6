"""Universes taken together: in which share of them a claim holds, and which decisions matter.

A universe's value is the mean over its tasks. Where that is undefined, the universe does not count
as one in which the claim holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.common.words import told
from neuron_race.evidence.phrases import number
from neuron_race.evidence.statistics import interval, margin

Criteria = Sequence[Mapping[str, Any]]
Decisions = Mapping[str, Mapping[str, Any]]
NOTICED = 0.005  # an importance below rounds to 0 %


def universes(runs: pd.DataFrame, decisions: Decisions, criteria: Criteria) -> pd.DataFrame:
    """One row per universe: its options, and the mean of each statistic over its tasks.

    A statistic that is undefined for a task is undefined for the universe.
    """
    statistics = [criterion["statistic"] for criterion in criteria]
    grouped = runs.groupby("universe")
    whole = grouped[statistics].count().eq(grouped.size(), axis=0)
    means = grouped[statistics].mean().where(whole)
    chosen = grouped[list(decisions)].first().map(told)
    return pd.concat([chosen, means], axis=1).reset_index()


def holds(values: pd.Series, criterion: Mapping[str, Any]) -> pd.Series:
    """Whether values are on the side that a criterion asks for; undefined ones are not."""
    threshold = criterion["threshold"]
    if threshold is None:
        return pd.Series(np.nan, values.index)
    return (margin(values, threshold, criterion["direction"]) > 0).astype(float)


def claims(found: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    """One row per statistic: its spread, and the share of universes in which it holds, with exact
    limits (Clopper and Pearson)."""
    rows = []
    for criterion in criteria:
        values = found[criterion["statistic"]]
        held = holds(values, criterion).to_numpy()
        low, high = (np.nan, np.nan)
        if criterion["threshold"] is not None:
            low, high = interval(held, proportion=True)
        rows.append(
            {
                **criterion,
                "universes": len(values),
                "undefined": int(values.isna().sum()),
                "least": values.min(),
                "mean": values.mean(),
                "greatest": values.max(),
                "share": held.mean(),
                "share_low": low,
                "share_high": high,
            }
        )
    return pd.DataFrame(rows)


def importance(values: pd.Series, options: pd.Series) -> float:
    """Share of the variance between universes that a decision alone explains (epsilon squared).

    What as many options explain by chance is taken off: R² is 1 - (1 - R²)(n - 1)/(n - k), and no
    less than 0. NaN where nothing varies.
    """
    known = values.notna()
    values, options = values[known], options[known]
    n, k = len(values), options.nunique()
    total = float(((values - values.mean()) ** 2).sum())
    if n <= k or total == 0:
        return float("nan")
    within = float(((values - values.groupby(options).transform("mean")) ** 2).sum())
    return max(0.0, 1 - within / total * (n - 1) / (n - k))


def options(found: pd.DataFrame, decisions: Decisions, criteria: Criteria) -> pd.DataFrame:
    """One row per statistic, decision and option: how much the decision matters, what it gives."""
    rows = []
    for criterion in criteria:
        values = found[criterion["statistic"]]
        held = holds(values, criterion)
        for name, decision in decisions.items():
            weight = importance(values, found[name])
            for option in decision["options"]:
                own = found[name] == told(option)
                rows.append(
                    {
                        "statistic": criterion["statistic"],
                        "decision": name,
                        "importance": weight,
                        "option": told(option),
                        "of_the_paper": option == decision["paper"],
                        "known": decision["known"],
                        "universes": int(own.sum()),
                        "mean": values[own].mean(),
                        "share": held[own].mean(),
                    }
                )
    return pd.DataFrame(rows)


def sentences(table: pd.DataFrame, by_option: pd.DataFrame) -> list[str]:
    """A line per statistic: in which share of the universes it holds, and what decides."""
    lines = []
    for row in table.itertuples():
        own = by_option[by_option["statistic"] == row.statistic]
        line = f"{row.claim}, {row.statistic.replace('_', ' ')}: "
        if pd.isna(row.threshold):
            line += f"mean {number(row.mean)} (no threshold)"
        else:
            line += (
                f"{row.direction} {number(row.threshold)} in {100 * row.share:.0f} % of "
                f"{row.universes} universes ({100 * row.share_low:.0f} to "
                f"{100 * row.share_high:.0f} %)"
            )
        weights = own.drop_duplicates("decision").set_index("decision")["importance"]
        named = [f"{k} {100 * v:.0f} %" for k, v in weights.nlargest(3).items() if v >= NOTICED]
        line += f"; variance explained by {', '.join(named)}" if named else ""
        lines.append(line + (f"; undefined in {row.undefined}" if row.undefined else ""))
    return lines
