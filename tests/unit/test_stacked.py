"""Passes written for many runs at once have the outputs and gradients of the model itself."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

from neuron_race.models import deep
from neuron_race.models.losses import mean_loss
from neuron_race.training import any_model

SEEDS = [0, 1, 2]
MODELS = {
    "perceptron-1": lambda k: deep.Perceptron(16, k, 5, 1),
    "perceptron-4": lambda k: deep.Perceptron(16, k, 5, 4),
    "residual": lambda k: deep.Residual(16, k, 5, 3, scale=0.7),
    "residual-plain": lambda k: deep.Residual(16, k, 5, 2, skip=False, scale=0.7),
}


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_gradients_as_by_autograd(name: str, outputs: int, loss: str, device: str) -> None:
    model = MODELS[name](outputs).to(device)
    assert model.stacked is not None
    rng = np.random.default_rng(1)
    given = {N: torch.as_tensor(rng.standard_normal((3, N, 16)), device=device) for N in (11, 4)}
    differentiate = any_model.gradients(model, loss)
    for N, X in [*given.items(), *given.items()]:  # the second time in buffers that were used
        start = deep.initial(model, "test", SEEDS, {"others": 1.0 + rng.random()})
        leaves = {n: v.to(device).requires_grad_() for n, v in start.items()}
        drawn = torch.as_tensor(rng.integers(outputs, size=(3, N)), device=device)
        Y = 2.0 * (X[..., :1] > 0) - 1 if outputs == 1 else torch.eye(outputs).to(X)[drawn]
        F = torch.stack(
            [functional_call(model, any_model.one(leaves, s), (X[s],)) for s in range(3)]
        )
        mean_loss(F, Y, loss).sum().backward()
        value, ours, slopes = differentiate({n: v.detach() for n, v in leaves.items()}, X, Y)
        torch.testing.assert_close(ours, F.detach(), rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(value, mean_loss(F, Y, loss).detach(), rtol=1e-11, atol=1e-13)
        found = slopes()
        assert set(found) == set(leaves)
        for n, leaf in leaves.items():
            assert leaf.grad is not None and leaf.grad.any()
            torch.testing.assert_close(found[n], leaf.grad, rtol=1e-10, atol=1e-13)
