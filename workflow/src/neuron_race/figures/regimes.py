"""Figure of the claim regimes: map over init scale and width."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from neuron_race.figures import strips, style
from neuron_race.figures.capacity import trend

NAME = r"a(\d)e(\d)_m(\d+)"  # init scale and width
# Of each map its title, and whether the small init is claimed to have the larger values.
MAPS = {
    "alignment_at_drop_10": ("Alignment at the drop, cos δ", True),
    "clusters_per_neuron_99": ("Clusters per neuron", False),
    "merged_per_neuron": ("Left after merging, K/m", False),
    "lowest_first_loss_share": ("Lost with a fifth kept, share", False),
    "rho_forecast_all": ("Forecast, rank correlation", True),
    "alignment_peak": ("Highest alignment ever, cos δ", True),
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics``, ``compression`` and ``race`` of regimes; returns the numbers drawn.

    The CSV has Luo et al.'s (2021) coordinates too: with a_j ~ alpha and entries of w_j ~ alpha,
    gamma = -log(alpha^2)/log m (condensation needs gamma > 1), and gamma' = 0.
    """
    runs = _runs(tables)
    figure, (*axes, grows) = style.sheet(
        "How small must the init be?", *[(1.75, (1, 1))] * (len(MAPS) // 2), (1.8, (1,))
    )
    numbers = []
    for ax, (value, (title, large)) in zip(axes, MAPS.items(), strict=True):
        table = style.summarise(runs, ["alpha", "width"], value)
        table["gamma"] = -np.log(table["alpha"] ** 2) / np.log(table["width"])
        table["gamma_prime"] = 0.0
        _map(ax, table, large)
        _asked(ax, table, value, verdict)
        ax.set(xlabel="log10 of the init scale α", ylabel="width m", title=title)
        numbers.append(table)
    scales = runs[runs["width"] == 300].set_index("condition")["alpha"].to_dict()
    value, criterion = "clusters_per_neuron_99", "clusters_grow_with_scale"
    numbers.append(trend(grows, verdict, runs, scales, value, criterion))
    grows.set(xscale="log", xlabel="init scale α", ylabel="clusters per neuron")
    grows.set_title("Width 300; dashed: the rise per doubling that is asked for")
    text = "Dark: as claimed of a small init. Framed: asked, with threshold. Hatched: undefined."
    style.footer(figure, verdict, text)
    return figure, pd.concat(numbers, ignore_index=True)


def _runs(tables: style.Tables) -> pd.DataFrame:
    """Runs of all three tables, with init scale and width."""
    runs = tables["dynamics/regimes/runs.csv"]
    runs = runs[runs["condition"].str.fullmatch(NAME)]
    # Large inits have no plateau at f = 0, hence no forecast: their cells stay empty.
    for name in ("compression", "race"):
        other = tables[f"{name}/regimes/runs.csv"].drop(columns="task", errors="ignore")
        runs = runs.merge(other, on=["seed", "condition"], how="left", validate="one_to_one")
    parts = runs["condition"].str.extract(NAME).astype(int)
    return runs.copy().assign(alpha=parts[0] * 10.0 ** -parts[1], width=parts[2])


def _power(alpha: Any) -> Any:
    """The power of ten of an init scale."""
    return np.round(np.log10(alpha)).astype(int)


def _map(ax: Axes, table: pd.DataFrame, large: bool) -> None:
    """Means as cells, dark where they are as claimed of a small init."""
    grid = table.assign(power=_power(table["alpha"]))
    grid = grid.pivot(index="width", columns="power", values="mean").sort_index()
    # A decade without runs has an empty column: its neighbours are two decades apart.
    grid = grid.reindex(columns=range(grid.columns.min(), grid.columns.max() + 1))
    shown = np.clip(grid.to_numpy(), 0, 1)
    ax.patch.set(hatch="////", edgecolor="#D0D0D0", lw=0)
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "aspect": "auto", "origin": "lower"}
    image = ax.imshow(shown, cmap="Blues" if large else "Blues_r", **look)
    for (row, column), number in np.ndenumerate(grid.to_numpy()):
        dark = (shown[row, column] > 0.5) == large
        colour = "white" if dark else "black"
        text = "" if np.isnan(number) else f"{number:.2f}"
        ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
    ax.set_xticks(range(len(grid.columns)), [str(power) for power in grid.columns])
    ax.set_yticks(range(len(grid.index)), [str(m) for m in grid.index])
    ax.figure.colorbar(image, ax=ax, pad=0.02, ticks=[0, 0.5, 1])


def _asked(ax: Axes, table: pd.DataFrame, value: str, verdict: style.Verdict) -> None:
    """Frames around the cells that criteria ask, with their thresholds."""
    widths = sorted(table["width"].unique())
    lowest = _power(table["alpha"].min())
    for criterion in verdict["criteria"]:
        if criterion["statistic"] != value or isinstance(criterion["runs"], list):
            continue
        a, b, width = map(int, pd.Series([criterion["runs"]]).str.extract(NAME).iloc[0])
        if width not in widths or not criterion["confirmatory"]:
            continue
        x, y = _power(a * 10.0**-b) - lowest, widths.index(width)
        frame = Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, fc="none", ec=style.RED, lw=1.2)
        frame.set_gid(f"threshold:{criterion['name']}")
        ax.add_patch(frame)
        ((threshold, sign),) = strips.sides(criterion)
        text = f"{sign} {threshold:g}"
        ax.text(x, y - 0.32, text, ha="center", va="center", fontsize=5.5, color=style.RED)
