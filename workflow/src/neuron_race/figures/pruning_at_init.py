"""Figure of the claim pruning_at_init: how tickets by every score train."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

ARMS = {
    "full": "all neurons",
    "forecast": "forecast",
    "lanes": "forecast, one of each lane first",
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
    percents = set(details["percent"]) - {100}
    fewest, most = min(percents), max(percents)
    figure, axes = style.panels(3, height=3, widths=(1, 1, 1))
    numbers = []
    # With two layers the clock is changed until the drop, so that the course says little there.
    panels = [
        ("one_layer", "", "course", fewest),
        ("two_layers", "", "loss", most),
        ("two_layers", "_layers", "loss", most),
    ]
    words = {"course": "mean over training", "loss": "at the end"}
    for ax, (condition, suffix, value, percent) in zip(axes, panels, strict=True):
        own = details[details["condition"] == condition].copy()
        wanted = [arm if arm == "full" else arm + suffix for arm in ARMS]
        own = own[own["arm"].isin(wanted) & own["percent"].isin([percent, 100])]
        own = own.sort_values("arm", key=lambda a: a.map(wanted.index), kind="stable")
        table = style.summarise(own, ["arm"], value)
        blue, grey = style.COLOURS["gaussian"], style.COLOURS["lazy"]
        special = {
            "forecast": blue,
            "lanes": blue,
            "full": "black",
            "shuffled": grey,
            "losers": grey,
        }
        colours = [special.get(a.removesuffix("_layers"), "#E69F00") for a in table["arm"]]
        labels = list(ARMS.values()) if ax is axes[0] else [""] * len(ARMS)
        style.dots(ax, table, labels, colours)
        ax.tick_params(labelsize=6.5)
        where = " in each" if suffix else ""
        ax.set_xlabel(f"relative loss, {words[value]}", fontsize=8)
        ax.set_title(f"{TITLES[condition]},\n{percent} % kept{where}", fontsize=8)
        numbers.append(table.assign(condition=condition, percent=percent))
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
