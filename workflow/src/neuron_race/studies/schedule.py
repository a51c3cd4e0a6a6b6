"""Do learning-rate schedules change who wins, and how much is decided by the loss drop?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from neuron_race.common.defined import ratio
from neuron_race.common.ranks import rank_correlation
from neuron_race.models import smaller
from neuron_race.studies.architectures import Data, Runs
from neuron_race.studies.trained import networks, schedule

Array = NDArray[Any]
REFERENCE = "constant"  # the condition that others are compared with
WINNERS = 0.2
DETAILS = ("seed", "condition", "step", "progress", "decided")


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Final order of each schedule against that of the constant rate, run by run.

    ``runs``: ``rho_constant`` rank correlation of final norm products with those of the constant
    rate from the same init, ``rho_other_init`` with those of the next run's (control),
    ``overlap`` share of the winners (upper fifth) in common, ``rho_init`` with the initial norm
    products, ``decided_at_drop`` fraction of pairs of neurons whose final order is that at the
    drop. All are undefined where a run, or the one it is compared with, never dropped: nothing was
    decided then. ``details``: the same fraction against step over drop step.
    """
    ends: dict[str, Array] = {}  # NaN in runs that never dropped
    rows, curves = [], []
    names = sorted(conditions, key=lambda name: name != REFERENCE)
    for name in names:
        options = conditions[name]
        start = networks.begin(target, options, data)
        history = networks.recall(start, runs[name]).history
        init, drop, end = (
            schedule.products(start, getattr(history, m)) for m in ("init", "drop", "end")
        )
        end[history.drop_step < 0] = np.nan
        ends[name] = end
        reference = ends[REFERENCE]
        course = dict(zip(runs[name]["course_step"].tolist(), runs[name]["course"], strict=True))
        for run, seed in enumerate(start.given.seeds):
            # A single run has no other.
            other = (
                reference[(run + 1) % len(reference)] if len(reference) > 1 else np.nan * end[run]
            )
            rows.append(
                {
                    "seed": seed,
                    "condition": name,
                    "loss_end": ratio(history.loss[run, -1], history.loss[run, 0]),
                    "drop_step": history.drop_step[run] if history.drop_step[run] >= 0 else np.nan,
                    "rho_constant": _known(rank_correlation, end[run], reference[run]),
                    "rho_other_init": _known(rank_correlation, end[run], other),
                    "overlap": _known(overlap, end[run], reference[run]),
                    "rho_init": _known(rank_correlation, end[run], init[run]),
                    "rho_drop": _known(rank_correlation, end[run], drop[run]),
                    "decided_at_drop": _known(decided, drop[run], end[run]),
                    "decided_at_init": _known(decided, init[run], end[run]),
                }
            )
            if history.drop_step[run] > 0:
                curves += [
                    {
                        "seed": seed,
                        "condition": name,
                        "step": step,
                        "progress": step / history.drop_step[run],
                        "decided": decided(own[run], end[run]),
                    }
                    for step, own in course.items()
                ]
    return {"runs": pd.DataFrame(rows), "details": pd.DataFrame(curves, columns=list(DETAILS))}


def _known(statistic: Any, a: Array, b: Array) -> float:
    """NaN where a loss drop never came."""
    return float(statistic(a, b)) if np.isfinite([a, b]).all() else float("nan")


def decided(early: Array, final: Array) -> float:
    """Fraction of pairs of neurons that are already in their final order; 1/2 by chance."""
    return float((1 + kendalltau(early, final).statistic) / 2)


def overlap(a: Array, b: Array) -> float:
    """Share of the largest fifth of ``a`` that is among the largest fifth of ``b``.

    NaN where the fifth, rounded, is all of them.
    """
    n = smaller.number_kept(WINNERS, len(a))
    if n == len(a):
        return float("nan")
    return len(set(np.argsort(-a)[:n]) & set(np.argsort(-b)[:n])) / n
