"""Figure of the claim pruning_at_init: training course of tickets by every score."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.plots import style

ARMS = {
    "full": "all neurons",
    "forecast": "forecast",
    "snip": "SNIP",
    "grasp": "GraSP",
    "synflow": "SynFlow",
    "magnitude": "magnitude",
    "random": "random",
    "shuffled": "forecast, shuffled labels (control)",
    "losers": "forecast's losers (control)",
}
TITLES = {"one_layer": "One hidden layer", "two_layers": "Two hidden layers"}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/pruning_at_init/details.csv``; returns the numbers drawn."""
    details = tables["extension/pruning_at_init/details.csv"]
    percent = int(details["percent"].min())
    figure, axes = style.panels(3, height=3, widths=(1, 1, 1))
    numbers = []
    panels = [("one_layer", ""), ("two_layers", ""), ("two_layers", "_layers")]
    for ax, (condition, suffix) in zip(axes, panels, strict=True):
        own = details[details["condition"] == condition].copy()
        wanted = [arm if arm == "full" else arm + suffix for arm in ARMS]
        own = own[own["arm"].isin(wanted) & own["percent"].isin([percent, 100])]
        own = own.sort_values("arm", key=lambda a: a.map(wanted.index), kind="stable")
        table = style.summarise(own, ["arm"], "course")
        blue, grey = style.COLOURS["gaussian"], style.COLOURS["lazy"]
        special = {"forecast": blue, "full": "black", "shuffled": grey, "losers": grey}
        colours = [special.get(a.removesuffix("_layers"), "#E69F00") for a in table["arm"]]
        labels = list(ARMS.values()) if ax is axes[0] else [""] * len(ARMS)
        style.dots(ax, table, labels, colours)
        ax.tick_params(labelsize=6.5)
        where = " in each" if suffix else ""
        ax.set(xlabel="relative loss, mean over training")
        ax.set_title(f"{TITLES[condition]},\n{percent} % kept{where}", fontsize=8)
        numbers.append(table.assign(condition=condition, percent=percent))
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
