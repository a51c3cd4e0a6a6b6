"""Figure of the claim racing: early alignment against final norm, and the forecast."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

HEADS = ("gaussian", "balanced", "pytorch")


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/pair`` and ``race/pair`` tables; returns the numbers drawn."""
    figure, (scatter, rho, forecast) = style.panels(3, widths=(1.3, 1.2, 0.9))
    numbers = [
        _scatter(figure, scatter, tables["dynamics/pair/neurons.csv"]),
        *_correlations(rho, tables["dynamics/pair/runs.csv"]),
        _forecasts(forecast, tables["race/pair/runs.csv"]),
    ]
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _scatter(figure: Figure, ax: Axes, neurons: pd.DataFrame) -> pd.DataFrame:
    """Norm product against alignment in the largest cluster of the first run, early on."""
    first = neurons["seed"].min()
    own = neurons[
        (neurons["condition"] == "gaussian")
        & (neurons["seed"] == first)
        & (neurons["cluster_99"] == 0)
    ]
    points = ax.scatter(
        own["cos_delta_010"],
        own["norm_product_010"],
        c=own["norm_product_end"],
        cmap="viridis",
        s=10,
        lw=0,
    )
    figure.colorbar(points, ax=ax, label="final norm product c", pad=0.02)
    ax.set(yscale="log", xlabel="alignment cos δ", ylabel="norm product c")
    ax.set_title(f"Largest cluster at 10 % of the\ntime to the drop (seed {first})")
    return own[["seed", "neuron", "cos_delta_010", "norm_product_010", "norm_product_end"]]


def _correlations(ax: Axes, runs: pd.DataFrame) -> list[pd.DataFrame]:
    """Rank correlation of early alignment with the final norm, against time."""
    curves = []
    for condition in (*HEADS, "lazy"):
        part = runs[runs["condition"] == condition]
        prefix = "rho_alignment_all_" if condition == "lazy" else "rho_alignment_"
        columns = [c for c in part if c.startswith(prefix) and c[len(prefix) :].isdigit()]
        long = part.melt(id_vars=["seed", "condition"], value_vars=columns, value_name="rho")
        long["percent"] = long["variable"].str[-3:].astype(int)
        curve = style.summarise(long, ["condition", "percent"], "rho")
        style.band(
            ax,
            curve,
            "percent",
            color=style.COLOURS[condition],
            marker="o",
            ms=3,
            label=style.NAMES[condition],
        )
        curves.append(curve)
    ax.set(xlabel="% of the time to the drop", ylabel="rank correlation", ylim=(-0.35, 1.05))
    ax.set_title("Alignment with final norm,\nlargest cluster (control: all)")
    ax.legend(fontsize=6, loc="center", bbox_to_anchor=(0.48, 0.42))
    return curves


def _forecasts(ax: Axes, race: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of forecasts at init with the final norm."""
    rows = []
    for condition in HEADS:
        part = race[race["condition"] == condition]
        for value in ("rho_forecast", "rho_forecast_shuffled", "rho_norm_a_init"):
            rows.append(style.summarise(part, ["condition"], value))
    table = pd.concat(rows, ignore_index=True)
    words = {
        "rho_forecast": "forecast",
        "rho_forecast_shuffled": "shuffled labels",
        "rho_norm_a_init": "head's norm alone",
    }
    short = {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch"}
    labels = [f"{short[r.condition]}: {words[r.quantity]}" for r in table.itertuples()]
    colours = [
        style.COLOURS[r.condition] if r.quantity == "rho_forecast" else style.COLOURS["lazy"]
        for r in table.itertuples()
    ]
    style.dots(ax, table, labels, colours)
    ax.set(xlabel="rank correlation", title="Forecast with\nfinal norm")
    return table
