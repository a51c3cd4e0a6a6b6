"""Figure of the claim overparameterization: success, time to the drop, and idle neurons."""

import pandas as pd

from neuron_race.figures import laws as of_laws
from neuron_race.figures import strips, style
from neuron_race.figures.capacity import LARGE, LAZY, WIDTHS, trend
from neuron_race.figures.strips import Row


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``dynamics/capacity`` and ``laws/laws``; returns the numbers drawn."""
    figure, (fits, sooner, same, gap, fitted, idle) = style.sheet(
        "Why do wide networks train more easily?",
        (2.3, (1, 1)),
        (2.1, (1, 1)),
        (1.1, (1,)),
        (1.3, (1,)),
    )
    runs, laws = tables["dynamics/capacity/runs.csv"], tables["laws/laws/runs.csv"]
    numbers = [
        trend(fits, verdict, runs, WIDTHS, "fitted"),
        trend(fits, verdict, runs, LAZY, "fitted", look=LARGE),
        trend(sooner, verdict, runs, WIDTHS, "t_drop_10", "drops_sooner", 32),
        trend(same, verdict, laws, of_laws.SAME, "drop", "same_sum_same_time"),
        trend(gap, verdict, laws, of_laws.WIDTHS, "drop_gap", "sooner_as_predicted"),
        *[
            strips.strip(ax, verdict, tables, _rows(column))
            for ax, column in ((fitted, "fitted"), (idle, "lower_half_share"))
        ],
    ]
    for ax, label, title in (
        (fits, "share of runs that fit", "Wide networks fit"),
        (sooner, "time to the drop", "and drop sooner"),
        (same, "time to the drop", "not if Σc is kept (control)"),
        (gap, "measured − predicted,\nover a doubling's lead", "as L3 says"),
    ):
        ax.set(xlabel="width m", ylabel=label, title=title)
    style.key(fits)
    fitted.set(xlabel="share of runs that fit", title="Fits", xlim=(-0.03, 1.03))
    idle.set(xlabel="share of all norm products", title="Held by the lower half of the neurons")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _rows(column: str) -> list[Row]:
    """Narrow, wide, and wide with a large init."""
    return [
        Row("width 4", "dynamics/capacity/width4", column),
        Row("width 256", "dynamics/capacity/width256", column),
        Row("width 256, large init (control)", "dynamics/capacity/lazy256", column, style.GREY),
    ]
