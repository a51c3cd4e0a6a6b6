"""Figure 1 in both versions of the paper, as far as captions tell; panel d is our choice."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

MOMENTS = {"init": "init", "drop_10": "loss drop", "end": "end"}
V2_EARLY = ("005", "010", "025", "050")  # per cent of the time to the drop
V1_EARLY = {"000": "t = 0", "050": "t ≈ 500, before the drop"}  # the clock of v1: a drop near 1000


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/caption``, ``figure_1/caption`` and ``dynamics/regimes``.

    The upper two rows are the second version's panels, the lower two the first version's.
    """
    figure = plt.figure(figsize=(style.WIDTH, 9.4), layout="constrained")
    rows: Any = figure.subfigures(4, 1, height_ratios=[1, 1.2, 1, 1.2])
    path, neurons, cosines = (
        tables[name]
        for name in (
            "dynamics/caption/trajectory.csv",
            "dynamics/caption/neurons.csv",
            "figure_1/caption/cosines.csv",
        )
    )
    own = {
        version: neurons[
            (neurons["condition"] == version) & (neurons["seed"] == neurons["seed"].min())
        ]
        for version in ("v2", "v1")
    }
    numbers = []
    for version, row in (("v2", rows[0]), ("v1", rows[2])):
        row.suptitle(f"Version {version[1]} of the paper", fontsize=9, x=0.01, ha="left")
        loss, *blocks = row.subplots(1, 4, width_ratios=[1.5, 1, 1, 1])
        style.mark(loss, "a")
        style.mark(blocks[0], "b")
        numbers.append(_loss(loss, path[path["condition"] == version], version))
        # The second version keeps the order of the final clusters; in the first it changes.
        image = _blocks(blocks, cosines[cosines["condition"] == version], version == "v2")
        row.colorbar(image, ax=blocks, label="cosine", pad=0.01, shrink=0.8)
    fan, count = rows[1].subplots(1, 2, width_ratios=[1.25, 1])
    style.mark(fan, "c")
    style.mark(count, "d")
    numbers.append(_fan(fan, own["v2"][own["v2"]["cluster_99"] == 0]))
    numbers.append(_count(count, tables["dynamics/regimes/runs.csv"]))
    angles = rows[3].subplots(1, 4)
    style.mark(angles[0], "c")
    numbers.append(_angles(angles, own["v1"][own["v1"]["active"]]))
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _loss(ax: Axes, path: pd.DataFrame, version: str) -> pd.DataFrame:
    """Training loss against step; the caption's own moment as a dotted line."""
    curve = style.summarise(path, ["condition", "step"], "loss")
    style.band(ax, curve[curve["step"] > 0], "step", color=style.COLOURS["gaussian"])
    ax.axvline(300 if version == "v2" else 500, ls=":", lw=0.8, color="black")
    ax.set(xlabel="step t", ylabel="training loss", xscale="log")
    ax.set_title("Drop near t = 300" if version == "v2" else "Drop after t = 500")
    return curve


def _blocks(axes: Sequence[Axes], matrices: pd.DataFrame, fixed: bool) -> Any:
    """Cosine matrices, ordered by final clusters or each by its own; returns the last image."""
    for ax, (moment, words) in zip(axes, MOMENTS.items(), strict=True):
        rows = matrices[matrices["moment"] == moment]
        labels = rows["cluster" if fixed else "own"].to_numpy()
        order = np.argsort(np.where(labels < 0, len(labels), labels), kind="stable")
        matrix = rows.filter(regex=r"^\d+$").to_numpy()[np.ix_(order, order)]
        image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        ax.set(xlabel="neuron" if fixed else "neuron, own order", title=f"cos, {words}")
        ax.set_xticks([]), ax.set_yticks([])
    edges = np.cumsum(np.bincount(labels[labels >= 0]))[:6]
    axes[-1].hlines(edges - 0.5, -0.5, len(labels) - 0.5, color="black", lw=0.3)
    return image


def _scatter(ax: Axes, x: pd.Series, y: pd.Series, final: pd.Series) -> tuple[Any, pd.DataFrame]:
    """Neurons coloured by final norm; returns the points and the numbers drawn."""
    points = ax.scatter(x, y, c=final, cmap="viridis", s=6, lw=0)
    if y.notna().any():  # nothing can't be log-scaled
        ax.set_yscale("log")
    return points, pd.DataFrame({"neuron": x.index, "x": x, "mean": y, "final": final})


def _fan(ax: Axes, largest: pd.DataFrame) -> pd.DataFrame:
    """Norm product against alignment of the largest cluster, at several times."""
    numbers = []
    largest = largest.set_index("neuron")
    for moment in V2_EARLY:
        x, y = largest[f"cos_delta_{moment}"], largest[f"norm_product_{moment}"]
        points, drawn = _scatter(ax, x, y, largest["norm_product_end"])
        numbers.append(drawn.assign(percent=int(moment), quantity="v2: norm against alignment"))
        if y.notna().any():
            top = y.idxmax()  # later moments are above and to the right
            ax.annotate(
                f"{int(moment)} %",
                (x[top], y[top]),
                xytext=(-3, 3),
                textcoords="offset points",
                fontsize=6.5,
                ha="right",
            )
    ax.figure.colorbar(points, ax=ax, label="final norm product", pad=0.02)
    ax.set(xlabel="alignment cos δ", ylabel="norm product")
    ax.set_title("Largest cluster at % of time to drop (first seed)")
    return pd.concat(numbers)


def _count(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """Number of clusters over init scales: our choice of a panel d."""
    runs = runs[runs["condition"].str.endswith("_m300")].copy()
    runs["alpha"] = 10.0 ** -runs["condition"].str.extract(r"a1e(\d)_", expand=False).astype(int)
    dots = style.summarise(runs, ["alpha"], "clusters_99").sort_values("alpha")
    style.band(ax, dots, "alpha", color=style.COLOURS["gaussian"], marker="o", ms=3)
    ax.axhline(300, ls="--", lw=0.8, color="black")
    ax.text(1e-6, 285, "one cluster per neuron", fontsize=6.5, va="top")
    ax.set(xscale="log", xlabel="init scale α", ylabel="number of clusters")
    ax.set_title("Number of clusters (our choice)")
    return dots


def _angles(axes: Sequence[Axes], neurons: pd.DataFrame) -> pd.DataFrame:
    """All neurons: current and final norm against the cosine to the target, at two times."""
    numbers = []
    neurons = neurons.set_index("neuron")
    final = neurons["norm_product_end"]
    panels = [(m, w, f) for m, w in V1_EARLY.items() for f in ("current", "final")]
    for ax, (moment, words, which) in zip(axes, panels, strict=True):
        y = neurons[f"norm_product_{moment}"] if which == "current" else final
        _, drawn = _scatter(ax, neurons[f"cos_delta_{moment}"], y, final)
        numbers.append(drawn.assign(percent=int(moment), quantity=f"v1: {which} norm"))
        ax.set(xlabel="cos δ to the target", ylabel=f"{which} norm product")
        ax.set_title(words, fontsize=7)
    return pd.concat(numbers)
