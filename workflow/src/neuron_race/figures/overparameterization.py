"""Figure of the claim overparameterization: success, time to the drop, and idle neurons."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style
from neuron_race.figures.capacity import LAZY, WIDTHS

PANELS = {
    "fitted": ("success probability", "Wide networks fit"),
    "t_drop_10": ("time to the drop", "and sooner"),
    "lower_half_share": ("share of the lower half", "Excess neurons are idle"),
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/capacity``; returns the numbers drawn."""
    runs = tables["dynamics/capacity/runs.csv"]
    figure, axes = style.panels(3)
    numbers = []
    series = ((WIDTHS, "gaussian", "small init"), (LAZY, "lazy", "large init (control)"))
    for ax, (value, (label, title)) in zip(axes, PANELS.items(), strict=True):
        for widths, colour, name in series:
            if value == "t_drop_10" and colour == "lazy":
                continue  # no plateau, so no time to compare
            own = runs[runs["condition"].isin(widths)]
            own = own.assign(x=own["condition"].map(widths)).dropna(subset=[value])
            line = style.summarise(own, ["x"], value).sort_values("x")
            style.band(ax, line, "x", color=style.COLOURS[colour], marker="o", ms=3, label=name)
            numbers.append(line.assign(series=name))
        ax.set(xlabel="width m", ylabel=label, title=title)
        ax.set_xscale("log", base=2)
        ax.legend(fontsize=6.5)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
