"""Figure of the claim pruning: loss and accuracy against neurons kept, for every arm."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

ARMS = {
    "lowest_first": ("lowest norm first", "#0072B2", "-"),
    "stratified": ("stratified by cluster", "#56B4E9", "-"),
    "merge_then_prune": ("merged first", "#009E73", "-"),
    "greedy": ("greedy oracle", "#000000", ":"),
    "random": ("random (control)", "#7F7F7F", "--"),
    "highest_first": ("highest norm first (control)", "#D55E00", "--"),
}
COLUMNS = (
    ("pair", "gaussian", "image pair, Gaussian head"),
    ("pair", "balanced", "image pair, balanced head"),
    ("clusters", "gaussian", "XOR clusters, Gaussian head"),
    ("pair", "lazy", "large init (control)"),
)


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``compression/{pair,clusters}`` tables; returns the numbers drawn."""
    figure, axes = style.panels(len(COLUMNS), rows=2, height=2.2)
    numbers = []
    for column, (task, condition, title) in enumerate(COLUMNS):
        table = tables[f"compression/{task}/pruning.csv"]
        own = table[table["condition"] == condition]
        for row, value in enumerate(("loss", "accuracy")):
            ax = axes[row * len(COLUMNS) + column]
            for arm, (label, colour, line) in ARMS.items():
                curve = style.summarise(own[own["arm"] == arm], ["arm", "fraction"], value)
                style.band(ax, curve, "fraction", color=colour, ls=line, label=label, lw=1.2)
                numbers.append(curve.assign(task=task, condition=condition))
            ax.set_xlabel("fraction kept" if row else "")
            ax.set_ylabel(("training loss", "training accuracy")[row] if column == 0 else "")
            ax.set_ylim(*((0, 0.75), (0.4, 1.02))[row])
        axes[column].set_title(title, fontsize=7.5)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, fontsize=7, loc="outside upper center")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
