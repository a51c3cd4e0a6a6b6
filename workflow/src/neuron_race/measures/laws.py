"""The laws' predictions against what happened, run by run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common import ranks
from neuron_race.common.defined import learned, ratio
from neuron_race.models import clusters, shallow, smaller
from neuron_race.models.norms import norm_product
from neuron_race.theory.predictions import KEPT
from neuron_race.training.runs import Trained

Array = NDArray[Any]
COSINE = 0.99  # least cosine within a group
HEAVY = 0.01  # groups count that hold this part of the largest one's norm products


def table(trained: Trained, predictions: Mapping[str, Any]) -> pd.DataFrame:
    """One row per run: predicted and measured numbers, and their differences.

    Args:
        trained: the condition's runs.
        predictions: of the condition (:func:`neuron_race.theory.predictions.predict`).

    Returns:
        Columns as in the dictionary of statistics, table ``laws``. A run that never dropped, or has
        learned nothing, is undefined where its drop, or what it had learned, is asked for.

    Raises:
        ValueError: predictions of other seeds.
    """
    if predictions["seed"] != trained.start.seed.tolist():
        raise ValueError(f"predictions of seeds {predictions['seed']}")
    said = {
        key: np.asarray(own["values"], dtype=float) for key, own in predictions["predicted"].items()
    }
    step = trained.runs.reached(trained.event("drop_10"))
    rate = trained.recipe.learning_rate
    measured = pd.DataFrame([_measured(trained, s) for s in range(len(step))])
    own = pd.DataFrame(
        {
            "seed": trained.start.seed,
            "drop": step * rate,
            "drop_predicted": said["drop_step"] * rate,
            "drop_error": ratio(step, said["drop_step"]) - 1,
            "drop_error_shuffled": ratio(step, said["drop_step_shuffled"]) - 1,
            "drop_gap": (step - said["drop_step"]) * rate / said["doubling"],
            "drop_from_start": step * rate / said["doubling"] + said["start"],
            **measured,
            "pruned_predicted": said["pruned"],
            "pruned_closed": said["pruned_closed"],
            "pruned_error": measured["pruned"] - said["pruned"],
            "pruned_error_closed": measured["pruned"] - said["pruned_closed"],
            "groups_predicted": said["groups"],
            "groups_error": ratio(measured["groups"], said["groups"]) - 1,
            "groups_over_axes": ratio(measured["groups"], said["axes"]),
            "auroc_head_predicted": said["auroc_head"],
            "auroc_head_error": measured["auroc_head"] - said["auroc_head"],
        }
    )
    own["drop_miss"] = own["drop_error"].abs()
    # The simplest baseline: a run drops when the others did.
    others = _of_others(own["drop"])
    own["drop_miss_mean"] = np.abs(ratio(own["drop"], others) - 1)
    return own


def _of_others(values: pd.Series) -> Array:
    """Mean over the other runs, for each run; NaN where any is undefined or there is no other."""
    count = len(values)
    total = values.sum(skipna=False)
    return np.asarray((total - values) / (count - 1) if count > 1 else values * np.nan)


def _measured(trained: Trained, s: int) -> dict[str, float]:
    """What a trained network shows of the laws."""
    start, kind = trained.start, trained.recipe.loss
    X, Y = start.X[s], start.Y[s]
    W, A = trained.runs.W_events[s, -1], trained.runs.A_events[s, -1]
    c = norm_product(W, A)
    kept = smaller.keep_largest(c, smaller.number_kept(KEPT, len(c)))
    zero, full, pruned = (
        float(shallow.loss(F, Y, kind))
        for F in (
            np.zeros_like(Y),
            shallow.forward(X, W, A),
            shallow.forward(X, W[kept], A[kept]),
        )
    )
    gained = learned(float(trained.runs.loss[s, 0]), zero, full)
    head = np.linalg.norm(start.A[s], axis=1)
    labels = clusters.find(W, A, COSINE, clusters.active(X, W))
    held = np.bincount(labels[labels >= 0], weights=c[labels >= 0])
    known = np.isfinite(gained)
    return {
        "pruned": (pruned - full) / gained,
        "groups": float((held > HEAVY * held.max(initial=0.0)).sum()) if known else np.nan,
        "auroc_head": ranks.auroc(kept, head) if known and not kept.all() else np.nan,
    }
