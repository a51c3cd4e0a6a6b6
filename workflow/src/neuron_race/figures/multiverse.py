"""Specification curves: each statistic over all universes, with the decisions that each took."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.common.words import told
from neuron_race.evidence.multiverse import NOTICED
from neuron_race.evidence.phrases import number
from neuron_race.figures import style

TITLES = {
    "clusters_per_neuron": "clusters per neuron",
    "alignment_at_drop": "alignment at the drop",
    "rho_alignment": "ranks, early alignment",
    "rho_race_score": "ranks, closed form at init",
    "merged_per_neuron": "neurons left after merging",
    "merge_then_prune_loss_share": "loss lost, merged and pruned to 20 %",
    "lowest_first_loss_share": "loss lost, pruned to 20 %",
    "auroc_beyond_head": "AUROC beyond the head's size",
}
# The decisions that matter most, from the first on.
MARKED = (style.RED, style.BLUE, style.GREEN)
OTHER = "#BBBBBB"
COLUMNS = 2
CURVE, ROW, TITLE = 1.2, 0.092, 0.45  # inches
LEGEND = (
    "Universes from the lowest value to the highest, and which option each took.\n"
    "Coloured: the decisions that explain most of the variance between universes, with the share "
    "(orange, blue, green). *: fixed by the paper."
)


def draw(
    universes: pd.DataFrame, claims: pd.DataFrame, decisions: pd.DataFrame, preset: str
) -> style.Drawn:
    """A curve per statistic, above a panel that marks which option each universe took.

    Args:
        universes, claims, decisions: of ``results/multiverse``.
        preset: its name, and whether it was changed.

    Returns:
        The figure and the numbers drawn.
    """
    rows = _rows(decisions)
    lines = -(-len(claims) // COLUMNS)
    # Inches: a curve, its panel, and the room for the next title.
    heights = [CURVE, max(ROW * len(rows), ROW), TITLE] * lines
    total = sum(heights) + 2 * TITLE
    figure = plt.figure(figsize=(style.WIDTH, total))
    figure.suptitle("Which decisions do the findings hang on?", y=1 - 0.1 / total, **style.QUESTION)
    grid = figure.add_gridspec(
        3 * lines,
        COLUMNS,
        height_ratios=heights,
        **{"left": 0.14, "right": 0.95, "top": 1 - 2 * TITLE / total, "bottom": 0},
        **{"hspace": 0, "wspace": 0.25},
    )
    drawn = []
    for at, claim in enumerate(claims.to_dict("records")):
        line, column = divmod(at, COLUMNS)
        curve = figure.add_subplot(grid[3 * line, column])
        panel = figure.add_subplot(grid[3 * line + 1, column], sharex=curve)
        ordered = universes.sort_values(claim["statistic"], kind="stable").reset_index(drop=True)
        _curve(curve, ordered[claim["statistic"]], claim)
        own = decisions[decisions["statistic"] == claim["statistic"]]
        _panel(panel, ordered, own, rows, labelled=column == 0)
        drawn.append(
            pd.DataFrame(
                {
                    "statistic": claim["statistic"],
                    "place": ordered.index,
                    "universe": ordered["universe"],
                    "value": ordered[claim["statistic"]],
                }
            )
        )
    words = f"preset {preset}, {len(universes)} universes. {LEGEND}"
    style.note(figure, words, y=0.06 / total)
    return figure, pd.concat(drawn, ignore_index=True)


def _rows(decisions: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Decision, option and whether it is the paper's; what matters most overall comes first."""
    weight = decisions.drop_duplicates(["statistic", "decision"])
    order = weight.groupby("decision")["importance"].mean().fillna(0).sort_values(ascending=False)
    chosen = decisions.drop_duplicates(["decision", "option"])
    several = {name for name in order.index if (chosen["decision"] == name).sum() > 1}
    return [
        (name, told(row.option), bool(row.of_the_paper))
        for name in order.index
        if name in several
        for row in chosen[chosen["decision"] == name].itertuples()
    ]


def _curve(ax: Axes, values: pd.Series, claim: dict) -> None:
    """All universes by value, with the threshold and the share on its right side."""
    ax.plot(values.index, values, ".", ms=2.2, color="#333333")
    share = ""
    if not pd.isna(claim["threshold"]):
        ax.axhline(claim["threshold"], ls="--", lw=0.8, color="black", gid="threshold")
        low, high = (f"{100 * claim[key]:.0f}" for key in ("share_low", "share_high"))
        share = (
            f"{claim['direction']} {number(claim['threshold'])} in {100 * claim['share']:.0f} % "
            f"({low} to {high})"
        )
    title = TITLES.get(claim["statistic"], claim["statistic"])
    ax.set_title(f"{claim['claim'].replace('_', ' ')}: {title}", fontsize=7, pad=11)
    ax.text(0, 1.02, share, transform=ax.transAxes, fontsize=6.5, color="#555555")
    ax.tick_params(labelsize=6, labelbottom=False, bottom=False, pad=1, length=2)
    ax.set_xlim(-1, max(len(values), 1))


def _panel(
    ax: Axes,
    ordered: pd.DataFrame,
    decisions: pd.DataFrame,
    rows: list[tuple[str, str, bool]],
    labelled: bool,
) -> None:
    """A row for each option, with a mark for each universe that took it."""
    weight = decisions.drop_duplicates("decision").set_index("decision")["importance"]
    several = [name for name, _, _ in rows]
    most = weight[weight.index.isin(several) & (weight >= NOTICED)].nlargest(len(MARKED)).index
    colours = dict(zip(most, MARKED, strict=False))
    for y, (name, option, _) in enumerate(rows):
        taken = np.flatnonzero(ordered[name].map(told) == option)
        ax.vlines(taken, y - 0.38, y + 0.38, lw=0.9, color=colours.get(name, OTHER))
        if y and rows[y - 1][0] != name:
            ax.axhline(y - 0.5, lw=0.4, color="#DDDDDD")
    for name, colour in colours.items():
        places = [y for y, row in enumerate(rows) if row[0] == name]
        text = f" {100 * weight[name]:.0f} %"
        at = (1.0, float(np.mean(places)))
        style_of = {"fontsize": 6, "color": colour, "va": "center"}
        ax.text(*at, text, transform=ax.get_yaxis_transform(), **style_of)
    words = [f"{name}: {option}{'*' if paper else ''}" for name, option, paper in rows]
    ax.set_yticks(range(len(rows)), words if labelled else [""] * len(rows), fontsize=5.5)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(length=0, labelbottom=False, bottom=False, pad=1)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
