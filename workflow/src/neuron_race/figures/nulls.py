"""What is left of each claim when a part of the theory is taken away: criteria against nulls."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from neuron_race.evidence.phrases import number
from neuron_race.figures import style

MEETS, MISSES, UNDEFINED, UNDECIDED = "meets it", "misses it", "undefined", "undecided"
FILLS = {MEETS: "#56B4E9", MISSES: "#FFFFFF", UNDEFINED: "#D9D9D9", UNDECIDED: "#F0E442"}
EDGES = {"fail": "#D55E00", "pass": "#009E73", "open": "#BBBBBB"}
SAYS = {"fail": "theory: must fail", "pass": "theory: must pass", "open": "theory says nothing"}


def draw(table: pd.DataFrame, preset: str) -> style.Drawn:
    """One panel per claim: a row per criterion that counts, a column per null.

    Args:
        table: ``results/nulls.csv``.
        preset: its name, and whether it was changed.

    Returns:
        The figure and the numbers drawn.
    """
    shown = table[table["confirmatory"].astype(bool)].assign(outcome=table.apply(outcome, axis=1))
    nulls = shown.drop_duplicates("null")[["null", "title"]]
    counts = shown.groupby("claim", sort=False)["criterion"].nunique()
    figure, axes = plt.subplots(
        max(len(counts), 1),
        1,
        figsize=(style.WIDTH, 1.6 + 0.2 * counts.sum() + 0.3 * len(counts)),
        layout="constrained",
        height_ratios=counts + 1.0 if len(counts) else None,
        squeeze=False,
    )
    figure.suptitle("What passes without the mechanism?", **style.QUESTION)
    for ax, (claim, part) in zip(axes[:, 0], shown.groupby("claim", sort=False), strict=False):
        _panel(ax, part, nulls["null"].to_list())
        ax.set_title(str(claim), fontsize=8, loc="left")
    if len(counts):
        words = [title.removeprefix("a ").removeprefix("the ") for title in nulls["title"]]
        heads = [textwrap.fill(title, 21, break_on_hyphens=False) for title in words]
        for ax, top in (
            (axes[-1, 0], False),
            (axes[0, 0], True),
        ):  # so long a figure has heads twice
            turned = {"rotation": 40, "rotation_mode": "anchor", "ha": "left" if top else "right"}
            ax.set_xticks(range(len(heads)), heads, fontsize=6, **turned)
            ax.tick_params(labeltop=top, labelbottom=not top)
    _legend(figure, preset)
    return figure, shown


def outcome(row: pd.Series) -> str:
    """What a null does of a criterion."""
    if row["undefined"]:
        return UNDEFINED
    return UNDECIDED if pd.isna(row["meets"]) else MEETS if row["meets"] else MISSES


def _panel(ax: Axes, part: pd.DataFrame, nulls: list[str]) -> None:
    """Cells of one claim: filled by outcome, framed by what theory says."""
    criteria = list(dict.fromkeys(part["criterion"]))
    for row in part.itertuples():
        x, y = nulls.index(row.null), criteria.index(row.criterion)
        fill, edge = FILLS[row.outcome], EDGES[row.expected]
        ax.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, fc=fill, ec=edge, lw=1.2))
        text = "" if row.outcome == UNDEFINED else number(round(row.estimate, 9) + 0.0)
        ax.text(x, y, text, ha="center", va="center", fontsize=5.5)
    labels = []
    for name in criteria:
        own = part[part["criterion"] == name].iloc[0]
        asked = {"above": ">", "below": "<", "within": "±"}[own["direction"]]
        threshold, found = number(own["threshold"]), number(own["own_estimate"])
        labels.append(f"{name.replace('_', ' ')}: {found} {asked} {threshold}")
    ax.set_yticks(range(len(criteria)), labels, fontsize=6)
    ax.set(xlim=(-0.6, len(nulls) - 0.4), ylim=(len(criteria) - 0.4, -0.6), xticks=[])
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _legend(figure: Figure, preset: str) -> None:
    """What fills and frames mean."""
    handles = [Patch(fc=fill, ec="#777777", label=f"null {name}") for name, fill in FILLS.items()]
    handles += [Patch(fc="none", ec=EDGES[key], lw=1.5, label=SAYS[key]) for key in EDGES]
    title = (
        f"Preset {preset}. Rows: the claim's own estimate, and what is asked of it. Cells: the "
        "null's estimate."
    )
    legend = figure.legend(
        handles=handles, ncols=4, fontsize=6.5, loc="outside lower center", title=title
    )
    legend.get_title().set_fontsize(7)
