"""One look for all figures: colour-blind safe, labelled directly, the same bytes every time."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from neuron_race.common import storage
from neuron_race.common.imports import without

with without("ipywidgets"):  # for sliders in notebooks; a tenth of a second for each figure
    import seaborn as sns

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.evidence import phrases, statistics

# Okabe and Ito's colours: told apart with any colour vision.
COLOURS = {
    "gaussian": "#0072B2",
    "balanced": "#D55E00",
    "pytorch": "#009E73",
    "lazy": "#7F7F7F",
    "gates_frozen": "#CC79A7",
    "two": "#0072B2",
    "one": "#7F7F7F",
}
NAMES = {
    "gaussian": "Gaussian head",
    "balanced": "balanced head",
    "pytorch": "PyTorch init",
    "lazy": "large init (control)",
    "gates_frozen": "gates frozen (control)",
    "two": "two features",
    "one": "one feature (control)",
}
WIDTH = 7.5  # inches; at 150 dots per inch PNGs stay below 1,200 pixels


def apply() -> None:
    """Set the style for all figures that follow."""
    sns.set_theme(context="paper", style="ticks", font_scale=0.9)
    plt.rcParams.update(
        {
            "figure.dpi": 150,
            "savefig.dpi": 150,
            "pdf.fonttype": 42,
            "svg.hashsalt": "neuron_race",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "legend.frameon": False,
        }
    )


def panels(
    columns: int, rows: int = 1, height: float = 2.6, widths: Sequence[float] | None = None
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with lettered panels, and its axes in reading order."""
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, height * rows),
        layout="constrained",
        squeeze=False,
        gridspec_kw={"width_ratios": widths} if widths else None,
    )
    flat = list(axes.flat)
    for letter, ax in zip("abcdefgh", flat, strict=False):
        mark(ax, letter)
    return figure, flat


def mark(ax: Axes, letter: str) -> None:
    """A panel's letter, outside its upper left corner."""
    ax.annotate(
        letter,
        (0, 1),
        xytext=(-14, 10),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        va="bottom",
    )


def save(figure: Figure, pdf: Path, png: Path) -> None:
    """Write both formats, without dates."""
    undated = {"CreationDate": None, "ModDate": None, "Producer": None}
    for path, form, metadata in ((pdf, "pdf", undated), (png, "png", {"Software": None})):
        drawn = io.BytesIO()  # on a full disk matplotlib would hide the cause
        figure.savefig(drawn, format=form, metadata=metadata)
        storage.write_bytes(path, drawn.getvalue())
    plt.close(figure)


def series(count: int) -> list[Any]:
    """Colours for many series."""
    return list(sns.color_palette("husl", count))


def footer(figure: Figure, verdict: dict[str, Any]) -> None:
    """Verdict, preset and number of runs, below the panels."""
    text = f"{verdict['claim']}: {verdict['status']} (preset {phrases.preset(verdict)}, "
    figure.supxlabel(
        f"{text}{verdict['n_runs']} runs per condition; bands and bars: 95 % bootstrap intervals)",
        fontsize=7,
        color="#555555",
        x=0.99,
        ha="right",
    )


def ordered(table: pd.DataFrame, conditions: Iterable[str]) -> pd.DataFrame:
    """Rows of these conditions alone, condition by condition in this order.

    Tables have their conditions in the order of their names, and more of them where an overlay adds
    some.
    """
    place = {name: at for at, name in enumerate(conditions)}
    own = table[table["condition"].isin(place)]
    return own.sort_values("condition", key=lambda c: c.map(place), kind="stable")


def summarise(table: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Mean and bootstrap interval over runs, ``mean, low, high``, for each group."""
    rows = []
    for key, part in table.groupby(list(by), sort=False):
        values = part[value].to_numpy(dtype=float)
        low, high = statistics.interval(values)
        rows.append(
            {**dict(zip(by, key, strict=True)), "mean": values.mean(), "low": low, "high": high}
        )
    made = pd.DataFrame(rows, columns=[*by, "mean", "low", "high"])
    # Of no rows, as where nothing ever dropped, no rows; but the columns are there, of numbers.
    return (made if rows else made.astype(float)).assign(quantity=value)


def band(ax: Axes, table: pd.DataFrame, x: str, **kwargs: Any) -> None:
    """A line of means with its interval as a band."""
    (line,) = ax.plot(table[x], table["mean"], **kwargs)
    if len(table):  # an empty band has limits that no logarithm takes
        colour = line.get_color()
        ax.fill_between(table[x], table["low"], table["high"], color=colour, alpha=0.2, lw=0)


def dots(ax: Axes, table: pd.DataFrame, labels: Sequence[str], colours: Sequence[str]) -> None:
    """Means with intervals, one row each, read from top to bottom."""
    y = np.arange(len(table))[::-1]
    for position, (_, row), colour in zip(y, table.iterrows(), colours, strict=True):
        ax.plot([row["low"], row["high"]], [position] * 2, color=colour, lw=2)
        ax.plot(row["mean"], position, "o", color=colour, ms=5)
    ax.set_yticks(y, labels)
    ax.set_ylim(-0.6, len(table) - 0.4)


def threshold(ax: Axes, value: float, text: str) -> None:
    """A criterion's threshold as a dashed line, labelled along it."""
    ax.axvline(value, ls="--", lw=0.8, color="black", zorder=0)
    ax.text(
        value,
        0.5,
        f" {text}",
        transform=ax.get_xaxis_transform(),
        fontsize=6.5,
        rotation=90,
        va="center",
        ha="left",
    )
