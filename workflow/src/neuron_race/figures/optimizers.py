"""Figure of the claim optimizers: forecast, alignment, pruning and conservation for each."""

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

NAMES = {
    "gd": "gradient descent",
    "minibatch": "mini-batches",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "adam": "Adam",
}
PANELS = {
    "rho_forecast": ("Forecast at init", "rank correlation with the final norm"),
    "alignment": ("Alignment at the drop", "cos δ"),
    "lowest_20": ("A fifth of the neurons kept", "share lost of what was learned"),
    "conservation_error": ("What E2 keeps", "change of |a|² − |w|² beyond what E2 allows (median)"),
}
CONTROLS = {
    "rho_forecast": ("rho_shuffled", "shuffled labels (control)"),
    "lowest_20": ("random_20", "random (control)"),
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/optimizers/runs.csv``; returns the numbers drawn."""
    figure, axes = style.sheet(
        "Does it hold with other optimizers?",
        *[(2.6 if column in CONTROLS else 1.5, (1,)) for column in PANELS],
    )
    numbers = []
    for ax, (column, (title, label)) in zip(axes, PANELS.items(), strict=True):
        rows = []
        for name, words in NAMES.items():
            source = f"extension/optimizers/{name}"
            rows.append(Row(words, source, column))
            if column in CONTROLS:
                control, what = CONTROLS[column]
                rows.append(Row(what, source, control, style.GREY))
        numbers.append(strips.strip(ax, verdict, tables, rows))
        ax.set(xlabel=label, title=title)
    axes[-1].set_xscale("symlog", linthresh=1e-8)
    axes[-1].set_xlim(0, 2)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
