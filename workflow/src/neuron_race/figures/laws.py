"""Figure of the claim laws: predicted against measured, every run a point, one panel per law."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from neuron_race.figures import style

# Conditions of each panel, with their labels.
HEADS = {"gaussian": "Gaussian", "pytorch": "PyTorch", "balanced": "balanced"}
XOR = {f"xor_{head}": f"XOR, {name}" for head, name in HEADS.items()}
SCALES = {"drop_a1e6": "α 1e-6", "drop_a1e3": "α 1e-3", "drop_a1e2": "α 1e-2", "drop_a3e2": "α .03"}
WIDTHS = {f"width{m}": f"width {m}" for m in (32, 64, 128, 256)}
SAME = {f"width{m}_same_sum": f"{m}, same Σc" for m in (32, 64, 128)}
TICKETS = {f"drop_{head}": name for head, name in HEADS.items()}
GROUPS = {f"groups{n}": f"{n} axes" for n in (2, 4, 6, 8)}
PRUNED = {**HEADS, **XOR, "logistic": "logistic", "xor_random": "random labels"}
# Criteria that say where a law stops, by panel, with their words.
STOPS = {
    "L1": {
        "pruned_balanced": "balanced",
        "pruned_xor_balanced": "XOR, balanced",
        "pruned_logistic": "logistic",
        "pruned_random_labels": "random labels",
    },
    "L2": {"ratio_winners": "winners, closed form", "ratio_losers": "losers, closed form"},
    "L5": {"drop_large": "α .03"},
    "L6": {"head_xor_balanced": "XOR, balanced"},
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``laws/laws`` and ``delays/laws``; returns the numbers drawn."""
    laws, delays = (tables[f"{name}/laws/runs.csv"] for name in ("laws", "delays"))
    arms = ("winners", "random", "losers")
    tickets = pd.concat(
        [
            delays.assign(
                predicted=delays[f"delay_predicted_{arm}"],
                measured=delays[f"delay_{arm}"],
                condition=delays["condition"] + f" {arm}",
            )
            for arm in arms
        ]
    )
    ticket_names = {
        f"{name} {arm}": f"{label}, {arm}" for name, label in TICKETS.items() for arm in arms
    }
    figure, axes = style.panels(3, 2, height=2.9)
    drops = {**HEADS, "logistic": "logistic", **XOR, **SCALES}
    drawn = [
        panel(axes[0], pairs(laws, "pruned", PRUNED), "share lost by pruning to a fifth", 0.03),
        panel(axes[1], own(tickets, ticket_names), "delay of a ticket", 0.1, log=True),
        panel(axes[2], pairs(laws, "drop", {**WIDTHS, **SAME}), "time of the drop", 3.0),
        panel(axes[3], pairs(laws, "groups", GROUPS), "groups", 0.1, log=True),
        panel(axes[4], pairs(laws, "drop", drops), "time of the drop", 0.1, log=True),
        panel(axes[5], pairs(laws, "auroc_head", {**HEADS, **XOR}), "AUROC of |a| at init", 0.05),
    ]
    titles = ["pruning", "tickets", "width", "groups", "time of the drop", "winners"]
    for number, (ax, title) in enumerate(zip(axes, titles, strict=True), start=1):
        ax.set_title(f"L{number}: {title}")
        stops(ax, f"L{number}", verdict)
    style.footer(figure, verdict)
    parts = [part.assign(law=f"L{number}") for number, part in enumerate(drawn, start=1)]
    return figure, pd.concat(parts, ignore_index=True)


def pairs(table: pd.DataFrame, value: str, names: dict[str, str]) -> pd.DataFrame:
    """Predicted and measured values of a quantity."""
    return own(table.assign(predicted=table[f"{value}_predicted"], measured=table[value]), names)


def own(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Runs of the named conditions, with their labels; those without a prediction are left out."""
    chosen = style.ordered(table, names).dropna(subset=["predicted", "measured"])
    return chosen.assign(series=chosen["condition"].map(names))[["series", "predicted", "measured"]]


def panel(
    ax: Axes, runs: pd.DataFrame, what: str, margin: float, log: bool = False
) -> pd.DataFrame:
    """Runs as points, means with intervals, the 1:1 line and the margin about it."""
    if log:
        runs = runs[(runs["predicted"] > 0) & (runs["measured"] > 0)]
    palette = style.series(runs["series"].nunique())
    for colour, (label, part) in zip(palette, runs.groupby("series", sort=False), strict=True):
        ax.plot(part["predicted"], part["measured"], ".", ms=2.5, alpha=0.5, color=colour)
        ax.plot(*part[["predicted", "measured"]].mean(), "o", ms=4, color=colour, label=label)
    low, high = runs[["predicted", "measured"]].min().min(), runs.max(numeric_only=True).max()
    if len(runs):
        line = np.geomspace(low, high, 50) if log else np.linspace(low, high, 50)
        ax.plot(line, line, color="black", lw=0.8, zorder=0)
        edges = (
            (line * (1 - margin), line * (1 + margin)) if log else (line - margin, line + margin)
        )
        ax.fill_between(line, *edges, color="black", alpha=0.08, lw=0, zorder=0)
        ax.legend(fontsize=5, handlelength=0.8, labelspacing=0.15, loc="upper left")
    if log:
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
    ax.set(xlabel=f"predicted {what}", ylabel="measured")
    return runs


def stops(ax: Axes, law: str, verdict: dict[str, Any]) -> None:
    """Say in the panel where the law fails or is undecided, with the number that it misses by."""
    words = {False: "fails here", None: "undecided"}
    known = STOPS.get(law, {})
    text = "\n".join(
        f"{words[found['holds']]}: {known[found['name']]} {found['estimate']:+.2f}"
        for found in verdict["criteria"]
        if found["name"] in known and not found["holds"] and found["estimate"] is not None
    )
    ax.text(0.98, 0.03, text, transform=ax.transAxes, fontsize=5.5, ha="right", va="bottom")
