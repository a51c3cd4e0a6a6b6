"""Every criterion over tasks: where each lies, their mean, and where a new one would."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.evidence import statistics
from neuron_race.figures import style

SHOWN = (-1.5, 3.0)  # of the distance to the threshold, in those of the mean
GOOD, BAD = style.BLUE, style.RED


def draw(scores: pd.DataFrame, evidence: Mapping[str, pd.DataFrame]) -> style.Drawn:
    """One row per criterion that counts and is asked of several tasks, claim by claim.

    Criteria have scales of their own; so each is drawn by its distance to the threshold, towards
    the side that the claim asks for, over that of its mean: at 0 the threshold, at ±1 the mean.

    Args:
        scores: ``results/claims.csv``.
        evidence: ``results/evidence/<claim>.csv`` by claim.

    Returns:
        The figure and the numbers drawn.
    """
    counted = scores["confirmatory"].astype(bool) & ~scores["is_control"].astype(bool)
    rows = scores[counted & (scores["n_tasks"] > 1)].reset_index(drop=True)
    height = 0.5 + 0.16 * max(len(rows), 6)
    figure, (ax,) = style.sheet(
        "On which pairs of digits does it hold?", (height, (1,)), width=style.WIDTH, letters=""
    )
    parts = [_row(ax, y, row, evidence[row["claim"]]) for y, row in rows.iterrows()]
    named = rows["claim"].ne(rows["claim"].shift())
    labels = [
        f"{claim if first else ''}   {name.replace('_', ' ')}  {100 * share:.0f} %"
        for claim, name, share, first in zip(
            rows["claim"], rows["name"], rows["share"], named, strict=True
        )
    ]
    ax.set_yticks(range(len(rows)), labels, fontsize=6)
    ax.axvline(0, ls="--", lw=0.8, color="black", zorder=0)
    for y in np.flatnonzero(named)[1:]:
        ax.axhline(y - 0.5, lw=0.4, color="#BBBBBB")
    ax.set(xlim=SHOWN, ylim=(len(rows) - 0.4, -0.6))
    ax.set_xticks([0, 1], ["threshold", "mean"])
    ax.set_title("Dots: tasks. Bars: 95 % interval of the mean. Lines: where a new pair would lie")
    style.note(
        figure,
        f"preset {scores['preset'].iloc[0]}; share of tasks in which a criterion holds beside its "
        "name; what lies beyond the axes is drawn at their ends",
    )
    columns = ["claim", "criterion", "task", "value", "distance"]
    return figure, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _row(ax: Axes, y: int, row: pd.Series, evidence: pd.DataFrame) -> pd.DataFrame:
    """Tasks, mean and interval of one criterion."""
    own = evidence[(evidence["criterion"] == row["name"]) & evidence["null"].isna()]
    scale = abs(_inside(row["estimate"], row)) or 1.0
    distance = _inside(own["value"].to_numpy(dtype=float), row) / scale
    colour = GOOD if str(row["holds"]) == "True" else BAD
    for ends, width in ((("new_low", "new_high"), 0.8), (("ci_low", "ci_high"), 3.0)):
        low, high = (row[end] for end in ends)
        # Within ±threshold what lies nearest to it is the end that is further from 0.
        nearest = 0.0 if row["direction"] == "within" and low < 0 < high else low
        edges = np.sort([_inside(value, row) for value in (low, nearest, high)])[[0, -1]] / scale
        ax.plot(np.clip(edges, *SHOWN), [y, y], color=colour, lw=width, alpha=0.6, zorder=1)
    ax.scatter(np.clip(distance, *SHOWN), np.full(len(own), y), s=4, color="black", lw=0, zorder=2)
    table = own[["task", "value"]].assign(claim=row["claim"], criterion=row["name"])
    return table.assign(distance=distance)


def _inside(values: Any, row: pd.Series) -> Any:
    """How far values are on the side of the threshold that a claim asks for."""
    return statistics.margin(values, row["threshold"], row["direction"])
