"""Figure of the claim circularity: what moves a forecast, and what the closed form tells."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

ROWS = {
    "forecast_changed": "everything after step 0\nreplaced by noise",
    "budget_changed": "step budget, snapshots,\nloss target changed",
    "init_changed": "initial weights changed\nby 1 % (control)",
    "leak_changed": "the same noise, for a forecast\nthat peeks (control)",
}
HEADS = ("gaussian", "pytorch", "balanced")
SCORES = {
    "auroc_race_score": ("o", "closed form at init (one gradient)"),
    "auroc_forecast": ("s", "integrated up to the drop"),
    "auroc_norm_a_init": ("x", "head's initial size"),
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``audit/pair`` and ``race/pair``; returns the numbers drawn."""
    figure, (moves, tells) = style.panels(2)
    drawn = [
        _moves(moves, tables["audit/pair/runs.csv"]),
        _tells(tells, tables["race/pair/runs.csv"]),
    ]
    style.footer(figure, verdict)
    return figure, pd.concat(drawn, ignore_index=True)


def _moves(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """What changes the forecast, and what does not."""
    table = pd.concat(style.summarise(runs, ["condition"], name) for name in ROWS)
    colours = [style.COLOURS["gaussian"]] * 2 + [style.COLOURS["lazy"]] * 2
    style.dots(ax, table, list(ROWS.values()), colours)
    ax.set_xscale("symlog", linthresh=1e-16)
    ax.set(xlabel="relative change (0: identical to the bit)", xlim=(-1e-17, 1e6))
    ax.set_xticks([0, 1e-12, 1e-6, 1, 1e6])
    ax.margins(x=0.02)
    ax.set_title("Forecasts see nothing after step 0")
    return table


def _tells(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """Chance that a winner has the higher score, by head and by what is known of the init."""
    parts = []
    for shift, (name, (marker, label)) in zip((0.2, 0, -0.2), SCORES.items(), strict=True):
        own = style.summarise(style.ordered(runs, HEADS), ["condition"], name)
        y = [2 - HEADS.index(head) + shift for head in own["condition"]]
        colours = [style.COLOURS[head] for head in own["condition"]]
        ax.hlines(y, own["low"], own["high"], color=colours, lw=1.5)
        ax.scatter(own["mean"], y, marker=marker, c=colours, s=18, label=label)
        parts.append(own)
    ax.set_yticks([2, 1, 0], [style.NAMES[head] for head in HEADS])
    ax.set(xlabel="chance that a winner has the higher score", xlim=(0.4, 1.02))
    ax.legend(fontsize=6, loc="lower left")
    ax.set_title("The closed form tells as well")
    return pd.concat(parts)
