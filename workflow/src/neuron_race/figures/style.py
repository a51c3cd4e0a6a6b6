"""One look for all figures: colour-blind safe, readable on a phone, the same bytes every time.

A figure of a claim is a sheet: a question, lettered panels, and below them what the verdict rests
on. Dots are runs, jittered by a fixed draw; bars and bands are the intervals of the verdicts; a
dashed line is a criterion's threshold as the verdict has it, with an arrow to the side asked for.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from neuron_race.common import storage

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from neuron_race.evidence import phrases, statistics

# What a figure gets: tables, those of a claim by path below results, and the claim's verdict. And
# what it gives: itself, with the numbers drawn.
Tables = Mapping[str, pd.DataFrame]
Verdict = Mapping[str, Any]
Drawn = tuple[Figure, pd.DataFrame]

# Okabe and Ito's colours, told apart with any colour vision. What must be told apart in grey print
# differs by marker and line, too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#7F7F7F")
BLUE, RED, GREEN, ORANGE, SKY, PINK, BLACK, GREY = PALETTE
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
COLOURS = {
    **{"gaussian": BLUE, "balanced": RED, "pytorch": GREEN, "lazy": GREY},
    **{"two": BLUE, "one": GREY},
}
NAMES = {
    "gaussian": "Gaussian head",
    "balanced": "balanced head",
    "pytorch": "PyTorch init",
    "lazy": "large init (control)",
    "two": "two features",
    "one": "one feature (control)",
}
LINES = {"gaussian": "-", "balanced": "--", "pytorch": "-.", "lazy": ":"}
TASKS = {"pair": "digits", "clusters": "XOR"}
WIDTH = 7.5  # inches, of overviews and lectures
SHEET = 5.2  # of a claim's figure: at 390 pixels its text is still read
SMALL = 7
DPI = 150
QUESTION: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": 10, "fontweight": "bold"}

MARKS = (
    "Bars, bands: 95 % intervals of the mean. Dashed: a threshold (dotted: exploratory), arrow: "
    "the side asked for."
)


def apply() -> None:
    """Set the style for all figures that follow."""
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "pdf.fonttype": 3,
            "svg.hashsalt": "neuron_race",
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
            "legend.frameon": False,
            "legend.fontsize": 7.5,
            "lines.linewidth": 1.3,
        }
    )


def panels(
    columns: int, height: float = 2.6, widths: Sequence[float] | None = None
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with a row of lettered panels, and its axes in reading order."""
    figure, axes = plt.subplots(
        1,
        columns,
        figsize=(WIDTH, height),
        layout="constrained",
        squeeze=False,
        width_ratios=widths,
    )
    flat = list(axes.flat)
    for letter, ax in zip("abcdefgh", flat, strict=False):
        mark(ax, letter)
    return figure, flat


def sheet(
    question: str,
    *rows: tuple[float, Sequence[float]],
    width: float = SHEET,
    letters: Sequence[str] = "abcdefghijkl",
) -> tuple[Figure, list[Axes]]:
    """A figure under a question, row by row; each row lays out its panels by itself.

    Args:
        question: what the figure answers, in plain words.
        rows: of each row its height in inches, and the relative widths of its panels.
        width: in inches.
        letters: of the panels in reading order, none where one is empty.

    Returns:
        The figure, and its axes in reading order.
    """
    heights = [height for height, _ in rows]
    figure = plt.figure(figsize=(width, sum(heights) + 0.75), layout="constrained")
    figure.suptitle(question, **QUESTION)
    parts: Any = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    axes: list[Axes] = []
    for part, (_, widths) in zip(parts, rows, strict=True):
        axes += list(part.subplots(1, len(widths), squeeze=False, width_ratios=widths).flat)
    for letter, ax in zip(letters, axes, strict=False):
        if letter:
            mark(ax, letter)
    return figure, axes


def mark(ax: Axes, letter: str) -> None:
    """A panel's letter, outside its upper left corner, before its title."""
    ax.annotate(
        letter,
        (0, 1),
        xytext=(-14, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        gid="letter",
    )


def key(*axes: Axes, columns: int = 3) -> None:
    """The legend of the axes of one row, outside them, where it hides nothing."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    page: Any = axes[0].figure  # mypy knows no place outside of axes
    where = {"loc": "outside upper center", "ncols": columns, "columnspacing": 1.2}
    page.legend(list(found.values()), list(found), **where)


def described(figure: Figure) -> str:
    """What a figure shows, in words for those who can't see it: its question and its panels."""
    parts = []
    for ax in figure.axes:
        letters = [text.get_text() for text in ax.texts if text.get_gid() == "letter"]
        title, x, y = ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()
        axis = " against ".join(label for label in (y, x) if label)
        words = f"{title}: {axis}" if axis else title
        if letters and words:
            parts.append(f"({letters[0]}) " + " ".join(words.split()))
    return f"{figure.get_suptitle()} {'; '.join(parts)}.".replace("\n", " ").strip()


def save(figure: Figure, pdf: Path, png: Path) -> None:
    """Write both formats, without dates, with a description, laid out once."""
    title = figure.get_suptitle() or "Figure"
    words = {"Title": title, "Description": described(figure), "Software": None}
    undated: dict[str, Any] = {"CreationDate": None, "ModDate": None, "Producer": None}
    undated |= {"Title": title, "Subject": words["Description"]}
    lay_out(figure)
    for path, form, metadata in ((png, "png", words), (pdf, "pdf", undated)):
        drawn = io.BytesIO()  # on a full disk matplotlib would hide the cause
        figure.savefig(drawn, format=form, metadata=metadata)
        content = drawn.getvalue()
        storage.write_bytes(path, in_colours(content) if form == "png" else content)
    plt.close(figure)


def lay_out(figure: Figure) -> None:
    """Put the parts of a figure into their places, for good: else each format lays them out."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)
        _rounded(figure)


def _rounded(figure: Figure) -> None:
    """Put rows and axes at round places: the solver's last bit is not the same each time."""
    for row in figure.subfigs:
        row.bbox_relative.p0 = row.bbox_relative.p0.round(6)
        row.bbox_relative.p1 = row.bbox_relative.p1.round(6)
    for ax in figure.axes:
        ax.set_position(Bbox(ax.get_position(original=True).get_points().round(6)))


def in_colours(png: bytes) -> bytes:
    """The same picture in 256 colours, a third as large, with what its metadata say."""
    told = PngInfo()
    with Image.open(io.BytesIO(png)) as drawn:
        for name, text in drawn.info.items():
            if isinstance(text, str):
                told.add_text(str(name), text)
        few = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        dpi = drawn.info.get("dpi", (DPI, DPI))
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True, pnginfo=told, dpi=dpi)
    return written.getvalue()


def footer(figure: Figure, verdict: Verdict, marks: str = MARKS) -> None:
    """Verdict, preset, number of runs and how to read the marks, below the panels."""
    note(
        figure,
        f"{verdict['claim'].replace('_', ' ')}: {verdict['status']} (preset "
        f"{phrases.preset(verdict)}, {verdict['n_runs']} runs per condition). Small dots: runs.\n"
        f"{marks}",
    )


def note(figure: Figure, text: str, **where: float) -> None:
    """Small print below the panels."""
    figure.supxlabel(text, fontsize=6.5, color="#555555", x=0.01, ha="left", **where)


def ordered(table: pd.DataFrame, conditions: Iterable[str]) -> pd.DataFrame:
    """Rows of these conditions alone, condition by condition in this order.

    Tables have their conditions in the order of their names, and more of them where an overlay adds
    some.
    """
    place = {name: at for at, name in enumerate(conditions)}
    own = table[table["condition"].isin(place)]
    return own.sort_values("condition", key=lambda c: c.map(place), kind="stable")


def summarise(table: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Mean and interval over runs, ``mean, low, high``, for each group.

    The interval is the verdicts': where each run is a task of its own, as a column ``task`` tells,
    tasks share classes.
    """
    rows: list[dict[str, Any]] = []
    alike: dict[Any, list[tuple[dict[str, Any], Any]]] = {}
    for group, part in table.groupby(list(by), sort=False):
        values = part[value].to_numpy(dtype=float)
        rows.append({**dict(zip(by, group, strict=True)), "mean": values.mean()})
        tasks = statistics.tasks_of(part) if "task" in part else None
        of = (len(values), None if tasks is None else tuple(tasks))
        alike.setdefault(of, []).append((rows[-1], values))
    for (_, tasks), members in alike.items():  # at once, for there are hundreds
        ends = statistics.intervals(np.stack([values for _, values in members]), tasks=tasks)
        for (row, _), (low, high) in zip(members, ends, strict=True):
            row |= {"low": low, "high": high}
    made = pd.DataFrame(rows, columns=[*by, "mean", "low", "high"])
    # Of no rows, as where nothing ever dropped, no rows; but the columns are there, of numbers.
    return (made if rows else made.astype(float)).assign(quantity=value)


def with_tasks(
    table: pd.DataFrame, path: str, tasks: Mapping[str, Mapping[int, str]]
) -> pd.DataFrame:
    """A table with a column ``task``: of its rows' runs, missing where they have none of their own.

    Args:
        table: with ``condition`` and ``seed``, or as it is.
        path: ``table/experiment/name.csv``.
        tasks: by ``experiment/condition`` and seed.
    """
    if not {"condition", "seed"} <= set(table):
        return table
    experiment = path.split("/")[1]
    runs = zip(table["condition"], table["seed"], strict=True)
    named = [tasks.get(f"{experiment}/{condition}", {}).get(seed) for condition, seed in runs]
    task = pd.Series(named, index=table.index, dtype=object, name="task")
    return pd.concat([table, task], axis=1)


def band(ax: Axes, table: pd.DataFrame, x: str, **kwargs: Any) -> None:
    """A line of means with its interval as a band."""
    (line,) = ax.plot(table[x], table["mean"], **kwargs)
    if len(table):  # an empty band has limits that no logarithm takes
        colour = line.get_color()
        ax.fill_between(table[x], table["low"], table["high"], color=colour, alpha=0.2, lw=0)


def look(condition: str) -> dict[str, Any]:
    """Colour, line and name of a condition."""
    return {
        "color": COLOURS[condition],
        "ls": LINES.get(condition, "-"),
        "label": NAMES[condition],
    }


def neurons(
    ax: Axes, x: pd.Series, y: pd.Series, final: pd.Series, label: str | None = None
) -> None:
    """Neurons, each a dot, coloured by the logarithm of what they end with; y is a log, too.

    Args:
        ax: the panel.
        x, y, final: of each neuron.
        label: of the colour bar; none without it.
    """
    norm = LogNorm() if (final > 0).any() else None  # nothing can't be log-scaled
    points = ax.scatter(x, y, c=final.where(final > 0), cmap="viridis", norm=norm, s=6, lw=0)
    if (y > 0).any():
        ax.set_yscale("log")
    if label:
        ax.figure.colorbar(points, ax=ax, label=label, pad=0.02)


def beside(ax: Axes, y: float, text: str, va: str = "center") -> None:
    """Words at the right edge of a panel, outside it."""
    ax.annotate(
        text,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(2, 0),
        textcoords="offset points",
        va=va,
        fontsize=SMALL,
        annotation_clip=False,
    )
