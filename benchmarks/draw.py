"""Figures of the benchmarks: speed by shape, and growth of the cost.

python benchmarks/draw.py results/engine
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from neuron_race.figures import style


def compare(folder: Path) -> None:
    """GFLOP/s of all contenders, by shape and precision."""
    for path in sorted(folder.glob("compare_*.csv")):
        table = pd.read_csv(path)
        figure, axes = style.panels(table["precision"].nunique(), height=3.4)
        for ax, (precision, part) in zip(axes, table.groupby("precision"), strict=True):
            shapes = part.groupby(["S", "N", "d", "m", "k"], sort=False)
            names = part["contender"].unique()
            for index, name in enumerate(names):
                own = part[part["contender"] == name]
                ax.barh(np.arange(len(own)) - 0.16 * index, own["gflops"], 0.16, label=name)
            for index, (_, own) in enumerate(shapes):
                peak = own["matmul_gflops"].iloc[0]
                ax.plot([peak] * 2, [index - 0.75, index + 0.1], "k--", lw=0.8)
            ax.set_yticks(
                np.arange(len(shapes)) - 0.32, [", ".join(map(str, key)) for key in shapes.groups]
            )
            ax.invert_yaxis()
            ax.set(title=f"{precision} (dashed: matmul)", xlabel="GFLOP/s", ylabel="S, N, d, m, k")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=5)
        style.save(figure, path.with_suffix(".pdf"), path.with_suffix(".png"))


def growth(folder: Path) -> None:
    """Seconds against each size, with exponents."""
    table = pd.read_csv(folder / "growth.csv")
    figure, axes = style.panels(table["contender"].nunique())
    for ax, (name, part) in zip(axes, table.groupby("contender", sort=False), strict=True):
        for quantity, own in part.groupby("quantity", sort=False):
            exponent = own["exponent"].iloc[0]
            factor = own["size"] / own["size"].iloc[0]
            ax.loglog(factor, own["seconds"], "o-", ms=3, label=f"{quantity}: {exponent:.2f}")
        what = "of a shard" if name == "shard" else "per step"
        ax.set(title=f"{name}: exponents", xlabel="times the base", ylabel=f"CPU seconds {what}")
        ax.legend()
    style.save(figure, folder / "growth.pdf", folder / "growth.png")


if __name__ == "__main__":
    style.apply()
    compare(Path(sys.argv[1]))
    growth(Path(sys.argv[1]))
