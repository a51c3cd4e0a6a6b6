"""Figure of the claim pruning: loss against neurons kept, and what is lost when a fifth is kept."""

from typing import Any

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

# The claim's own line comes last, on top of what it is compared with.
ARMS = {
    "random": ("random (control)", style.GREY, "--"),
    "highest_first": ("highest norm first (control)", style.RED, ":"),
    "merge_then_prune": ("merged first", style.GREEN, "-."),
    "greedy": ("best choice (greedy)", style.ORANGE, "-"),
    "lowest_first": ("lowest norm first", style.BLUE, "-"),
}
WIDE = {"greedy": 4.0, "lowest_first": 1.3}  # so that a line below another is seen
COLUMNS = (
    ("pair", "gaussian", "digits, Gaussian head"),
    ("pair", "balanced", "digits, balanced head"),
    ("clusters", "gaussian", "XOR, Gaussian head"),
    ("pair", "lazy_from_zero", "digits, large init (control)"),
)


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``compression/{pair,clusters}`` tables; returns the numbers drawn."""
    figure, (*axes, kept, areas) = style.sheet(
        "Can small neurons be removed?", (2.3, (1, 1)), (1.9, (1, 1)), (2.9, (1,)), (1.2, (1,))
    )
    numbers = []
    for ax, (task, condition, title) in zip(axes, COLUMNS, strict=True):
        table = tables[f"compression/{task}/pruning.csv"]
        own = table[table["condition"] == condition]
        for arm, (label, colour, line) in ARMS.items():
            curve = style.summarise(own[own["arm"] == arm], ["arm", "fraction"], "loss")
            look: dict[str, Any] = {
                "color": colour,
                "ls": line,
                "label": label,
                "lw": WIDE.get(arm, 1.3),
            }
            style.band(ax, curve, "fraction", **look)
            numbers.append(curve.assign(task=task, condition=condition))
        ax.set(xlabel="fraction kept", ylabel="training loss", ylim=(0, 0.62), title=title)
    style.key(axes[0], columns=2)
    numbers.append(strips.strip(kept, verdict, tables, _rows()))
    kept.set(xlabel="share of what was learned that is lost", xlim=(-0.03, None))
    kept.set_title("When a fifth is kept")
    highest = Row(
        "highest first", "compression/pair/gaussian", "highest_first_loss_area", style.RED
    )
    lowest = Row("lowest first", "compression/pair/gaussian", "lowest_first_loss_area")
    numbers.append(strips.strip(areas, verdict, tables, [lowest, highest]))
    areas.set(xlabel="area between its curve and that of random pruning (above 0: less loss)")
    areas.set_title("Against random pruning, all fractions (digits, Gaussian)")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _rows() -> list[Row]:
    """Loss shares of the lowest norms first, beside what they are compared with."""
    rows = []
    for task, condition, title in COLUMNS[:3]:
        source = f"compression/{task}/{condition}"
        zero = f"compression/{task}/lazy_from_zero"
        rows += [
            Row(f"{title}: lowest first", source, "lowest_first_loss_share"),
            Row("best choice", source, "greedy_loss_share", style.ORANGE),
        ]
        if condition == "balanced":
            rows.append(Row("merged first", source, "merge_then_prune_loss_share", style.GREEN))
        else:
            rows += [
                Row("random (control)", source, "random_loss_share", style.GREY),
                Row("large init, lowest (control)", zero, "lowest_first_loss_share", style.GREY),
            ]
    return rows
