"""Figure of the claim pruning_at_init: how tickets by every score train."""

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

# The forecast's thresholds are what the other scores reach, so that these are beside it.
ARMS = {
    "forecast": ("forecast", style.BLUE),
    "snip": ("SNIP", style.ORANGE),
    "grasp": ("GraSP", style.ORANGE),
    "synflow": ("SynFlow", style.ORANGE),
    "magnitude": ("magnitude", style.ORANGE),
    "random": ("random", style.ORANGE),
    "lanes": ("forecast, one of each lane first", style.BLUE),
    "shuffled": ("forecast, shuffled labels (control)", style.GREY),
    "losers": ("forecast's losers (control)", style.GREY),
}
# Condition, statistic, per cent kept and title. With two layers the clock is changed until the
# drop, so that the course says little there.
PANELS = (
    ("one_layer", "course_{arm}_10", "One hidden layer, 10 % kept"),
    ("two_layers", "loss_{arm}_20", "Two hidden layers, 20 % kept"),
    ("two_layers", "loss_{arm}_layers_20", "Two hidden layers, 20 % kept in each"),
)


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/pruning_at_init/runs.csv``; returns the numbers drawn."""
    figure, axes = style.sheet(
        "Does the forecast find tickets before training?", *[(2.4, (1,))] * len(PANELS)
    )
    runs = tables["extension/pruning_at_init/runs.csv"]
    numbers = []
    for ax, (condition, statistic, title) in zip(axes, PANELS, strict=True):
        course = statistic.startswith("course")
        full = "course_full_100" if course else "loss_full_100"
        source = f"extension/pruning_at_init/{condition}"
        rows = [Row("all neurons", source, full, style.BLACK)] + [
            Row(words, source, statistic.format(arm=arm), colour)
            for arm, (words, colour) in ARMS.items()
        ]
        rows = [row for row in rows if row.column in runs]
        numbers.append(strips.strip(ax, verdict, tables, rows))
        ax.set_xlabel(f"loss over initial loss, {'mean over training' if course else 'at the end'}")
        ax.set_title(title)
    style.footer(
        figure,
        verdict,
        "Bars: 95 % intervals of the mean. Dashed: what a score must stay left (or right) of: "
        "another's mean.",
    )
    return figure, pd.concat(numbers, ignore_index=True)
