"""Figure of the claim racing: early alignment against final norm, and who is told to win."""

import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

HEADS = ("gaussian", "balanced", "pytorch")
SCORES = {
    "rho_forecast": "forecast at init",
    "rho_race_score": "closed form at init",
    "rho_norm_a_init": "head's initial size",
    "rho_forecast_shuffled": "shuffled labels (control)",
}

BEYOND = [
    Row("XOR: early alignment", "dynamics/clusters/gaussian", "rho_alignment_010"),
    Row("Gaussian, head held: alignment", "race/pair/gaussian", "partial_alignment"),
    Row("balanced, head held: alignment", "race/pair/balanced", "partial_alignment", style.RED),
    Row("Gaussian, head held: forecast", "race/pair/gaussian", "partial_forecast"),
    Row("shuffled labels (control)", "race/pair/gaussian", "partial_forecast_shuffled", style.GREY),
]
ENDS = [
    Row("growth at three drops", "dynamics/pair/gaussian", "late_growth"),
    Row("error of E4", "dynamics/pair/gaussian", "growth_error"),
    Row(
        "neurons permuted (control)", "dynamics/pair/gaussian", "growth_error_permuted", style.GREY
    ),
]


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics/pair`` and ``race/pair`` tables; returns the numbers drawn."""
    figure, (scatter, rho, forecast, beyond, ends) = style.sheet(
        "Do neurons that align early win?",
        (2.7, (1.15, 1)),
        (2.9, (1,)),
        (1.7, (1,)),
        (1.3, (1,)),
    )
    numbers = [
        _scatter(scatter, tables["dynamics/pair/neurons.csv"]),
        *_correlations(rho, tables["dynamics/pair/runs.csv"], verdict),
        strips.strip(forecast, verdict, tables, strips.by_head(HEADS, SCORES)),
        strips.strip(beyond, verdict, tables, BEYOND),
        strips.strip(ends, verdict, tables, ENDS),
    ]
    beyond.set(xlabel="rank correlation with the final norm")
    beyond.set_title("Early alignment of XOR, and beyond the head's size")
    ends.set(xlabel="over the growth rate on the plateau")
    ends.set_title("The race ends, and who grows is as E4 says")
    forecast.set(xlabel="rank correlation with the final norm", xlim=(-0.55, 1.03))
    forecast.set_title("Told before training, in the largest cluster")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _scatter(ax: Axes, neurons: pd.DataFrame) -> pd.DataFrame:
    """Norm product against alignment in the largest cluster of the first run, early on."""
    first = neurons["seed"].min()
    own = neurons[
        (neurons["condition"] == "gaussian")
        & (neurons["seed"] == first)
        & (neurons["cluster_99"] == 0)
    ]
    style.neurons(
        ax, own["cos_delta_010"], own["norm_product_010"], own["norm_product_end"], "final norm c"
    )
    ax.set(xlabel="alignment cos δ", ylabel="norm product c")
    ax.set_title("Largest cluster, at 10 % of\nthe time to the drop (one run)")
    return own[["seed", "neuron", "cos_delta_010", "norm_product_010", "norm_product_end"]]


def _correlations(ax: Axes, runs: pd.DataFrame, verdict: style.Verdict) -> list[pd.DataFrame]:
    """Rank correlation of early alignment with the final norm, against time."""
    curves = []
    for condition in (*HEADS, "lazy"):
        part = runs[runs["condition"] == condition]
        prefix = "rho_alignment_all_" if condition == "lazy" else "rho_alignment_"
        columns = [c for c in part if c.startswith(prefix) and c[len(prefix) :].isdigit()]
        keys = [name for name in ("seed", "condition", "task") if name in part]
        long = part.melt(id_vars=keys, value_vars=columns, value_name="rho")
        long["percent"] = long["variable"].str[-3:].astype(int)
        curve = style.summarise(long, ["condition", "percent"], "rho")
        style.band(ax, curve, "percent", marker="o", ms=3, **style.look(condition))
        curves.append(curve)
    strips.level(
        ax, verdict, *(f"alignment_ranks_{head}" for head in HEADS), "lazy_alignment_ranks"
    )
    ax.set(xlabel="% of the time to the drop", ylabel="rank correlation", ylim=(-0.35, 1.05))
    ax.set_title("Alignment with final norm,\nlargest cluster (control: all)")
    style.key(ax, columns=2)
    return curves
