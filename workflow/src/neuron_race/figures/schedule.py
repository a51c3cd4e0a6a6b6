"""Figure of the claim schedule: final orders across schedules, and when the order is decided."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

NAMES = {
    "warmup": "warm-up",
    "cosine": "cosine",
    "step_decay": "step decay",
    "longer": "three times as long",
    "large_rate": "six times the rate",
}
OVER = "extension/schedule/"
DECIDED = [
    Row("at the drop", f"{OVER}constant", "decided_at_drop"),
    Row("at init (control)", f"{OVER}constant", "decided_at_init", style.GREY),
    Row("at the drop, large init (control)", f"{OVER}lazy", "decided_at_drop", style.GREY),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/schedule`` tables; returns the numbers drawn."""
    figure, (across, common, course, decided) = style.sheet(
        "Does the schedule of rates change who wins?",
        (2.3, (1,)),
        (1.5, (1,)),
        (2.3, (1,)),
        (1.2, (1,)),
    )
    same = [Row(words, f"{OVER}{name}", "rho_constant") for name, words in NAMES.items()]
    other = [
        Row(f"{words}, other init (control)", f"{OVER}{name}", "rho_other_init", style.GREY)
        for name, words in NAMES.items()
    ]
    pairs = [row for pair in zip(same, other, strict=True) for row in pair]
    overlap = [row._replace(column="overlap") for row in same]
    drawn = {across: pairs, common: overlap, decided: DECIDED}
    numbers = [strips.strip(ax, verdict, tables, rows) for ax, rows in drawn.items()]
    across.set(xlabel="rank correlation of final norms", title="Same order as at a constant rate?")
    common.set(xlabel="share of the top fifth in common", title="Same winners?")
    numbers += _course(course, tables["extension/schedule/details.csv"])
    strips.level(course, verdict, "decided", "decided_at_init", "decided_lazy")
    style.key(course, columns=2)
    decided.set(xlabel="share of pairs in their final order", title="held against the thresholds")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _course(ax: Axes, details: pd.DataFrame) -> list[pd.DataFrame]:
    """Share of pairs of neurons in their final order, against time in steps of the drop."""
    grid = np.linspace(0, 1.5, 16)
    curves = []
    for condition, look in {"constant": "gaussian", "lazy": "lazy"}.items():
        own = details[details["condition"] == condition]
        keys = ["seed", "task"] if "task" in own else ["seed"]
        rows = [
            pd.DataFrame(
                {
                    **dict(zip(keys, key, strict=True)),
                    "progress": grid,
                    "decided": np.interp(grid, part["progress"], part["decided"]),
                }
            )
            for key, part in own.groupby(keys, sort=False, dropna=False)
        ]
        columns = [*keys, "progress", "decided"]
        points = pd.concat(rows) if rows else pd.DataFrame(columns=columns, dtype=float)
        curve = style.summarise(points, ["progress"], "decided")
        label = "small init" if condition == "constant" else "large init (control)"
        style.band(ax, curve, "progress", **{**style.look(look), "label": label})
        curves.append(curve.assign(condition=condition))
    ax.axvline(1, lw=0.8, color="#BBBBBB", zorder=0)
    ax.axhline(0.5, lw=0.8, color="#BBBBBB", zorder=0)
    style.beside(ax, 0.5, "chance")
    ax.set(xlabel="steps over those to the drop", ylabel="pairs in final order", ylim=(0.45, 1.02))
    ax.set_title("When the order is decided,")
    return curves
