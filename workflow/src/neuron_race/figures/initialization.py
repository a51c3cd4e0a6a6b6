"""Figure of the claim initialization: loss against work, time, winners, merged size, final loss."""

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

NAMES = {
    "spread": ("designed: spread", style.BLUE, "-"),
    "aligned": ("designed: aligned", style.SKY, "--"),
    "spread_shuffled": ("spread, shuffled labels (control)", style.GREY, ":"),
    "balanced": ("drawn: balanced", style.RED, "-."),
    "gaussian": ("drawn: Gaussian", style.ORANGE, "--"),
    "pytorch": ("drawn: PyTorch", style.GREEN, "-"),
}
COURSE = ("balanced", "spread_shuffled", "aligned", "spread")  # the claim's own on top
PANELS = {
    "log_work": (
        "Time to the drop",
        "natural logarithm of the steps, those of the design included",
    ),
    "winners": ("Neurons that win", "effective number by their norm products, per neuron"),
    "merged": ("Size after merging", "neurons left"),
    "loss_end": ("Loss at the end", "loss over initial loss"),
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/initialization`` tables; returns the numbers drawn."""
    figure, (course, *axes) = style.sheet(
        "Does a designed init speed up the race?", (2.6, (1,)), *[(1.7, (1,))] * len(PANELS)
    )
    details = tables["extension/initialization/details.csv"]
    numbers = []
    for condition in COURSE:
        label, colour, line = NAMES[condition]
        curve = style.summarise(details[details["condition"] == condition], ["work"], "loss")
        style.band(course, curve, "work", color=colour, label=label, ls=line)
        numbers.append(curve.assign(condition=condition))
    course.set(xlabel="steps, those of the design included", ylabel="loss over initial loss")
    course.set(xlim=(0, 250), title="At equal compute")
    style.key(course, columns=2)
    for ax, (column, (title, label)) in zip(axes, PANELS.items(), strict=True):
        rows = [
            Row(words, f"extension/initialization/{name}", column, colour)
            for name, (words, colour, _) in NAMES.items()
        ]
        numbers.append(strips.strip(ax, verdict, tables, rows))
        ax.set(xlabel=label, title=title)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
