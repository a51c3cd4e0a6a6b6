"""Tickets chosen before training, trained until their loss drops: E9 and L2 against networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.common.defined import DROP, ratio
from neuron_race.studies.tickets import retrain
from neuron_race.theory import laws
from neuron_race.theory.predictions import KEPT, TICKETS, dimension
from neuron_race.training.runs import Trained


def table(trained: Trained, predictions: Mapping[str, Any]) -> pd.DataFrame:
    """Delays of tickets, one row per run.

    Args:
        trained: runs of the whole networks.
        predictions: of their condition, with the neurons of each ticket
            (:func:`neuron_race.theory.predictions.predict`).

    Returns:
        ``delay_<ticket>``: time of the ticket's drop minus that of the whole network;
        ``delay_predicted_<ticket>``; ``delay_error_<ticket>``: measured over predicted, minus 1;
        ``ratio_<ticket>``: delay over that of the random ticket, and ``ratio_error_<ticket>``, this
        over its closed form (L2), minus 1, NaN where there is none. NaN where a network never
        dropped.

    Raises:
        ValueError: predictions of other seeds.
    """
    if predictions["seed"] != trained.start.seed.tolist():
        raise ValueError(f"predictions of seeds {predictions['seed']}")
    rate = trained.recipe.learning_rate
    whole = trained.runs.reached(trained.event("drop_10"))
    said = np.asarray(predictions["predicted"]["drop_step"]["values"], dtype=float)
    row: dict[str, Any] = {"seed": trained.start.seed}
    for arm in TICKETS:
        own = predictions["tickets"][arm]
        delay = (_drop(trained, np.asarray(own["kept"])) - whole) * rate
        forecast = (np.asarray(own["drop_step"], dtype=float) - said) * rate
        row |= {
            f"delay_{arm}": delay,
            f"delay_predicted_{arm}": forecast,
            f"delay_error_{arm}": ratio(delay, forecast) - 1,
        }
    head, outputs = trained.options["head"], trained.start.Y.shape[2]
    closed = np.nan, np.nan
    if laws.has_closed_form(head, outputs):
        closed = laws.delay_ratios(KEPT, head, trained.options["width"], dimension(trained.start))
    for arm, expected in zip(("winners", "losers"), closed, strict=True):
        row[f"ratio_{arm}"] = ratio(row[f"delay_{arm}"], row["delay_random"])
        row[f"ratio_error_{arm}"] = row[f"ratio_{arm}"] / expected - 1
    return pd.DataFrame(row)


def _drop(trained: Trained, kept: Any) -> Any:
    """Steps (S,) at which the neurons ``kept`` (S, n), trained alone, drop."""
    runs = np.arange(len(kept))[:, None]
    W, A = trained.start.W[runs, kept], trained.start.A[runs, kept]
    # A loser may drop long after the whole network, which sets the budget of steps.
    budget = 3 * trained.recipe.max_steps
    alone = retrain(trained, W, A, max_steps=budget, stop_at_drop=True, drops=(DROP,))
    return alone.runs.reached(alone.event("drop_10"))
