"""Which principles survive mini-batches, momentum, Adam and weight decay, one hidden layer."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from neuron_race import many
from neuron_race.extensions import architectures
from neuron_race.extensions.architectures import Data

Tensor = torch.Tensor


class Conservation:
    """Follows Q_j = |a_j|² - |w_j|² and the drift that E2 allows, eta² (|grad_a|² - |grad_w|²)."""

    def __init__(self) -> None:
        self.first: Tensor | None = None
        self.allowed = torch.zeros(())

    @staticmethod
    def quantity(stacked: many.Stacked) -> Tensor:
        """Q (S, m) of one hidden layer."""
        return stacked["head.weight"].square().sum(1) - stacked["hidden.0.weight"].square().sum(2)

    def watch(self, step: int, stacked: many.Stacked, slopes: many.Stacked, rate: float) -> None:
        """Add one step's drift by E2."""
        if self.first is None:
            self.first = self.quantity(stacked)
        self.allowed = self.allowed + rate**2 * self.quantity(slopes)

    def error(self, end: many.Stacked) -> Tensor:
        """Median over neurons of |dQ - E2's| / (|dQ| + |E2's|), in [0, 1], of each run (S,)."""
        assert self.first is not None
        change = self.quantity(end) - self.first
        off = (change - self.allowed).abs() / (change.abs() + self.allowed.abs())
        return off.median(dim=1).values

    def imbalance(self, end: many.Stacked) -> Tensor:
        """Change of Q over that of the squared norms, summed over neurons, of each run (S,)."""
        assert self.first is not None
        squares = end["head.weight"].square().sum(1) + end["hidden.0.weight"].square().sum(2)
        return (self.quantity(end) - self.first).abs().sum(1) / squares.sum(1)


def tables(target: str, conditions: Mapping[str, Any], data: Data) -> dict[str, pd.DataFrame]:
    """Statistics of the layer as in :mod:`architectures`, and how far E2 is violated.

    Adds ``conservation_error`` and ``imbalance``, see :class:`Conservation`. The forecast is that
    of plain gradient descent, whatever trains the network.
    """
    runs, details = [], []
    for name, options in conditions.items():
        law = Conservation()
        trained = architectures.train(target, options, data, f"{target}/{name}", watch=law.watch)
        own = architectures.rows(trained, target)
        own["conservation_error"] = law.error(trained.history.end).tolist()
        own["imbalance"] = law.imbalance(trained.history.end).tolist()
        runs.append(own.assign(condition=name))
        loss = trained.history.loss / trained.history.loss[:, :1]
        steps = range(0, loss.shape[1], max(1, loss.shape[1] // 60))
        details += [
            {"seed": seed, "condition": name, "step": step, "loss": loss[run, step]}
            for run, seed in enumerate(trained.given.seeds)
            for step in steps
        ]
    return {"runs": pd.concat(runs), "details": pd.DataFrame(details)}
