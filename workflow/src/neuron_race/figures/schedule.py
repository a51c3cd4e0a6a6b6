"""Figure of the claim schedule: final orders across schedules, and when the order is decided."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

NAMES = {
    "warmup": "warm-up",
    "cosine": "cosine",
    "step_decay": "step decay",
    "longer": "three times as long",
    "large_rate": "six times the rate",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/schedule`` tables; returns the numbers drawn."""
    figure, (across, course) = style.panels(2, widths=(1, 1.1))
    runs = tables["extension/schedule/runs.csv"]
    chosen = style.ordered(runs, NAMES)
    same = style.summarise(chosen, ["condition"], "rho_constant")
    other = style.summarise(chosen, ["condition"], "rho_other_init")
    table = pd.concat([same, other], ignore_index=True)
    labels = [NAMES[c] for c in same["condition"]]
    labels += [f"{NAMES[c]}, other init (control)" for c in other["condition"]]
    colours = [style.COLOURS["gaussian"]] * len(same) + [style.COLOURS["lazy"]] * len(other)
    style.dots(across, table, labels, colours)
    across.set(xlabel="rank correlation of final norms", xlim=(-0.3, 1.05))
    across.set_title("Same winners as at a constant rate?")

    details = tables["extension/schedule/details.csv"]
    grid = np.linspace(0, 1.5, 16)
    curves = []
    for condition, name in {"constant": "small init", "lazy": "large init (control)"}.items():
        own = details[details["condition"] == condition]
        rows = [
            {"seed": seed, "progress": x, "decided": y}
            for seed, part in own.groupby("seed")
            for x, y in zip(grid, np.interp(grid, part["progress"], part["decided"]), strict=True)
        ]
        points = pd.DataFrame(rows, columns=["seed", "progress", "decided"])
        curve = style.summarise(points, ["progress"], "decided")
        colour = style.COLOURS["gaussian" if condition == "constant" else "lazy"]
        style.band(course, curve, "progress", color=colour, label=name)
        curves.append(curve.assign(condition=condition))
    course.axvline(1, ls="--", lw=0.8, color="black")
    course.axhline(0.5, ls=":", lw=0.8, color="black")
    course.text(0.02, 0.505, "chance", fontsize=6.5)
    course.set(
        xlabel="step over step of the drop", ylabel="pairs in final order", ylim=(0.45, 1.02)
    )
    course.set_title("When the order is decided")
    course.legend(fontsize=6.5, loc="center right")
    style.footer(figure, verdict)
    return figure, pd.concat([table, *curves], ignore_index=True)
