"""Figure of the claim mutual_alignment: alignment and loss over time, clusters, final alignment."""

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

CONDITIONS = ("gaussian", "balanced", "pytorch", "lazy")


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics/{pair,clusters}`` tables; returns the numbers drawn."""
    path = tables["dynamics/pair/trajectory.csv"]
    figure, (time, loss, count, aligned) = style.sheet(
        "Do neurons come to point in few directions?", (2.4, (1, 1)), (1.9, (1,)), (1.4, (1,))
    )
    numbers = []
    for condition in CONDITIONS:
        own = path[(path["condition"] == condition) & (path["time"] > 0)]
        for ax, value in ((time, "alignment"), (loss, "loss")):
            curve = style.summarise(own, ["condition", "time"], value)
            style.band(ax, curve, "time", **style.look(condition))
            numbers.append(curve)
    for ax, label in ((time, "alignment cos δ, weighted"), (loss, "training loss")):
        ax.set(xscale="log", xlabel="time t = rate × step", ylabel=label)
    time.set_title("Alignment with the pull")
    strips.level(time, verdict, "aligned_at_drop", "lazy_alignment")
    loss.set_title("The loss on the same clock")
    loss.set_ylim(0, 0.6)
    style.key(time, loss, columns=2)
    numbers += [
        strips.strip(count, verdict, tables, _rows("clusters_per_neuron_99")),
        strips.strip(
            aligned,
            verdict,
            tables,
            [
                Row("digits, at the drop", "dynamics/pair/gaussian", "alignment_at_drop_10"),
                Row("XOR, at the drop", "dynamics/clusters/gaussian", "alignment_at_drop_10"),
                Row(
                    "large init, ever (control)", "dynamics/pair/lazy", "alignment_peak", style.GREY
                ),
                Row("large init, rotation (control)", "dynamics/pair/lazy", "rotation", style.GREY),
            ],
        ),
    ]
    count.set(xlabel="clusters per neuron K/m", title="Few clusters at the end", xlim=(-0.02, 1.02))
    aligned.set(xlabel="cosine", title="Aligned when the loss drops")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _rows(column: str) -> list[Row]:
    """All conditions of both tasks."""
    return [
        Row(
            f"{words}, {style.NAMES[name]}",
            f"dynamics/{task}/{name}",
            column,
            style.COLOURS[name],
        )
        for task, words in style.TASKS.items()
        for name in CONDITIONS
    ]
