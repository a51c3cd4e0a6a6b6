"""Which runs of a condition the explorer shows: a typical one, and untypical ones by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import ratio
from neuron_race.pages import phases

Array = NDArray[Any]
Names = dict[int, list[dict[str, str]]]
MAIN = "rho_alignment_010"  # the main statistic of the claim that neurons race


def late_share(neurons: pd.DataFrame, forecast: Array) -> float:
    """Share of all final norm products that a run's late winners have; 0 if it has none.

    Args:
        neurons: rows of the run in the table of neurons (:mod:`neuron_race.measures.dynamics`),
            in their order.
        forecast: norm products (m,).
    """
    final = neurons["norm_product_end"].to_numpy()
    late = phases.late_winners(forecast, neurons["norm_product_drop"].to_numpy(), final)
    return float(ratio(final[late].sum(), final.sum()))


def chosen(runs: pd.DataFrame, late: Mapping[int, float], most: int) -> Names:
    """Runs to show: seed -> what each is an instance of, and why. The typical one comes first.

    Typical is the run with the lower median of :data:`MAIN`; where that is undefined, the first.
    Untypical are the largest share of late winners, the most clusters and the slowest drop, where
    it is above the least of all runs. Of these come as many as ``most`` allows for; of runs that
    have no forecast, which do not race, none.

    Args:
        runs: the condition's rows in the table of runs (:mod:`neuron_race.measures.dynamics`).
        late: seed -> :func:`late_share`; empty where there is no forecast.
        most: how many runs.
    """
    table = runs.set_index("seed")
    known = table[MAIN].dropna().sort_values(kind="stable")
    if len(known):
        seed = known.index[(len(known) - 1) // 2]
        why = f"median rank correlation of early alignment with final norm ({known[seed]:.3f})"
    else:
        seed, why = table.index[0], "first run; early alignment is undefined here"
    found: Names = {int(seed): [{"name": "typical", "why": f"{why}, {len(table)} runs"}]}
    odd = {
        "late winner": (pd.Series(late, dtype=float), "late winners hold {:.0%} of all norms"),
        "most clusters": (table["clusters_99"], "{:.0f} clusters at the end"),
        "slowest drop": (table["step_drop_10"], "the loss drops at step {:.0f}"),
    }
    for name, (values, words) in odd.items():
        if not late or not values.max() > values.min():
            continue
        seed = int(values.idxmax())
        if seed in found or len(found) < most:
            why = f"{words.format(values[seed])}, the most of {np.isfinite(values).sum()} runs"
            found.setdefault(seed, []).append({"name": name, "why": why})
    return found
