"""Forecasts of the race against what happened."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common import ranks
from neuron_race.common.ranks import rank_correlation
from neuron_race.training.runs import Trained

Array = NDArray[Any]
DETAILS = (
    *("seed", "neuron", "cluster_99", "norm_product_end", "norm_a_init", "cos_delta_010"),
    *("forecast", "forecast_shuffled", "race_score"),
)
# What is known before training, and may tell the winners.
AUROC = ("forecast", "forecast_shuffled", "race_score", "norm_product_init", "norm_a_init")
WINNERS = 0.2  # the fraction of neurons that counts as winners


def partial_rank_correlation(a: Array, b: Array, given: list[Array]) -> float:
    """Spearman correlation of a and b with the ranks of other quantities regressed out."""
    ranked = np.column_stack([ranks.ranks(v) for v in (a, b, *given)])
    if len(a) < 4 + len(given) or (np.ptp(ranked, axis=0) == 0).any():
        return float("nan")
    design = np.column_stack([np.ones(len(a)), ranked[:, 2:]])
    left, right = (ranked[:, :2] - design @ np.linalg.lstsq(design, ranked[:, :2])[0]).T
    if left.std() < 1e-9 or right.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def auroc(score: Array, final: Array) -> float:
    """AUROC of a score for the winners, the top fifth of final norm products.

    NaN below four neurons, and where all or none win or the score is undefined or constant.
    """
    won = ranks.top(final, WINNERS) if len(final) > 3 else np.zeros(0, bool)
    usable = 0 < won.sum() < len(won) and np.isfinite(score).all() and np.ptp(score) > 0
    return ranks.auroc(won, score) if usable else float("nan")


def tables(
    trained: Trained, neurons: pd.DataFrame, forecasts: Mapping[str, Array]
) -> dict[str, pd.DataFrame]:
    """Compare forecasts with what happened.

    Args:
        trained: the condition's runs.
        neurons: its table of neurons (:func:`neuron_race.measures.dynamics.tables`).
        forecasts: result of :func:`forecast`.

    Returns:
        ``runs``: one row per run, rank correlations within the largest cluster and over all active
        neurons, partial correlations, AUROC of the winners; ``neurons``: forecast and outcome.
    """
    rows, details = [], []
    for s, seed in enumerate(trained.start.seed):
        own = neurons[neurons["seed"] == seed].reset_index(drop=True)
        own = own.assign(
            forecast=forecasts["norm_product"][s],
            forecast_shuffled=forecasts["norm_product_shuffled"][s],
            race_score=forecasts["race_score"][s],
        )
        details.append(own[list(DETAILS)])
        rows.append({"seed": int(seed), **_row(trained, s, own, int(forecasts["step"][s]))})
    return {"runs": pd.DataFrame(rows), "neurons": pd.concat(details, ignore_index=True)}


def _row(trained: Trained, s: int, own: pd.DataFrame, step: int) -> dict[str, float]:
    groups = {"": own["cluster_99"] == 0, "_all": own["active"]}
    row: dict[str, float] = {}
    for suffix, chosen in groups.items():
        part = own[chosen].dropna(subset=["forecast", "cos_delta_010"])
        final = part["norm_product_end"].to_numpy()
        head, early = part["norm_a_init"].to_numpy(), part["cos_delta_010"].to_numpy()
        for name in ("forecast", "forecast_shuffled", "race_score", "norm_a_init", "cos_delta_010"):
            row[f"rho_{name}{suffix}"] = rank_correlation(part[name].to_numpy(), final)
        row[f"partial_alignment{suffix}"] = partial_rank_correlation(early, final, [head])
        row[f"partial_head{suffix}"] = partial_rank_correlation(head, final, [early])
        for name in ("forecast", "forecast_shuffled"):
            row[f"partial_{name}{suffix}"] = partial_rank_correlation(
                part[name].to_numpy(), final, [head]
            )
    # A run that never dropped has no winners yet, as it has no early alignment.
    active = own[own["active"]].dropna(subset=["forecast", "cos_delta_010"])
    final = active["norm_product_end"].to_numpy()
    for name in AUROC:
        row[f"auroc_{name}"] = auroc(active[name].to_numpy(), final)
    drop = int(trained.runs.event_step[s, trained.event("drop_10")])
    row["forecast_step_ratio"] = step / drop if step > 0 and drop > 0 else np.nan
    row["closed_form_cost"] = 1 / drop if drop > 0 else np.nan  # one gradient, that at init
    return row
