"""Figure 1 of the paper, as far as its caption tells; panel d is our choice."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

MOMENTS = {"init": "init", "drop_10": "loss drop", "end": "end"}
EARLY = ("005", "010", "025", "050")


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/pair``, ``figure_1/pair`` and ``dynamics/regimes``."""
    figure = plt.figure(figsize=(style.WIDTH, 4.9), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[1, 1.2])
    upper, lower = halves
    loss, *blocks = upper.subplots(1, 4, width_ratios=[1.5, 1, 1, 1])
    early, count = lower.subplots(1, 2, width_ratios=[1.25, 1])
    for ax, letter in zip((loss, blocks[0], early, count), "abcd", strict=True):
        style.mark(ax, letter)
    numbers = []

    path = tables["dynamics/pair/trajectory.csv"]
    curve = style.summarise(path[path["condition"] == "gaussian"], ["condition", "time"], "loss")
    style.band(loss, curve[curve["time"] > 0], "time", color=style.COLOURS["gaussian"])
    loss.set(xlabel="time t = rate × step", ylabel="training loss", xscale="log")
    loss.set_title("Plateau, then drop")
    numbers.append(curve)

    neurons = tables["dynamics/pair/neurons.csv"]
    first = neurons["seed"].min()
    own = neurons[
        (neurons["condition"] == "gaussian")
        & (neurons["seed"] == first)
        & (neurons["cluster_99"] == 0)
    ]
    for moment in EARLY:
        x, y = own[f"cos_delta_{moment}"], own[f"norm_product_{moment}"]
        points = early.scatter(x, y, c=own["norm_product_end"], cmap="viridis", s=6, lw=0)
        if y.isna().all():  # no largest cluster, or no drop to take a per cent of
            continue
        top = y.idxmax()
        early.annotate(
            f"{int(moment)} %",
            (x[top], y[top]),
            xytext=(-3, 3),  # later moments are above and to the right
            textcoords="offset points",
            fontsize=6.5,
            ha="right",
        )
        numbers.append(
            pd.DataFrame(
                {"percent": int(moment), "neuron": own["neuron"], "x": x, "mean": y}
            ).assign(final=own["norm_product_end"], quantity="norm product against alignment")
        )
    lower.colorbar(points, ax=early, label="final norm product", pad=0.02)
    early.set(xlabel="alignment cos δ", ylabel="norm product")
    if len(numbers) > 1:  # nothing can't be log-scaled
        early.set(yscale="log")
    early.set_title(f"Largest cluster at % of time to drop (seed {first})")

    runs = tables["dynamics/regimes/runs.csv"]
    runs = runs[runs["condition"].str.endswith("_m300")].copy()
    runs["alpha"] = runs["condition"].str.extract(r"a1e(\d)_", expand=False).astype(int)
    runs["alpha"] = 10.0 ** -runs["alpha"]
    dots = style.summarise(runs, ["alpha"], "clusters_99").sort_values("alpha")
    style.band(count, dots, "alpha", color=style.COLOURS["gaussian"], marker="o", ms=3)
    count.axhline(300, ls="--", lw=0.8, color="black")
    count.text(1e-6, 285, "one cluster per neuron", fontsize=6.5, va="top")
    count.set(xscale="log", xlabel="init scale α", ylabel="number of clusters")
    count.set_title("Number of clusters (our choice)")
    numbers.append(dots)

    matrices = tables["figure_1/pair/cosines.csv"]
    for ax, (moment, words) in zip(blocks, MOMENTS.items(), strict=True):
        own = matrices[matrices["moment"] == moment].drop(columns=["moment", "cluster"])
        image = ax.imshow(own.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        ax.set(xlabel="neuron", title=f"cos, {words}")
        ax.set_xticks([]), ax.set_yticks([])
    # One bar for the three panels: attached to one of them, it would push them apart.
    upper.colorbar(image, ax=blocks, label="cosine", pad=0.01, shrink=0.8)
    labels = matrices.loc[matrices["moment"] == "end", "cluster"]
    sizes = labels[labels >= 0].value_counts().sort_index()
    edges = np.cumsum(sizes.to_numpy())[:6]
    blocks[-1].hlines(edges - 0.5, -0.5, len(labels) - 0.5, color="black", lw=0.3)
    figure.suptitle(
        "Our choice: data set, init scale 1e-4, Gaussian head, rate 0.25, inputs centred and "
        "scaled, panel d",
        fontsize=7,
        color="#555555",
        x=0.99,
        ha="right",
    )
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
