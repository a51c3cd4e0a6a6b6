"""Figure of the claim circularity: what moves a forecast and what does not."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

ROWS = {
    "forecast_changed": "everything after step 0\nreplaced by noise",
    "budget_changed": "step budget, snapshots,\nloss target changed",
    "init_changed": "initial weights changed\nby 1 % (control)",
    "leak_changed": "the same noise, for a forecast\nthat peeks (control)",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``audit/pair``; returns the numbers drawn."""
    runs = tables["audit/pair/runs.csv"]
    figure, (ax,) = style.panels(1)
    table = pd.concat(style.summarise(runs, ["condition"], name) for name in ROWS)
    colours = [style.COLOURS["gaussian"]] * 2 + [style.COLOURS["lazy"]] * 2
    style.dots(ax, table, list(ROWS.values()), colours)
    ax.set_xscale("symlog", linthresh=1e-16)
    ax.set(xlabel="relative change of the forecast (0: identical to the bit)", xlim=(-1e-17, 1e6))
    ax.set_xticks([0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1, 1e3, 1e6])
    ax.margins(x=0.02)
    ax.set_title("Forecasts see the init and nothing after it")
    style.footer(figure, verdict)
    return figure, table
