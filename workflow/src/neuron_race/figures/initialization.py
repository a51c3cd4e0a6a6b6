"""Figure of the claim initialization: loss against work, winners, merged size, final loss."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

NAMES = {
    "balanced": "balanced draw",
    "aligned": "aligned",
    "spread": "spread",
    "spread_shuffled": "spread, shuffled labels (control)",
    "gaussian": "Gaussian draw",
    "pytorch": "PyTorch's draw",
}
COLOURS = {
    "balanced": "#D55E00",
    "aligned": "#56B4E9",
    "spread": "#0072B2",
    "spread_shuffled": "#7F7F7F",
    "gaussian": "#E69F00",
    "pytorch": "#009E73",
}
PANELS = {"winners": "Share of winners", "merged": "Merged size", "loss_end": "Final loss"}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/initialization`` tables; returns the numbers drawn."""
    figure, (course, *axes) = style.panels(4, height=3, widths=(1.7, 1, 1, 1))
    details = tables["extension/initialization/details.csv"]
    numbers = []
    for condition in ("balanced", "aligned", "spread", "spread_shuffled"):
        curve = style.summarise(details[details["condition"] == condition], ["work"], "loss")
        style.band(course, curve, "work", color=COLOURS[condition], label=NAMES[condition])
        numbers.append(curve.assign(condition=condition))
    course.set(xlabel="steps, those of the design included", ylabel="loss over initial loss")
    course.set_xlim(0, 250)
    course.set_title("At equal compute")
    course.legend(fontsize=5.5, loc="lower left")
    runs = tables["extension/initialization/runs.csv"]
    runs = style.ordered(runs, NAMES)
    for ax, (column, title) in zip(axes, PANELS.items(), strict=True):
        table = style.summarise(runs, ["condition"], column)
        short = [NAMES[c].split(" (")[0].replace(", ", ",\n") for c in table["condition"]]
        labels = short if ax is axes[0] else [""] * len(table)
        style.dots(ax, table, labels, [COLOURS[c] for c in table["condition"]])
        ax.tick_params(labelsize=6.5)
        ax.set_title(title, fontsize=8)
        numbers.append(table)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
