"""Shared by the figures of depth, residual, convolution and transformer: statistics by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7")
GREY = style.COLOURS["lazy"]


def draw(
    details: pd.DataFrame,
    verdict: dict[str, Any],
    names: Mapping[str, str],
    controls: Sequence[str] = ("lazy",),
) -> tuple[Figure, pd.DataFrame]:
    """Forecast, pruning and alignment of each layer; conditions side by side, controls in grey.

    Args:
        details: table ``extension/<target>/details.csv``.
        verdict: for the footer.
        names: label of each condition to draw, in order.
        controls: conditions where the effect must be absent.
    """
    figure, (rank, loss, aligned) = style.panels(3, height=3.4, widths=(1.25, 1, 1))
    labels = [
        (condition, layer)
        for condition in names
        for layer in sorted(details.loc[details["condition"] == condition, "layer"].unique())
    ]
    many = {c for c, layer in labels if layer > 1}
    words = [names[c] + (f", {layer}" if c in many else "") for c, layer in labels]
    numbers = []

    def series(ax: Axes, column: str, marker: str, colour: str | None, text: str) -> None:
        table = style.summarise(details, ["condition", "layer"], column)
        table = table.set_index(["condition", "layer"]).loc[labels].reset_index()
        y = range(len(table))[::-1]
        for position, (_, row) in zip(y, table.iterrows(), strict=True):
            own = GREY if row["condition"] in controls else COLOURS[0]
            ax.plot([row["low"], row["high"]], [position] * 2, color=colour or own, lw=1.6)
            ax.plot(row["mean"], position, marker, color=colour or own, ms=4)
        ax.plot([], [], marker, color=colour or COLOURS[0], label=text, ms=4)
        ax.set_ylim(-0.6, len(table) - 0.4)
        ax.set_yticks(list(y), words if ax is rank else [""] * len(words), fontsize=6.5)
        numbers.append(table)

    series(rank, "rho_forecast", "o", None, "network's forecast")
    series(rank, "rho_local", "s", COLOURS[1], "this layer alone (E5)")
    series(rank, "rho_shuffled", "x", GREY, "shuffled labels (control)")
    rank.set(xlabel="rank correlation with final norm", xlim=(-0.4, 1.05))
    rank.set_title("Who wins, told at init")
    series(loss, "lowest_20", "o", None, "lowest norm first")
    series(loss, "random_20", "x", GREY, "random (control)")
    loss.set(xlabel="share of what was learned", title="Lost when a fifth is kept")
    series(aligned, "alignment", "o", None, "cos δ at the drop")
    series(aligned, "effective_width", "s", COLOURS[1], "directions per unit")
    aligned.set(xlabel="cos δ, or fraction", title="Alignment and directions")
    for ax in (rank, loss, aligned):
        figure_legend(ax)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def figure_legend(ax: Axes) -> None:
    """A legend below the panel's axis, where it hides nothing."""
    ax.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.45, -0.16), ncols=1)
