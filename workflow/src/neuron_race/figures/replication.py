"""Every criterion about an image pair on all image pairs, side by side."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuron_race.figures import style


def draw(scores: pd.DataFrame, copies: Sequence[str], original: str) -> style.Drawn:
    """One panel per claim: criteria that were repeated, with estimate and interval per data set.

    Args:
        scores: ``results/claims.csv``.
        copies: names of the copies, as in ``replicate`` of the configuration.
        original: data set of the original.

    Returns:
        The figure and the numbers drawn.
    """
    numbers = long(scores, copies, original)
    counts = numbers.groupby("claim", sort=False)["criterion"].nunique()
    figure, axes = plt.subplots(
        len(counts),
        1,
        figsize=(style.WIDTH, 0.16 * counts.sum() + 0.62 * len(counts)),
        layout="constrained",
        height_ratios=counts + 1.5,
        squeeze=False,
    )
    figure.suptitle("Does it hold on other images?", **style.QUESTION)
    for ax, (claim, part) in zip(axes[:, 0], numbers.groupby("claim", sort=False), strict=True):
        _panel(ax, part, [original, *copies])
        ax.set_title(claim, fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=min(len(labels), 3), fontsize=7, loc="outside upper right")
    preset, n_runs = scores["preset"].iloc[0], scores["n_runs"].max()
    style.note(
        figure,
        f"preset {preset}, {n_runs} runs per condition; bars: 95 % intervals; axes that leave "
        "±1.5 are linear within ±1 and logarithmic beyond",
    )
    return figure, numbers


def long(scores: pd.DataFrame, copies: Sequence[str], original: str) -> pd.DataFrame:
    """Criteria that were repeated, one row per criterion and data set, the original first.

    Copies may be of different experiments: a criterion is repeated by some of them.
    """
    parts = []
    for _, own in scores.groupby("claim", sort=False):
        rows = own.set_index("name")
        for name in rows.index:
            own_copies = [copy for copy in copies if f"{name}_{copy}" in rows.index]
            if own_copies:
                again = [name, *(f"{name}_{copy}" for copy in own_copies)]
                part = rows.loc[again].reset_index(drop=True)
                parts.append(part.assign(criterion=name, data_set=[original, *own_copies]))
    columns = ["claim", "criterion", "data_set", "estimate", "ci_low", "ci_high", "threshold"]
    columns += ["direction", "is_control", "confirmatory", "holds", "n_runs"]
    return pd.concat(parts, ignore_index=True)[columns]


def _panel(ax: plt.Axes, part: pd.DataFrame, data_sets: Sequence[str]) -> None:
    names = list(dict.fromkeys(part["criterion"]))
    for index, (data_set, colour) in enumerate(zip(data_sets, style.PALETTE, strict=False)):
        own = part[part["data_set"] == data_set]
        shift = 0.22 * (index - (len(data_sets) - 1) / 2)
        y = [names.index(name) + shift for name in own["criterion"]]
        ax.hlines(y, own["ci_low"], own["ci_high"], color=colour, lw=1.2)
        ax.plot(own["estimate"], y, "o", color=colour, ms=2.5, label=data_set)
    first = part.drop_duplicates("criterion")
    ax.plot(first["threshold"], range(len(names)), "|", color="black", ms=9, label="threshold")
    within = first[first["direction"] == "within"]
    ax.plot(
        -within["threshold"],
        [names.index(n) for n in within["criterion"]],
        "|",
        color="black",
        ms=9,
    )
    words = {"above": ">", "below": "<", "within": "±"}
    ax.set_yticks(
        np.arange(len(names)),
        [
            f"{row.criterion.replace('_', ' ')}{' (control)' if row.is_control else ''} "
            f"{words[row.direction]}"
            for row in first.itertuples()
        ],
        fontsize=6,
    )
    ax.tick_params(axis="x", labelsize=6)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ends = ax.get_xlim()
    if max(map(abs, ends)) > 1.5:
        ax.set_xscale("symlog", linthresh=1.0)
