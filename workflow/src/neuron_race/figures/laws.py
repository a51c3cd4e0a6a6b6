"""Figure of the claim laws: predicted against measured, every run a point, one panel per law."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from neuron_race.figures import strips, style
from neuron_race.figures.capacity import trend
from neuron_race.figures.strips import Row

# Conditions of each panel, with their labels.
HEADS = {"gaussian": "Gaussian", "pytorch": "PyTorch", "balanced": "balanced"}
XOR = {f"xor_{head}": f"XOR, {name}" for head, name in HEADS.items()}
SCALES = {"drop_a1e6": "α 1e-6", "drop_a1e3": "α 1e-3", "drop_a1e2": "α 1e-2", "drop_a3e2": "α .03"}
TICKETS = {f"drop_{head}": name for head, name in HEADS.items()}
ARMS = ("winners", "random", "losers")
GROUPS = {f"groups{n}": f"{n} axes" for n in (2, 4, 6, 8)}
PRUNED = {**HEADS, **XOR, "logistic": "logistic loss", "xor_random": "random labels"}
DROPS = {**HEADS, "logistic": "logistic loss", **XOR, "groups8": "XOR, 8 axes", **SCALES}
WIDTHS = {f"width{2**power}": 2**power for power in range(4, 13)}
# The widest has the sum of norm products that narrower ones are given.
SAME = {**{f"{name}_same_sum": width for name, width in WIDTHS.items()}, "width256": 256}
ASKED = [
    *[
        Row(f"L1, closed form: {words}", f"laws/laws/{name}", "pruned_error_closed", colour)
        for name, words, colour in (
            ("gaussian", "Gaussian", style.BLUE),
            ("pytorch", "PyTorch", style.GREEN),
            ("balanced", "balanced", style.RED),
            ("lazy", "large init (control)", style.GREY),
        )
    ],
    Row("L5: size of the error", "laws/laws/gaussian", "drop_miss"),
    Row("that of the mean drop", "laws/laws/gaussian", "drop_miss_mean", style.GREY),
    Row("shuffled labels (control)", "laws/laws/drop_gaussian", "drop_error_shuffled", style.GREY),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``laws/laws`` and ``delays/laws``; returns the numbers drawn."""
    laws = tables["laws/laws/runs.csv"]
    figure, (*axes, also) = style.sheet(
        "Are numbers told before training right?", *[(2.0, (1,))] * 6, (1.8, (1,))
    )
    pruning, tickets, width, groups, drop, winners = axes
    drawn = {
        "L1": panel(pruning, verdict, pairs(laws, "pruned", PRUNED), "share lost", "pruned_error"),
        "L2": panel(tickets, verdict, delays(tables), "delay", "delay_error", log=True),
        "L4": panel(groups, verdict, pairs(laws, "groups", GROUPS), "groups", "groups_error", True),
        "L5": panel(drop, verdict, pairs(laws, "drop", DROPS), "time", "drop_error", log=True),
        "L6": panel(
            winners, verdict, pairs(laws, "auroc_head", HEADS | XOR), "AUROC", "auroc_head_error"
        ),
        "L3": widths(width, laws, verdict),
        "asked": strips.strip(also, verdict, tables, ASKED),
    }
    for ax, title in zip(
        axes,
        (
            "L1: loss lost by pruning to a fifth",
            "L2: extra time of a ticket",
            "L3: time of the drop by width",
            "L4: groups of neurons",
            "L5: time of the drop",
            "L6: how well the head's size tells the winners",
        ),
        strict=True,
    ):
        ax.set_title(title)
    also.set(xlabel="error: of a share, or relative", title="What else is asked")
    style.footer(
        figure,
        verdict,
        "Large: means. Grey: the margin asked for; * fails, ? undecided there. Dashed, dotted: "
        "thresholds.",
    )
    parts = [part.assign(law=law) for law, part in drawn.items()]
    return figure, pd.concat(parts, ignore_index=True)


def pairs(table: pd.DataFrame, value: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Predicted and measured values of a quantity."""
    return own(table.assign(predicted=table[f"{value}_predicted"], measured=table[value]), names)


def own(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Runs of the named conditions, with their labels; those without a prediction are left out."""
    chosen = style.ordered(table, names).dropna(subset=["predicted", "measured"])
    chosen = chosen.assign(series=chosen["condition"].map(names))
    return chosen[["condition", "series", "predicted", "measured"]]


def delays(tables: style.Tables) -> pd.DataFrame:
    """Predicted and measured delays of all arms, head by head."""
    table = tables["delays/laws/runs.csv"]
    parts = [
        table.assign(predicted=table[f"delay_predicted_{arm}"], measured=table[f"delay_{arm}"])
        for arm in ARMS
    ]
    named = [
        own(part, {name: f"{label}, {arm}" for name, label in TICKETS.items()})
        for part, arm in zip(parts, ARMS, strict=True)
    ]
    return pd.concat(named)


def panel(
    ax: Axes,
    verdict: style.Verdict,
    runs: pd.DataFrame,
    what: str,
    statistic: str,
    log: bool = False,
) -> pd.DataFrame:
    """Runs as points, their means, the 1:1 line and the margin about it.

    Args:
        ax: the panel.
        verdict: of the claim.
        runs: ``condition, series, predicted, measured``.
        what: is predicted, in words.
        statistic: the error's, whose criteria have the margin; relative with ``log``.
        log: both axes are logarithmic.
    """
    if log:
        runs = runs[(runs["predicted"] > 0) & (runs["measured"] > 0)]
    criteria = [row for row in verdict["criteria"] if row["statistic"].startswith(statistic)]
    criteria = [row for row in criteria if row["direction"] == "within"]
    for at, (label, part) in enumerate(runs.groupby("series", sort=False)):
        colour, marker = style.PALETTE[at % 7], style.MARKERS[at % len(style.MARKERS)]
        ax.plot(part["predicted"], part["measured"], ".", ms=2.5, mew=0, color=colour, gid="runs")
        sign = _sign(criteria, part["condition"].iloc[0])
        look: dict[str, Any] = {"ms": 4.5, "mec": "white", "mew": 0.4, "color": colour, "ls": ""}
        mean = part[["predicted", "measured"]].mean()
        ax.plot(*mean, marker=marker, label=f"{label}{sign}", **look)
    if len(runs):
        low, high = runs[["predicted", "measured"]].min().min(), runs.max(numeric_only=True).max()
        line = np.geomspace(low, high, 50) if log else np.linspace(low, high, 50)
        ax.plot(line, line, color="black", lw=0.8, zorder=0)
        _margins(ax, line, criteria, log)
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=style.SMALL)
    if log:
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
    ax.set(xlabel=f"predicted {what}", ylabel=f"measured {what}")
    return runs


def _sign(criteria: Sequence[Mapping[str, Any]], condition: str) -> str:
    """A mark for a series of which a criterion fails, or is undecided."""
    found = [row["holds"] for row in criteria if row["runs"] == f"laws/{condition}"]
    return " *" if False in found else " ?" if None in found else ""


def _margins(
    ax: Axes, line: np.ndarray, criteria: Sequence[Mapping[str, Any]], relative: bool
) -> None:
    """The margins about the 1:1 line, each once."""
    for margin in {row["threshold"]: None for row in criteria}:
        low, high = (
            (line * (1 - margin), line * (1 + margin))
            if relative
            else (line - margin, line + margin)
        )
        names = [f"threshold:{row['name']}" for row in criteria if row["threshold"] == margin]
        ax.fill_between(line, low, high, color="black", alpha=0.08, lw=0, zorder=0)
        for edge in (low, high):
            ax.plot(line, edge, ls="--", lw=0.6, color="#777777", zorder=0, gid=" ".join(names))


def widths(ax: Axes, laws: pd.DataFrame, verdict: style.Verdict) -> pd.DataFrame:
    """Measured minus predicted time over the width, in leads of a doubling."""
    series = (
        (WIDTHS, "drop_gap", "width", ("same α", style.BLUE, "-")),
        (SAME, "drop_gap", "width_same_sum", ("same Σc", style.GREEN, "--")),
        (WIDTHS, "drop_from_start", "width_closed", ("from the closed form", style.RED, ":")),
    )
    parts = []
    for x, value, criterion, (label, colour, line) in series:
        look: dict[str, Any] = {"label": label, "color": colour, "ls": line}
        parts.append(trend(ax, verdict, laws, x, value, criterion, look=look))
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=style.SMALL)
    ax.set(xlabel="width m", ylabel="measured − predicted,\nin leads of a doubling")
    return pd.concat(parts)
