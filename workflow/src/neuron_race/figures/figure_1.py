"""Figure 1 in both versions of the paper, as far as captions tell; panel d is our choice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.capacity import trend
from neuron_race.figures.strips import Row

MOMENTS = {"init": "init", "drop_10": "loss drop", "end": "end"}
V2_EARLY = ("005", "010", "025", "050")  # per cent of the time to the drop
V1_EARLY = {"000": "t = 0", "050": "t ≈ 500"}  # the clock of v1: a drop near 1000
V1, V2, PAIR = (f"dynamics/{runs}" for runs in ("caption/v1", "caption/v2", "pair/"))
RANKS = [
    *[
        Row(f"v2 (c), cluster, at {int(moment)} %", V2, f"rho_alignment_{moment}")
        for moment in ("005", "010", "025")
    ],
    Row("v1 (c), all, at 50 %", V1, "rho_alignment_all_050", style.RED),
    Row("v1 (c), all, at t = 0", V1, "rho_alignment_all_000", style.RED),
    Row("PyTorch init, all, at t = 0", f"{PAIR}pytorch", "rho_alignment_all_000", style.RED),
    Row("balanced head, all, at t = 0", f"{PAIR}balanced", "rho_alignment_all_000", style.RED),
    Row("large init, at 50 % (control)", f"{PAIR}lazy", "rho_alignment_all_050", style.GREY),
    Row("v2 (a), loss half-way, over initial", V2, "plateau", style.GREEN),
]
BLOCKS = [
    Row("v2 (b), clusters per neuron", V2, "clusters_per_neuron_99"),
    Row("large init (control)", f"{PAIR}lazy", "clusters_per_neuron_99", style.GREY),
    Row("v1 (b), effective width", V1, "effective_width", style.RED),
]
TIMES = [
    Row("v2, step of the drop", V2, "step_drop_10"),
    Row("v1, step of the drop", V1, "step_drop_10", style.RED),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics/{caption,pair,regimes}`` and ``figure_1/caption``.

    The upper rows are the second version's panels, those below them the first version's.
    """
    figure, axes = style.sheet(
        "Do both versions of the paper's Figure 1 come out?",
        *[(1.8, (1.4, 1, 1, 1.3)), (2.1, (1.25, 1))],
        *[(1.8, (1.4, 1, 1, 1.3)), (2.0, (1, 1, 1, 1))],
        *[(1.9, (1,)), (1.15, (1, 1))],
        width=style.WIDTH,
        letters=[*"ab", "", "", *"cdab", "", "", "c", "", "", "", *"efg"],
    )
    path, neurons, cosines = (
        tables[name]
        for name in (
            "dynamics/caption/trajectory.csv",
            "dynamics/caption/neurons.csv",
            "figure_1/caption/cosines.csv",
        )
    )
    first = neurons[neurons["seed"] == neurons["seed"].min()]
    v2, v1 = (first[first["condition"] == version] for version in ("v2", "v1"))
    numbers = [
        _loss(axes[0], path, "v2", 300),
        _fan(axes[4], v2[v2["cluster_99"] == 0]),
        _count(axes[5], tables["dynamics/regimes/runs.csv"], verdict),
        _loss(axes[6], path, "v1", 500),
        _angles(axes[10:14], v1[v1["active"]]),
    ]
    # The second version keeps the order of the final clusters; in the first it changes.
    for version, blocks in (("v2", axes[1:4]), ("v1", axes[7:10])):
        _blocks(blocks, cosines[cosines["condition"] == version], version)
    for ax, rows, title, label in (
        (axes[14], RANKS, "Early alignment tells final norms", "rank correlation, or share"),
        (axes[15], BLOCKS, "Few groups, and more than one direction", "number, or per neuron"),
        (axes[16], TIMES, "When the loss drops", "step t"),
    ):
        numbers.append(strips.strip(ax, verdict, tables, rows))
        ax.set(title=title, xlabel=label)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _loss(ax: Axes, path: pd.DataFrame, version: str, moment: int) -> pd.DataFrame:
    """Training loss against step; the caption's own moment as a dotted line."""
    own = path[(path["condition"] == version) & (path["step"] > 0)]
    curve = style.summarise(own, ["condition", "step"], "loss")
    style.band(ax, curve, "step", color=style.BLUE)
    ax.axvline(moment, ls=":", lw=0.8, color="#777777")
    ax.set(xlabel="step t", ylabel="training loss", xscale="log")
    near = "near" if version == "v2" else "after"
    ax.set_title(f"{version}: drop {near} t = {moment}")
    return curve


def _blocks(axes: Sequence[Axes], matrices: pd.DataFrame, version: str) -> None:
    """Cosine matrices, ordered by final clusters or each by its own."""
    for ax, (moment, words) in zip(axes, MOMENTS.items(), strict=True):
        rows = matrices[matrices["moment"] == moment]
        labels = rows["cluster" if version == "v2" else "own"].to_numpy()
        order = np.argsort(np.where(labels < 0, len(labels), labels), kind="stable")
        matrix = rows.filter(regex=r"^\d+$").to_numpy()[np.ix_(order, order)]
        image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        ax.set(xlabel="neuron" if version == "v2" else "neuron, own order")
        ax.set(title=f"{version}: {words}", xticks=[], yticks=[])
    edges = np.cumsum(np.bincount(labels[labels >= 0]))[:6]
    axes[-1].hlines(edges - 0.5, -0.5, len(labels) - 0.5, color="black", lw=0.3)
    axes[-1].figure.colorbar(image, ax=axes[-1], label="cosine")


def _fan(ax: Axes, largest: pd.DataFrame) -> pd.DataFrame:
    """Norm product against alignment of the largest cluster, at several times."""
    largest = largest.set_index("neuron")
    parts = [
        pd.DataFrame(
            {
                "x": largest[f"cos_delta_{moment}"],
                "mean": largest[f"norm_product_{moment}"],
                "final": largest["norm_product_end"],
                "percent": int(moment),
            }
        )
        for moment in V2_EARLY
    ]
    drawn = pd.concat(parts).reset_index()
    style.neurons(ax, drawn["x"], drawn["mean"], drawn["final"], "final norm product")
    for percent, part in drawn.dropna().groupby("percent"):
        top = part.loc[part["mean"].idxmax()]  # later moments are above and to the right
        words: dict[str, Any] = {"xytext": (-3, 3), "textcoords": "offset points", "ha": "right"}
        ax.annotate(f"{percent} %", (top["x"], top["mean"]), fontsize=style.SMALL, **words)
    ax.set(xlabel="alignment cos δ", ylabel="norm product")
    ax.set_title("v2: largest cluster, at % of\nthe time to the drop (one run)")
    return drawn.assign(quantity="v2: norm against alignment")


def _count(ax: Axes, runs: pd.DataFrame, verdict: style.Verdict) -> pd.DataFrame:
    """Number of clusters over init scales: our choice of a panel d."""
    names = [name for name in runs["condition"].unique() if name.endswith("_m300")]
    scales = {name: float(f"{name[1]}e-{name[3]}") for name in names}
    table = trend(ax, verdict, runs, scales, "clusters_99", look={"color": style.BLUE})
    ax.axhline(300, ls=":", lw=0.8, color="#777777")
    style.beside(ax, 300, "one per\nneuron")
    ax.set(xscale="log", xlabel="init scale α", ylabel="number of clusters")
    ax.set_title("Number of clusters (our choice)")
    return table


def _angles(axes: Sequence[Axes], neurons: pd.DataFrame) -> pd.DataFrame:
    """All neurons: current and final norm against the cosine to the target, at two times."""
    numbers = []
    neurons = neurons.set_index("neuron")
    final = neurons["norm_product_end"]
    panels = [(m, w, f) for m, w in V1_EARLY.items() for f in ("current", "final")]
    for ax, (moment, words, which) in zip(axes, panels, strict=True):
        x = neurons[f"cos_delta_{moment}"]
        y = neurons[f"norm_product_{moment}"] if which == "current" else final
        style.neurons(ax, x, y, final)
        drawn = pd.DataFrame({"x": x, "mean": y, "final": final, "percent": int(moment)})
        numbers.append(drawn.reset_index().assign(quantity=f"v1: {which} norm"))
        ax.set(xlabel="cos δ to the target", ylabel=f"{which} norm product")
        ax.set_title(f"v1: {words}")
    return pd.concat(numbers)
