"""Figure of the claim mutual_alignment: alignment over time, clusters per neuron."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import style

CONDITIONS = ("gaussian", "balanced", "pytorch", "lazy")


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/{pair,clusters}`` tables; returns the numbers drawn."""
    path = tables["dynamics/pair/trajectory.csv"]
    figure, (time, loss, count) = style.panels(3, widths=(1.2, 1.2, 1))
    numbers = []
    for condition in CONDITIONS:
        own = path[path["condition"] == condition]
        for ax, value in ((time, "alignment"), (loss, "loss")):
            curve = style.summarise(own, ["condition", "time"], value)
            style.band(
                ax,
                curve[curve["time"] > 0],
                "time",
                color=style.COLOURS[condition],
                label=style.NAMES[condition],
            )
            numbers.append(curve)
    for ax, label in ((time, "alignment cos δ, weighted"), (loss, "training loss")):
        ax.set(xscale="log", xlabel="time t = rate × step", ylabel=label)
    time.set_title("Alignment with the pull")
    # The lines leave no room for it in either panel, and their colours are those of both.
    figure.legend(
        *time.get_legend_handles_labels(), ncols=4, fontsize=7, loc="outside upper center"
    )
    loss.set_title("Loss")
    loss.set_ylim(0, 0.6)

    runs = pd.concat(
        style.ordered(tables[f"dynamics/{task}/runs.csv"], CONDITIONS).assign(task=task)
        for task in ("pair", "clusters")
    )
    dots = style.summarise(runs, ["task", "condition"], "clusters_per_neuron_99")
    task_names = {"pair": "image pair", "clusters": "XOR clusters"}
    labels = [f"{task_names[r.task]}, {style.NAMES[r.condition]}" for r in dots.itertuples()]
    style.dots(count, dots, labels, [style.COLOURS[c] for c in dots["condition"]])
    count.set(xlabel="clusters per neuron", title="Clusters", xlim=(-0.03, 1.05))
    style.threshold(count, 0.2, "claim: below")
    numbers.append(dots)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
