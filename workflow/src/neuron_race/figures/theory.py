"""Figure of the theory: closed form as lines, numerical flow and networks as markers."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from neuron_race.figures import style

# Circles hold crosses and triangles, so that agreement shows all of them.
MARKS: dict[str, dict[str, Any]] = {
    "numerical flow": {"marker": "o", "mfc": "none", "ms": 6},
    "engine frozen": {"marker": "x", "ms": 4},
    "trained network": {"marker": "^", "ms": 3},
}
FIXED = ("numerical flow", "engine frozen")  # what has gates fixed beside the closed form
FLOW, NETWORK = style.COLOURS["gaussian"], style.COLOURS["balanced"]


def draw(tables: style.Tables) -> style.Drawn:
    """Draw from the tables ``race``, ``escape``, ``limit``, ``conservation`` and ``errors``.

    Returns:
        The figure, and the numbers drawn (of the race, at the times drawn).
    """
    figure, axes = style.sheet(
        "Do the equations hold?", (2.6, (1, 1)), (3.0, (1, 1)), (2.6, (1, 1))
    )
    alignment, norm, free, escape, limit, conservation = axes
    errors = tables["errors"]
    drawn = []
    for ax, quantity, words in (
        (alignment, "cos_delta", "Alignment"),
        (norm, "norm_product", "Norm product"),
    ):
        drawn.append(_race(ax, tables["race"], quantity))
        flow, engine = (_error(errors, f"{name}, balanced head: {quantity}") for name in FIXED)
        ax.set_xlabel("τ = |D| t (dimensionless)")
        ax.set_title(f"{words} (E5), gates fixed;\nerror: flow {flow}, engine {engine}")
    alignment.set(ylabel="alignment cos δ")
    norm.set(ylabel="norm product c / c(0)", yscale="log")
    drawn.append(_free(free, tables["race"]))
    free.set(xlabel="τ = |D| t (dimensionless)", ylabel="c, trained / closed form", yscale="log")
    before = _error(errors, "trained network, to the first gate flip: norm_product")
    mirrored = _error(errors, "trained network, mirrored data, to the drop: norm_product")
    free.set_title(f"Training to the drop (E5); error:\nmirrored {mirrored}, to a flip {before}")
    _lines(escape, tables["escape"], "alpha")
    escape.set(xscale="log", xlabel="init scale α", ylabel="time of the drop t")
    escape.invert_xaxis()
    escape.set_title(
        "Escape (E6); error of the slope:\n"
        f"flow {_error(errors, 'numerical flow: slope')}, "
        f"network {_error(errors, 'trained network: slope')}",
    )
    _lines(limit, tables["limit"], "alpha")
    limit.set(xscale="log", yscale="log", xlabel="init scale α", ylabel="relative distance")
    limit.invert_xaxis()
    limit.set_title(
        "Orthogonal inputs: to the min-norm\n"
        f"pair; error of the power {_error(errors, 'trained network: power of alpha')}",
    )
    _conserved(conservation, tables["conservation"], errors)
    style.key(alignment, norm)
    style.key(free, escape, columns=2)
    style.key(limit, conservation)
    style.note(figure, "Errors: the largest between closed form and what is named, relative.")
    for name in ("escape", "limit", "conservation"):
        drawn.append(tables[name].assign(table=name))
    return figure, pd.concat(drawn, ignore_index=True)


def _error(errors: pd.DataFrame, name: str) -> str:
    """The largest error of one comparison, in few digits."""
    return f"{errors.set_index('name').loc[name, 'error']:.0e}".replace("e-0", "e-")


def _race(ax: Axes, race: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """One line per neuron, coloured by initial alignment, and a marker per source and time."""
    race = race[race["case"] == "balanced"]
    part = race[race["quantity"] == quantity].copy()
    part["table"] = "race"
    if quantity == "norm_product":  # all start from one point, so that only alignment differs
        start = part[part["time"] == 0].set_index(["source", "neuron"])["value"]
        keys = pd.MultiIndex.from_frame(part[["source", "neuron"]])
        part["value"] /= start.loc[keys].to_numpy()
        part["quantity"] = "norm_product / initial"
    # Snapshots are spaced evenly in the logarithm: the first ones would lie on top of each other.
    times = np.unique(part["time"])
    kept = times[times >= 0.08 * times[-1]]
    # Neurons by initial alignment.
    first = race[(race["quantity"] == "cos_delta") & (race["time"] == 0)]
    cosines = first[first["source"] == "closed form"].set_index("neuron")["value"]
    for neuron, own in part.groupby("neuron"):
        colour = colormaps["viridis"](0.45 * (1 + cosines.loc[neuron]))
        law = own[own["source"] == "closed form"]
        ax.plot(law["tau"], law["value"], color=colour, lw=1)
        for source in FIXED:
            points = own[(own["source"] == source) & own["time"].isin(kept[::2])]
            ax.plot(points["tau"], points["value"], ls="", color=colour, mew=0.7, **MARKS[source])
    for source in FIXED:
        ax.plot([], [], ls="", color="black", mew=0.7, label=source, **MARKS[source])
    ax.plot([], [], color="black", lw=1, label="closed form")
    return part


def _free(ax: Axes, race: pd.DataFrame) -> pd.DataFrame:
    """Norm product of neurons that really train, relative to the closed form, up to the drop."""
    part = race[(race["quantity"] == "norm_product") & race["case"].isin(["free", "mirrored"])]
    index = ["case", "neuron", "time", "tau"]
    wide = part.pivot(index=index, columns="source", values="value").reset_index()
    wide["value"] = wide["trained network"] / wide["closed form"]
    for case, colour, label in (
        ("free", NETWORK, "clusters: gates flip"),
        ("mirrored", FLOW, "mirrored: D keeps"),
    ):
        own = wide[wide["case"] == case]
        kept = np.unique(own["time"])
        own = own[own["time"].isin(kept[-40:])]
        ax.plot(own["tau"], own["value"], ls="", color=colour, label=label, mew=0, marker="^", ms=2)
    ax.axhline(1, color="black", lw=1, label="closed form", zorder=0)
    columns = [*index, "value"]
    return wide[columns].assign(
        table="race", source="trained network", quantity="norm_product / closed form"
    )


def _conserved(ax: Axes, table: pd.DataFrame, errors: pd.DataFrame) -> None:
    """What is conserved drifts with the step size."""
    _lines(ax, table, "rate")
    ax.set(xscale="log", yscale="log", xlabel="step size η (time per step)")
    ax.set_ylabel("largest |ΔQ| / (|a|² + |w|²)")
    drift = _error(errors, "trained network: drift")
    ax.set_title(f"Conservation (E2); largest\nerror: network {drift} of the drift")
    rates = np.unique(table["rate"])
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    # At least one whole decade, so that the axis has two labels.
    low, high = ax.get_ylim()
    ax.set_ylim(10 ** np.floor(np.log10(low)), high)


def _lines(ax: Axes, table: pd.DataFrame, x: str) -> None:
    """Closed forms as lines, the others as markers."""
    labels = {"closed form, flow": "slope 1/λ", "closed form, gradient descent": "slope 1/λ with η"}
    for source, own in table.groupby("source", sort=True):
        name = str(source)
        flow_ = name in ("numerical flow", "closed form, flow")
        look = MARKS.get(name, {"lw": 1})
        colour = FLOW if flow_ else NETWORK if name != "closed form" else "black"
        ax.plot(
            own[x],
            own["value"],
            color=colour,
            ls="" if name in MARKS else "-",
            label=labels.get(name, name),
            **look,
        )
