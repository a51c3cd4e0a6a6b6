"""Figure of the claim capacity: effective width against task and width, and groups against L4."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

AXES = {"axes2": 2, "axes4": 4, "axes8": 8}
# Up to the widest of any preset; those that a preset lacks are not drawn.
WIDTHS = {f"width{2**power}": 2**power for power in range(2, 13)}
LAZY = {f"lazy{2**power}": 2**power for power in range(6, 13)}
SMALL = {"color": style.BLUE, "ls": "-", "label": "small init"}
LARGE = {"color": style.GREY, "ls": ":", "label": "large init (control)"}
USED = [
    Row("true labels", "dynamics/capacity/axes4", "effective_width"),
    Row(
        "random labels (control)", "dynamics/capacity/random_labels", "effective_width", style.GREY
    ),
]
GROUPS = [
    Row(f"{n} axes: {words}", f"laws/laws/groups{n}", column, colour)
    for column, words, numbers, colour in (
        ("groups_error", "over those of L4, minus 1", (2, 4, 8), style.BLUE),
        ("groups_over_axes", "over the fewest needed", (8,), style.GREEN),
    )
    for n in numbers
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics/capacity`` and ``laws/laws``; returns the numbers drawn."""
    runs = tables["dynamics/capacity/runs.csv"]
    figure, (task, rank, width, used, groups) = style.sheet(
        "Does a network use as much as its task needs?",
        (2.2, (1, 1)),
        (2.4, (1,)),
        (1.1, (1,)),
        (1.5, (1,)),
    )
    numbers = [
        trend(task, verdict, runs, AXES, "effective_width", "grows_with_complexity"),
        trend(rank, verdict, runs, AXES, "stable_rank", "stable_rank_grows"),
        trend(width, verdict, runs, WIDTHS, "effective_width", "saturates_with_width", 64),
        trend(width, verdict, runs, LAZY, "effective_width", "lazy_grows_with_width", 64, LARGE),
        strips.strip(used, verdict, tables, USED),
        strips.strip(groups, verdict, tables, GROUPS),
    ]
    for ax, label in ((task, "effective width"), (rank, "stable rank")):
        ax.set(xlabel="cluster directions in the task", ylabel=label)
        ax.set_xticks(list(AXES.values()), [str(n) for n in AXES.values()])
        ax.minorticks_off()
    task.set_title("Grows with the task")
    rank.set_title("and so does the rank")
    width.set(xlabel="width m", ylabel="effective width", yscale="log", ylim=(1, None))
    width.set_title("Saturates with width (dashed: rise asked for per doubling)")
    style.key(width)
    used.set(xlabel="effective width, four axes", title="A task without sense needs more")
    groups.set(xlabel="number of groups, as told", title="Groups of neurons at the end")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def trend(
    ax: Axes,
    verdict: style.Verdict,
    runs: pd.DataFrame,
    x: Mapping[str, float],
    value: str,
    criterion: str = "",
    start: float = 0,
    look: Mapping[str, str] = SMALL,
) -> pd.DataFrame:
    """Runs, means and intervals over x, and the rise per doubling that a criterion asks for.

    Args:
        ax: the panel.
        verdict: of the claim.
        runs: of all conditions.
        x: of each condition.
        value: the statistic.
        criterion: of the rise; none without it.
        start: x from which the rise is asked for.
        look: colour, line and label of these runs.
    """
    own = runs[runs["condition"].isin(x)].assign(x=lambda t: t["condition"].map(x))
    own = own.dropna(subset=[value]).sort_values("x", kind="stable")
    table = style.summarise(own, ["x"], value)
    ax.plot(own["x"], own[value], ".", ms=2.5, mew=0, alpha=0.5, color=look["color"], gid="runs")
    style.band(ax, table, "x", marker="o", ms=3, **look)
    ax.set_xscale("log", base=2)
    asked = table[table["x"] >= start]
    if len(asked):
        strips.slope(ax, verdict, criterion, asked["x"].to_numpy(), asked["mean"].iloc[0])
    return table.assign(series=look.get("label", value))
