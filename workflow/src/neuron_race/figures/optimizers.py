"""Figure of the claim optimizers: conservation, alignment, forecast and pruning for each."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

NAMES = {
    "gd": "gradient descent",
    "minibatch": "mini-batches",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "adam": "Adam",
}
PANELS = {
    "conservation_error": "Violation of E2",
    "alignment": "cos δ at the drop",
    "rho_forecast": "Forecast, rank corr.",
    "lowest_20": "Lost when a fifth is kept",
}
CONTROLS = {"rho_forecast": "rho_shuffled", "lowest_20": "random_20"}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/optimizers/runs.csv``; returns the numbers drawn."""
    figure, axes = style.panels(4, widths=(1, 1, 1, 1))
    runs = tables["extension/optimizers/runs.csv"]
    runs = style.ordered(runs, NAMES)
    numbers = []
    for ax, (column, title) in zip(axes, PANELS.items(), strict=True):
        table = style.summarise(runs, ["condition"], column)
        labels = list(NAMES.values()) if ax is axes[0] else [""] * len(NAMES)
        style.dots(ax, table, labels, [style.COLOURS["gaussian"]] * len(table))
        numbers.append(table)
        if column in CONTROLS:
            control = style.summarise(runs, ["condition"], CONTROLS[column])
            for y, (_, row) in zip(range(len(control))[::-1], control.iterrows(), strict=True):
                ax.plot([row["low"], row["high"]], [y - 0.25] * 2, color=style.COLOURS["lazy"])
                ax.plot(row["mean"], y - 0.25, "x", color=style.COLOURS["lazy"], ms=4)
            word = "shuffled labels" if column == "rho_forecast" else "random"
            ax.plot([], [], "x", color=style.COLOURS["lazy"], label=f"{word} (control)")
            ax.legend(fontsize=5.5, loc="upper center", bbox_to_anchor=(0.5, -0.12))
            numbers.append(control)
        ax.set_title(title, fontsize=7.5)
        ax.tick_params(labelsize=6.5)
    axes[0].set_xlim(-0.05, 1.05)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
