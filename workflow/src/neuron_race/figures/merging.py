"""Figure of the claim merging: change of the loss by rule, and neurons left."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

RULES = {
    "merge": "merge (E7)",
    "naive_average": "naive average",
    "shuffled_membership": "shuffled",
}
SHOWN = ("gaussian", "balanced", "lazy")
TASKS = {"pair": "image pair", "clusters": "XOR clusters"}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``compression/{pair,clusters}`` tables; returns the numbers drawn."""
    figure, (change, left) = style.panels(2, widths=(1.2, 1))
    table = pd.concat(
        style.ordered(tables[f"compression/{task}/merging.csv"], SHOWN).assign(task=task)
        for task in TASKS
    )
    table["loss_change"] = (table["loss"] / table["loss_before"] - 1).abs()
    table["left"] = table["neurons"] / table["neurons_before"]
    small = table[table["condition"].isin(["gaussian", "balanced"])]
    losses = style.summarise(small, ["rule", "task", "condition"], "loss_change")
    losses = losses.sort_values("rule", key=lambda r: r.map(list(RULES).index), kind="stable")
    colours = {"merge": style.COLOURS["gaussian"]}
    style.dots(
        change,
        losses,
        [f"{RULES[r.rule]}, {TASKS[r.task]}, {r.condition}" for r in losses.itertuples()],
        [colours.get(r, style.COLOURS["lazy"]) for r in losses["rule"]],
    )
    change.set(xscale="log", xlabel="relative change of the loss")
    change.set_title("Loss after merging (grey: controls)")
    style.threshold(change, 0.02, "margin 2 %")
    counts = style.summarise(table[table["rule"] == "merge"], ["task", "condition"], "left")
    style.dots(
        left,
        counts,
        [f"{TASKS[r.task]}, {style.NAMES[r.condition]}" for r in counts.itertuples()],
        [style.COLOURS[c] for c in counts["condition"]],
    )
    left.set(xlabel="neurons left, K/m", xlim=(-0.03, 1.05), title="Neurons after merging")
    style.threshold(left, 0.2, "claim: below")
    style.footer(figure, verdict)
    return figure, pd.concat([losses, counts], ignore_index=True)
