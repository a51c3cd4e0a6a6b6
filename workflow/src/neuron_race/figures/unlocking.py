"""Figure of the claim unlocking: lent gates, held gates, and the second group."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

HEADS = ("gaussian", "balanced")
TREATED = {
    "held_drop": "held from the drop",
    "held_2x": "held from 2 drops",
    "held_4x": "held from 4 drops",
    "sham": "held for a step",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``late_winners`` and ``two_features``; returns the numbers drawn."""
    figure, (lent, held, staircase) = style.panels(3)
    runs = tables["late_winners/late_winners/runs.csv"]
    numbers = [lending(lent, runs), holding(held, runs)]
    numbers += second_group(staircase, tables["dynamics/two_features/trajectory.csv"])
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def lending(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """Lift of losers by lent gates against the lead forecast, every run a point."""
    for condition in HEADS:
        own, colour = runs[runs["condition"] == condition], style.COLOURS[condition]
        ax.plot(own["lead"], own["lent"], "o", ms=4, color=colour, label=style.NAMES[condition])
        ax.plot(own["lead"], own["foreign"], "x", ms=4, color=colour, label="a loser's gates")
    ax.set(xlabel="lead forecast, log c", ylabel="lift of matched losers, log10 c")
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set_title("a second race's gates, lent")
    ax.legend(fontsize=6)
    return runs[["condition", "seed", "lead", "lent", "foreign"]]


def holding(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """What candidates lose if their own gates are held."""
    own = runs[runs["condition"] == HEADS[0]]
    for at, name in enumerate(TREATED):
        ax.plot([at] * len(own), own[name], "o", ms=3, color=style.COLOURS["gaussian"])
        ax.plot([at - 0.25, at + 0.25], [own[name].mean()] * 2, color="black")
    ax.axhline(0, lw=0.5, color="grey")
    ax.set_xticks(range(len(TREATED)), list(TREATED.values()), rotation=20, fontsize=6)
    ax.set(ylabel="own over held gates, log10 c")
    ax.set_title("own gates, held")
    return own[["condition", "seed", *TREATED]]


def second_group(ax: Axes, path: pd.DataFrame) -> list[pd.DataFrame]:
    """Growth of both groups over time (U3)."""
    curves = []
    for condition in ("two", "one"):
        own = path[path["condition"] == condition]
        for value, line in (("growth_first", "-"), ("growth_second", "--")):
            curve = style.summarise(own, ["condition", "time"], value)
            label = f"{style.NAMES[condition]}, {value.split('_')[1]} group"
            shown = curve[curve["time"] > 1]
            style.band(ax, shown, "time", color=style.COLOURS[condition], ls=line, label=label)
            curves.append(curve)
    ax.set(xlabel="time t", ylabel="growth rate d log c / dt", xlim=(0, 150), ylim=(None, 1.4))
    ax.set_title("U3: the second group rises")
    ax.legend(fontsize=6)
    return curves
