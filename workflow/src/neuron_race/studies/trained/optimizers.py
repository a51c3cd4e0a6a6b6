"""Runs of one hidden layer by other optimizers, with what E2 allows to change on the way."""

from collections.abc import Mapping
from typing import Any

import torch

from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Arrays, Data, begin
from neuron_race.training import any_model

Tensor = torch.Tensor


def quantity(stacked: any_model.Stacked) -> Tensor:
    """Q_j = |a_j|² - |w_j|² (S, m) of one hidden layer."""
    return stacked["head.weight"].square().sum(1) - stacked["hidden.0.weight"].square().sum(2)


def drift(stacked: any_model.Stacked, slopes: any_model.Stacked, rate: float) -> Tensor:
    """What E2 allows Q_j to change in one step (S, m): eta² (|grad_a|² - |grad_w|²)."""
    return rate**2 * quantity(slopes)


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """The arrays of a condition's run file; ``total`` (S, m) is the sum of :func:`drift`."""
    start = begin(target, options, data)
    history = networks.run(start, f"{target}/{name}", summed=drift)
    return networks.recorded(history, *networks.forecasts(start, target))
