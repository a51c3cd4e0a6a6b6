"""Figure of the claim regimes: map over init scale and width."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

NAME = r"a(\d)e(\d)_m(\d+)"  # init scale and width
MAPS = {
    "alignment_at_drop_10": "alignment at the drop",
    "clusters_per_neuron_99": "clusters per neuron",
    "lowest_first_loss_share": "loss share at 20 % kept",
    "rho_forecast_all": "forecast with final norm",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics``, ``compression`` and ``race`` of regimes; returns the numbers drawn.

    The CSV has Luo et al.'s (2021) coordinates too: with a_j ~ alpha and entries of w_j ~ alpha,
    gamma = -log(alpha^2)/log m (condensation needs gamma > 1), and gamma' = 0.
    """
    keys = ["seed", "condition"]
    runs = tables["dynamics/regimes/runs.csv"]
    runs = runs[runs["condition"].str.fullmatch(NAME)]
    runs = runs.merge(tables["compression/regimes/runs.csv"], on=keys, validate="one_to_one")
    # Large inits have no plateau at f = 0, hence no forecast: their cells stay empty.
    runs = runs.merge(tables["race/regimes/runs.csv"], on=keys, how="left", validate="one_to_one")
    parts = runs["condition"].str.extract(NAME).astype(int)
    runs["alpha"], runs["width"] = parts[0] * 10.0 ** -parts[1], parts[2]
    figure, axes = style.panels(2, rows=2, height=2.1)
    numbers = []
    for ax, (value, title) in zip(axes, MAPS.items(), strict=True):
        table = style.summarise(runs, ["alpha", "width"], value)
        table["gamma"] = -np.log(table["alpha"] ** 2) / np.log(table["width"])
        table["gamma_prime"] = 0.0
        grid = table.pivot(index="width", columns="alpha", values="mean").sort_index()
        shown = np.clip(grid.to_numpy(), 0, 1)
        ax.imshow(shown, cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
        for (row, column), number in np.ndenumerate(grid.to_numpy()):
            if np.isnan(number):
                continue
            dark = shown[row, column] < 0.5
            ax.text(
                column,
                row,
                f"{number:.2f}",
                ha="center",
                va="center",
                fontsize=6,
                color="white" if dark else "black",
            )
        ax.set_xticks(range(len(grid.columns)), [f"{a:.0e}" for a in grid.columns], fontsize=6)
        ax.set_yticks(range(len(grid.index)), [str(m) for m in grid.index])
        ax.set(xlabel="init scale α", ylabel="width m", title=title)
        numbers.append(table)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
