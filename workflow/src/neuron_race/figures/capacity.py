"""Figure of the claim capacity: effective width against task complexity and width."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

AXES = {"axes2": 2, "axes4": 4, "axes8": 8}
# Up to the widest of any preset; those that a preset lacks are not drawn.
WIDTHS = {f"width{2**power}": 2**power for power in range(2, 13)}
LAZY = {f"lazy{2**power}": 2**power for power in range(6, 13)}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/capacity``; returns the numbers drawn."""
    runs = tables["dynamics/capacity/runs.csv"]
    figure, (task, width, rank) = style.panels(3)
    numbers = []

    def curve(ax: Any, x: dict[str, int], value: str, colour: str, label: str) -> None:
        own = runs[runs["condition"].isin(x)].assign(x=lambda t: t["condition"].map(x))
        line = style.summarise(own, ["x"], value).sort_values("x")
        style.band(ax, line, "x", color=style.COLOURS[colour], marker="o", ms=3, label=label)
        numbers.append(line.assign(series=label))

    curve(task, AXES, "effective_width", "gaussian", "true labels")
    own = runs[runs["condition"] == "random_labels"].assign(x=4)
    random = style.summarise(own, ["x"], "effective_width")
    task.errorbar(
        random["x"],
        random["mean"],
        yerr=[random["mean"] - random["low"], random["high"] - random["mean"]],
        fmt="s",
        color=style.COLOURS["lazy"],
    )
    numbers.append(random.assign(series="random labels"))
    task.set(xlabel="cluster directions in the task", ylabel="effective width")
    task.set_xscale("log", base=2)
    task.set_title("Grows with the task")
    curve(width, WIDTHS, "effective_width", "gaussian", "small init")
    curve(width, LAZY, "effective_width", "lazy", "large init (control)")
    width.set(xlabel="width m", ylabel="effective width", yscale="log")
    width.set_xscale("log", base=2)
    width.set_title("Saturates with width")
    curve(rank, AXES, "stable_rank", "gaussian", "stable rank")
    rank.set(xlabel="cluster directions in the task", ylabel="stable rank")
    rank.set_xscale("log", base=2)
    rank.set_title("Stable rank")
    width.legend(fontsize=6.5)
    words: dict[str, Any] = {"textcoords": "offset points", "fontsize": 6.5}
    task.annotate("random labels\n(control)", (4, random["mean"].iloc[0]), xytext=(7, -3), **words)
    top = numbers[0].iloc[-1]
    task.annotate("true labels", (top["x"], top["mean"]), xytext=(-10, 0), ha="right", **words)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
