"""What a verdict rests on: rows of runs, and the thresholds that they are held against.

Thresholds are those of the verdict; a figure says only which statistic of which runs it draws.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

from neuron_race.evidence import phrases, statistics
from neuron_race.figures import style

ARROWS = {"<": CARETLEFTBASE, ">": CARETRIGHTBASE}  # from the threshold on


class Row(NamedTuple):
    """A row of a strip: what is drawn of which runs.

    Attributes:
        label: of the row.
        source: ``table/experiment/condition``; the runs are in ``table/experiment/runs.csv``.
        column: the statistic.
        colour: of its dots and its bar.
    """

    label: str
    source: str
    column: str
    colour: str = style.BLUE


def by_head(heads: Sequence[str], scores: Mapping[str, str]) -> list[Row]:
    """Scores at init of who wins on image pairs, head by head; those in words a control are grey.

    Args:
        heads: conditions.
        scores: column -> words.
    """
    return [
        Row(
            f"{style.NAMES[head]}: {words}",
            f"race/pair/{head}",
            score,
            style.GREY if "control" in words else style.COLOURS[head],
        )
        for head in heads
        for score, words in scores.items()
    ]


def strip(
    ax: Axes, verdict: style.Verdict, tables: style.Tables, rows: Sequence[Row]
) -> pd.DataFrame:
    """Rows of runs, read from top to bottom, each with the thresholds that it is held against.

    Rows whose runs a preset does not have are left out.

    Args:
        ax: the panel.
        verdict: of the claim; criteria are found by statistic and runs.
        tables: by path below ``results``.
        rows: from top to bottom.

    Returns:
        The numbers drawn: ``condition, mean, low, high, quantity``.
    """
    runs = [(row, runs_of(tables, row.source)) for row in rows]
    shown = [(row, own) for row, own in runs if len(own)]
    drawn = []
    for y, (row, own) in zip(reversed(range(len(shown))), shown, strict=True):
        (summary,) = style.summarise(own, ["condition"], row.column).to_dict("records")
        for criterion, place in asked(verdict, tables, row):
            if criterion["proportion"]:
                values = own[row.column].to_numpy(dtype=float)
                tasks = statistics.tasks_of(own) if "task" in own else None
                low, high = statistics.interval(values, proportion=True, tasks=tasks)
                summary |= {"low": low, "high": high}
            bars(ax, criterion, place, y)
        dots(ax, y, own[row.column], summary, row.colour)
        drawn.append({**summary, "runs": row.source.partition("/")[2]})
    ax.set_yticks(range(len(shown))[::-1], [row.label for row, _ in shown])
    ax.set_ylim(-0.6, max(len(shown), 1) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="#E6E6E6", lw=0.6)
    ax.set_axisbelow(True)
    return pd.DataFrame(drawn, columns=["condition", "runs", "mean", "low", "high", "quantity"])


def dots(ax: Axes, y: float, values: pd.Series, summary: Mapping[str, Any], colour: str) -> None:
    """A row: runs as small dots, their mean as a large one, its interval as a bar."""
    drawn = values.to_numpy(dtype=float)
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, len(drawn))
    ax.plot(drawn, y + jitter, ".", ms=2.5, mew=0, alpha=0.55, color=colour, gid="runs")
    ax.plot([summary["low"], summary["high"]], [y, y], color=colour, lw=2)
    ax.plot(summary["mean"], y, "o", color=colour, ms=4.5, mec="white", mew=0.5)


def runs_of(tables: style.Tables, source: str) -> pd.DataFrame:
    """Runs of ``table/experiment/condition``."""
    path, _, condition = source.rpartition("/")
    table = tables[f"{path}/runs.csv"]
    return table[table["condition"] == condition]


def asked(
    verdict: style.Verdict, tables: style.Tables, row: Row
) -> list[tuple[Mapping[str, Any], float]]:
    """Criteria of a row's statistic and runs, and from where their thresholds count.

    That is 0, or the mean of what a criterion takes away: the same statistic of other runs, or
    another one of the same runs.
    """
    table, _, runs = row.source.partition("/")
    found = []
    for criterion in verdict["criteria"]:
        if criterion["statistic"] != row.column or criterion["runs"] != runs:
            continue
        minus = criterion.get("minus")
        if minus is None:
            found.append((criterion, 0.0))
        elif "/" in minus:
            if f"{table}/{minus.partition('/')[0]}/runs.csv" in tables:
                found.append((criterion, runs_of(tables, f"{table}/{minus}")[row.column].mean()))
        else:
            found.append((criterion, runs_of(tables, row.source)[minus].mean()))
    return found


def sides(criterion: Mapping[str, Any]) -> list[tuple[float, str]]:
    """Thresholds of a criterion, and which way is asked for: ``<`` or ``>``."""
    threshold = criterion["threshold"]
    if criterion["direction"] == "within":
        return [(-threshold, ">"), (threshold, "<")]
    return [(threshold, ">" if criterion["direction"] == "above" else "<")]


def _dashes(criterion: Mapping[str, Any]) -> dict[str, Any]:
    """How a threshold is drawn, and the name by which it is found."""
    return {
        "ls": "--" if criterion["confirmatory"] else ":",
        **{"lw": 0.9, "color": "black", "zorder": 1.5, "gid": f"threshold:{criterion['name']}"},
    }


def bars(ax: Axes, criterion: Mapping[str, Any], place: float, y: float) -> None:
    """Thresholds of a criterion across one row, with an arrow to the side asked for."""
    for threshold, arrow in sides(criterion):
        at = place + threshold
        ax.plot([at, at], [y - 0.47, y + 0.47], **_dashes(criterion))
        ax.plot(at, y, marker=ARROWS[arrow], ms=4, color="black", mew=0, zorder=1.5)


def level(ax: Axes, verdict: style.Verdict, *names: str) -> None:
    """Thresholds of criteria across a whole panel, told once each at its right edge."""
    told = set()
    for criterion in verdict["criteria"]:
        for threshold, arrow in sides(criterion) if criterion["name"] in names else []:
            ax.axhline(threshold, **_dashes(criterion))
            text = f"{arrow} {phrases.number(threshold)}"
            if text not in told:
                told.add(text)
                # What is asked above and below one place does not collide.
                style.beside(ax, threshold, text, "bottom" if arrow == ">" else "top")


def slope(ax: Axes, verdict: style.Verdict, name: str, x: Sequence[float], start: float) -> None:
    """The least (or largest) rise per doubling of x that a criterion asks for, from ``start``."""
    for criterion in verdict["criteria"]:
        for rise, _ in sides(criterion) if criterion["name"] == name else []:
            y = start + rise * np.log2(np.asarray(x, dtype=float) / x[0])
            ax.plot(x, y, **_dashes(criterion))
