"""What core claims are about, against training time: by how much of the loss is left."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import multiverse, style

# The same statistics, where the moment is asked of another one than the drop.
NAMED = {"alignment_at_drop": "alignment"}
TITLES = {**multiverse.TITLES, "alignment_at_drop": "alignment at that moment"}
CONDITIONS = ("gaussian", "balanced", "lazy")
COLUMNS = 2
DROP = 0.1


def draw(
    runs: pd.DataFrame, criteria: Sequence[Mapping[str, Any]], drops: Sequence[float], preset: str
) -> style.Drawn:
    """A panel per statistic: its mean over runs, moment by moment, and its claim's threshold.

    Args:
        runs: ``results/moments/<experiment>/runs.csv``, with a column ``task``.
        criteria: ``claim``, ``statistic``, ``threshold`` and ``direction`` of each panel.
        drops: fractions of the initial loss lost at the moments, from the first to the last.
        preset: its name, and whether it was changed.

    Returns:
        The figure and the numbers drawn.
    """
    rows = -(-len(criteria) // COLUMNS)
    figure, axes = style.sheet(
        "Does it matter when a network is judged?",
        *[(1.6, (1,) * COLUMNS)] * rows,
        width=style.WIDTH,
    )
    drawn = []
    for ax, criterion in zip(axes, criteria, strict=False):
        numbers = _values(runs, NAMED.get(criterion["statistic"], criterion["statistic"]), drops)
        _panel(ax, numbers, criterion, drops)
        drawn.append(numbers.assign(claim=criterion["claim"]))
    for ax in axes[len(criteria) :]:
        ax.axis("off")
    for ax in axes:
        ax.set_xticks(range(len(drops)), [f"{100 * (1 - drop):.0f}" for drop in drops])
    for ax in axes[-COLUMNS:]:
        ax.set_xticks(range(len(drops)), _times(runs, drops))
        ax.set_xlabel("% of the loss left; below, time over the drop’s")
    style.key(*axes)
    style.note(
        figure,
        f"preset {preset}; bands: 95 % intervals of the mean over runs that got there; times: "
        "medians, Gaussian head",
    )
    return figure, pd.concat(drawn, ignore_index=True)


def _values(runs: pd.DataFrame, statistic: str, drops: Sequence[float]) -> pd.DataFrame:
    """Means and intervals, moment by moment, of the runs that got there."""
    parts = []
    for drop in drops:
        column = f"{statistic}_{round(100 * drop):02d}"
        own = style.ordered(runs.dropna(subset=[column]), CONDITIONS)
        found = style.summarise(own, ["condition"], column)
        n = own.groupby("condition")[column].size()
        parts.append(
            found.assign(quantity=statistic, loss_left=1 - drop, runs=found["condition"].map(n))
        )
    return pd.concat(parts, ignore_index=True)


def _panel(
    ax: Axes, numbers: pd.DataFrame, criterion: Mapping[str, Any], drops: Sequence[float]
) -> None:
    place = {1 - drop: at for at, drop in enumerate(drops)}
    for condition in CONDITIONS:
        own = numbers[numbers["condition"] == condition]
        style.band(ax, own.assign(at=own["loss_left"].map(place)), "at", **style.look(condition))
    ax.axhline(criterion["threshold"], ls="--", lw=0.8, color="black", zorder=0)
    ax.axvline(place[1 - DROP], lw=0.6, color="#BBBBBB", zorder=0)
    ax.set_title(TITLES[criterion["statistic"]])
    if criterion["statistic"].endswith("loss_share"):  # a lost half is lost enough
        ax.set_ylim(-0.1, 1.1)


def _times(runs: pd.DataFrame, drops: Sequence[float]) -> list[str]:
    """Loss left, and below it the median time over that of the drop, Gaussian head."""
    own = runs[runs["condition"] == CONDITIONS[0]]
    start = own[f"step_{round(100 * DROP):02d}"]
    times = [np.nanmedian(own[f"step_{round(100 * drop):02d}"] / start) for drop in drops]
    return [f"{100 * (1 - drop):.0f}\n{time:.1f}" for drop, time in zip(drops, times, strict=True)]
