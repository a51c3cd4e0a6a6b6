"""Shared by the figures of depth, residual, convolution and transformer: statistics by layer."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style

# Column, title and what its axis shows. Criteria are asked of a run's worst layer or of the mean.
PANELS = (
    ("rho_forecast", "Network's forecast", "rank correlation\nwith final norm"),
    ("rho_shuffled", "From shuffled labels (control)", "rank correlation\nwith final norm"),
    ("rho_local", "Forecast of this layer alone (E5)", "rank correlation\nwith final norm"),
    ("rho_init", "Initial norms (control)", "rank correlation\nwith final norm"),
    ("lowest_20", "Lowest norm first, a fifth kept", "share lost of\nwhat was learned"),
    ("random_20", "Random fifth kept (control)", "share lost of\nwhat was learned"),
    ("alignment", "Alignment at the drop", "cos δ"),
    ("effective_width", "Directions used", "directions per unit"),
)
ENDS = ("_worst", "_mean")


def draw(
    tables: style.Tables,
    verdict: style.Verdict,
    question: str,
    names: Mapping[str, str],
    layer: str = "hidden layer",
    panels: Sequence[tuple[str, str, str]] = PANELS,
) -> style.Drawn:
    """Forecast, pruning and alignment of each layer, its control beside it; conditions by colour.

    Args:
        tables: of which ``extension/<claim>/details.csv`` is drawn.
        verdict: for the claim's name, thresholds and the footer.
        question: that the figure answers.
        names: label of each condition to draw, in order; the controls have ``(control)`` in it.
        layer: what a layer is called.
        panels: column, title and label of each, an effect and its control in a row.
    """
    details = tables[f"extension/{verdict['claim']}/details.csv"]
    shown = {name: words for name, words in names.items() if (details["condition"] == name).any()}
    figure, axes = style.sheet(question, *[(1.9, (1, 1))] * (len(panels) // 2))
    numbers = []
    for at, (ax, (column, title, label)) in enumerate(zip(axes, panels, strict=True)):
        numbers.append(_layers(ax, details, column, shown))
        criteria = [
            row["name"]
            for row in verdict["criteria"]
            if row["statistic"].removesuffix(ENDS[0]).removesuffix(ENDS[1]) == column
            and row["confirmatory"]
            and row.get("minus") is None
        ]
        strips.level(ax, verdict, *criteria)
        ax.set(title=title, ylabel=label if at % 2 == 0 or at == len(panels) - 1 else "")
        ax.set_xlabel(layer if at >= len(panels) - 2 else "")
    for left, right in zip(axes[:-2:2], axes[1:-2:2], strict=True):  # effect and control, one scale
        left.sharey(right)
        right.autoscale_view()
    style.key(axes[0], columns=3)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _layers(ax: Axes, details: pd.DataFrame, column: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Runs, means and intervals by layer; conditions side by side."""
    table = style.summarise(details, ["condition", "layer"], column)
    shifts = np.linspace(-0.3, 0.3, len(names)) if len(names) > 1 else [0.0]
    colours = _colours(names)
    for shift, (name, words), marker in zip(shifts, names.items(), style.MARKERS, strict=False):
        runs, own = (t[t["condition"] == name].sort_values("layer") for t in (details, table))
        colour = colours[name]
        x = runs["layer"] + shift + np.random.default_rng(0).uniform(-0.03, 0.03, len(runs))
        ax.plot(x, runs[column], ".", ms=2.2, mew=0, alpha=0.55, color=colour, gid="runs")
        x = own["layer"] + shift
        ax.vlines(x, own["low"], own["high"], color=colour, lw=1.5)
        ax.plot(x, own["mean"], marker=marker, ms=4, lw=0.7, color=colour, label=words)
    ax.set_xticks(sorted(details["layer"].unique()))
    ax.set_xlim(0.5, details["layer"].max() + 0.5)
    return table[table["condition"].isin(list(names))]


def _colours(names: Mapping[str, str]) -> dict[str, str]:
    """Controls are grey and black, the others have colours."""
    effects = [name for name, words in names.items() if "control" not in words]
    controls = [name for name in names if name not in effects]
    return {
        **dict(zip(effects, style.PALETTE, strict=False)),
        **dict(zip(controls, (style.GREY, style.BLACK), strict=False)),
    }
