"""Figure of the claim unlocking: lent gates, held gates, the second race and the second group."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

HEADS = ("gaussian", "balanced")
LATE = "late_winners/late_winners/"
HELD = [
    Row("lent, of a candidate", f"{LATE}gaussian", "lent"),
    Row("lent, of a loser (control)", f"{LATE}gaussian", "foreign", style.GREY),
    Row("lent in training, minus replay", f"{LATE}gaussian", "closed_beyond_replay"),
    Row("the same, balanced head", f"{LATE}balanced", "closed_beyond_replay", style.RED),
    Row("own, held from the drop", f"{LATE}gaussian", "held_drop", style.GREEN),
    Row("own, held from 2 drops", f"{LATE}gaussian", "held_2x", style.GREEN),
    Row("own, held from 4 drops", f"{LATE}gaussian", "held_4x", style.GREEN),
    Row("held for a step (control)", f"{LATE}gaussian", "sham", style.GREY),
]
SHARES = [
    Row("lift where forecast: candidate's gates", f"{LATE}gaussian", "lent_as_forecast"),
    Row("loser's gates (control)", f"{LATE}gaussian", "foreign_as_forecast", style.GREY),
    Row("second race told, Gaussian", f"{LATE}gaussian", "auroc_second"),
    Row("second race told, balanced", f"{LATE}balanced", "auroc_second", style.RED),
    Row("told by the init (control)", f"{LATE}gaussian", "auroc_first", style.GREY),
    Row("candidates that do not win", f"{LATE}gaussian", "false_positives"),
    Row("late winners, Gaussian", f"{LATE}gaussian", "late_winner"),
    Row("late winners, balanced", f"{LATE}balanced", "late_winner", style.RED),
    Row("turned, Gaussian", f"{LATE}gaussian", "turned"),
    Row("turned, balanced", f"{LATE}balanced", "turned", style.RED),
    Row("turned, gates frozen", "dynamics/pair/gates_frozen", "turned_by_drop", style.PINK),
]
CLUSTERS = [
    Row("clusters: live gates", "dynamics/late_winners/gaussian", "clusters_per_neuron_99"),
    Row("gates frozen", "dynamics/late_winners/gates_frozen", "clusters_per_neuron_99", style.PINK),
    Row("no gates (control)", "dynamics/pair/linear", "clusters_per_neuron_99", style.GREY),
    Row("gate patterns: small init", "dynamics/pair/gaussian", "gate_patterns_kept"),
    Row("large init (control)", "dynamics/pair/lazy", "gate_patterns_least", style.GREY),
]
RISES = [
    Row("two features", "dynamics/two_features/two", "second_group_rise"),
    Row(
        "first never fitted (control)",
        "dynamics/two_features/two_frozen",
        "second_group_rise",
        style.PINK,
    ),
    Row("one feature (control)", "dynamics/two_features/one", "second_group_rise", style.GREY),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``late_winners``, ``two_features`` and ``pair``; returns the numbers drawn."""
    figure, (lent, staircase, held, shares, clusters, rises) = style.sheet(
        "Do gates decide who wins late?",
        (2.5, (1, 1)),
        (2.2, (1,)),
        (2.5, (1,)),
        (1.6, (1,)),
        (1.3, (1,)),
    )
    numbers = [lending(lent, tables[f"{LATE}runs.csv"])]
    numbers += second_group(staircase, tables["dynamics/two_features/trajectory.csv"])
    drawn = {held: HELD, shares: SHARES, clusters: CLUSTERS, rises: RISES}
    numbers += [strips.strip(ax, verdict, tables, rows) for ax, rows in drawn.items()]
    held.set(xlabel="gain by these gates, powers of ten of c")
    held.set_title("Gates lent to losers, and a candidate's own gates held")
    shares.set(xlabel="share, or chance (AUROC)", xlim=(-0.03, 1.03))
    shares.set_title("How often, and who tells it")
    clusters.set(xlabel="clusters or patterns, over neurons", xlim=(-0.03, 1.03))
    clusters.set_title("Gates that move let neurons share a target")
    rises.set(xlabel="rise of the second group's growth, over the first's rate")
    rises.set_title("The second group rises once the first is fitted (U3)")
    style.key(lent, staircase, columns=2)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def lending(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """Lift of losers by lent gates against the lead forecast, every run a point."""
    for condition in HEADS:
        own, colour = runs[runs["condition"] == condition], style.COLOURS[condition]
        look: dict[str, Any] = {"color": colour, "ms": 4, "ls": "", "gid": "runs"}
        ax.plot(own["lead"], own["lent"], marker="o", **look, label=style.NAMES[condition])
        ax.plot(own["lead"], own["foreign"], marker="x", **look, label="with a loser's gates")
    ax.set(xlabel="lead forecast, log c", ylabel="lift of losers, log10 c")
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set_title("Gates of a second race, lent")
    return runs[["condition", "seed", "lead", "lent", "foreign"]]


def second_group(ax: Axes, path: pd.DataFrame) -> list[pd.DataFrame]:
    """Growth of both groups over time (U3)."""
    curves = []
    for condition in ("two", "one"):
        own = path[path["condition"] == condition]
        for value, line in (("growth_first", "-"), ("growth_second", "--")):
            curve = style.summarise(own, ["condition", "time"], value)
            label = f"{style.NAMES[condition]}, {value.split('_')[1]}"
            shown = curve[curve["time"] > 1]
            style.band(ax, shown, "time", color=style.COLOURS[condition], ls=line, label=label)
            curves.append(curve)
    ax.set(xlabel="time t = rate × step", ylabel="growth d log c / dt", xlim=(0, 150))
    ax.set_title("Growth of two groups")
    return curves
