"""Figure of the claim circularity: what moves a forecast, and what the closed form tells."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

# What is changed, the column that tells it, and that of the criterion.
CHANGES = (
    ("everything after step 0 replaced by noise", "forecast_changed", "blind_to_training"),
    ("step budget, snapshots, loss target", "budget_changed", "blind_to_budget"),
    ("initial weights by 1 % (control)", "init_changed", "sees_the_init"),
    ("the noise, for a forecast that peeks (control)", "leak_changed", "leak_is_seen"),
)
HEADS = ("gaussian", "pytorch", "balanced")
SCORES = {
    "auroc_race_score": "closed form",
    "auroc_forecast": "integrated",
    "auroc_norm_a_init": "head's size (control)",
}
COSTS = [
    Row("closed form", "race/pair/gaussian", "closed_form_cost"),
    Row("integrated (control)", "race/pair/gaussian", "forecast_step_ratio", style.GREY),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``audit/pair`` and ``race/pair``; returns the numbers drawn."""
    figure, (tells, costs, moves) = style.sheet(
        "Does the forecast only use what is known at init?",
        (2.3, (1,)),
        (1.1, (1,)),
        (1.5, (1,)),
    )
    numbers = [
        strips.strip(tells, verdict, tables, strips.by_head(HEADS, SCORES)),
        strips.strip(costs, verdict, tables, COSTS),
        _moves(moves, tables["audit/pair/runs.csv"], verdict),
    ]
    tells.set(xlabel="chance that a winner has the higher score (AUROC)", xlim=(None, 1.02))
    tells.set_title("A closed form at init tells as well as the integration")
    costs.set(xlabel="gradients used, over those of the run to its drop", xlim=(-0.03, None))
    costs.set_title("What each forecast costs")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _moves(ax: Axes, runs: pd.DataFrame, verdict: style.Verdict) -> pd.DataFrame:
    """A table: what changes the forecast, by how much at most, and what was asked."""
    asked = {row["name"]: row for row in verdict["criteria"]}
    table = pd.concat(style.summarise(runs, ["condition"], name) for _, name, _ in CHANGES)
    cells = []
    for words, name, criterion in CHANGES:
        most = runs[name].max()
        change = "none, to the bit" if most == 0 else f"{most:.0e}"
        threshold, sign = strips.sides(asked[criterion])[-1]
        if asked[criterion]["statistic"].endswith("log10"):
            threshold = 10**threshold
        cells.append([words, change, f"{sign} {threshold:.0e}"])
    drawn = ax.table(
        cells,
        colLabels=["changed", "forecast changes by", "asked"],
        colWidths=[0.56, 0.27, 0.17],
        cellLoc="left",
        colLoc="left",
        bbox=Bbox.unit(),
        edges="horizontal",
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(7.5)
    drawn.set_gid(" ".join(f"threshold:{criterion}" for *_, criterion in CHANGES))
    ax.set_axis_off()
    ax.set_title("What moves a forecast (largest relative change)")
    return table
