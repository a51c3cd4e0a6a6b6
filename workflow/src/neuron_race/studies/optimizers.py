"""Which principles survive mini-batches, momentum, Adam and weight decay, one hidden layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from neuron_race.common.defined import ratio
from neuron_race.studies import architectures
from neuron_race.studies.architectures import Data, Runs
from neuron_race.studies.trained import networks, optimizers
from neuron_race.training import any_model

Tensor = torch.Tensor


def conservation_error(history: any_model.History) -> Tensor:
    """Median over neurons of |dQ - E2's| / (|dQ| + |E2's|), in [0, 1], of each run (S,)."""
    assert history.total is not None
    change = optimizers.quantity(history.end) - optimizers.quantity(history.init)
    off = (change - history.total).abs() / (change.abs() + history.total.abs())
    return off.median(dim=1).values


def imbalance(history: any_model.History) -> Tensor:
    """Change of Q over that of the squared norms, summed over neurons, of each run (S,)."""
    end = history.end
    squares = end["head.weight"].square().sum(1) + end["hidden.0.weight"].square().sum(2)
    return (optimizers.quantity(end) - optimizers.quantity(history.init)).abs().sum(
        1
    ) / squares.sum(1)


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Statistics of the layer as in :mod:`architectures`, and how far E2 is violated.

    Adds ``conservation_error`` and ``imbalance``, see the functions; both are rounding, and
    undefined, where a run never dropped. The forecast is that of
    plain gradient descent, whatever trains the network.
    """
    rows, details = [], []
    for name, options in conditions.items():
        trained = networks.recall(networks.begin(target, options, data), runs[name])
        own = architectures.rows(trained, target)
        own["conservation_error"] = conservation_error(trained.history).tolist()
        own["imbalance"] = imbalance(trained.history).tolist()
        own.loc[own["drop_step"].isna(), ["conservation_error", "imbalance"]] = np.nan
        rows.append(own.assign(condition=name))
        loss = ratio(trained.history.loss, trained.history.loss[:, :1])
        steps = range(0, loss.shape[1], max(1, loss.shape[1] // 60))
        details += [
            {"seed": seed, "condition": name, "step": step, "loss": loss[run, step]}
            for run, seed in enumerate(trained.start.given.seeds)
            for step in steps
        ]
    return {"runs": pd.concat(rows), "details": pd.DataFrame(details)}
