"""Passes written for many runs at once have the outputs and gradients of the model itself."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

from neuron_race.models import deep
from neuron_race.models.losses import mean_loss
from neuron_race.training import any_model, compiled_passes

SEEDS = [0, 1, 2]
MODELS = {
    "perceptron-1": lambda k: deep.Perceptron(16, k, 5, 1),
    "perceptron-4": lambda k: deep.Perceptron(16, k, 5, 4),
    "residual": lambda k: deep.Residual(16, k, 5, 3, scale=0.7),
    "residual-plain": lambda k: deep.Residual(16, k, 5, 2, skip=False, scale=0.7),
    "filters": lambda k: deep.Convolution(16, k, 6, 1, batch_norm=False),
    "filters-normed": lambda k: deep.Convolution(16, k, 6, 1, batch_norm=True),
    "attention": lambda k: deep.Transformer(16, k, 5, 4, 8, 2, layer_norm=False, skip=True),
    "attention-normed": lambda k: deep.Transformer(16, k, 5, 4, 8, 2, layer_norm=True, skip=False),
    "filters-coloured": lambda k: deep.Convolution(48, k, 6, 3, batch_norm=False),
}


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", MODELS)
def test_gradients_as_by_autograd(name: str, outputs: int, loss: str, device: str) -> None:
    model, dim = MODELS[name](outputs).to(device), 48 if "coloured" in name else 16
    assert compiled_passes.usable()
    rng = np.random.default_rng(1)
    given = {N: torch.as_tensor(rng.standard_normal((3, N, dim)), device=device) for N in (11, 150)}
    differentiate = any_model.gradients(model, loss, device=torch.device(device))
    for N, X in [*given.items(), *given.items()]:  # the second time in buffers that were used
        start = deep.initial(model, "test", SEEDS, {"others": 1.0 + rng.random()})
        start |= {n: torch.as_tensor(rng.random(v.shape)) for n, v in start.items() if v.ndim == 2}
        leaves = {n: v.to(device).requires_grad_() for n, v in start.items()}
        drawn = torch.as_tensor(rng.integers(outputs, size=(3, N)), device=device)
        Y = X[..., :1].sign() if outputs == 1 else torch.eye(outputs).to(X)[drawn]
        F = torch.stack(
            [functional_call(model, any_model.one(leaves, s), (X[s],)) for s in range(3)]
        )
        mean_loss(F, Y, loss).sum().backward()
        value, ours, slopes = differentiate({n: v.detach() for n, v in leaves.items()}, X, Y)
        torch.testing.assert_close(ours, F.detach(), rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(value, mean_loss(F, Y, loss).detach(), rtol=1e-11, atol=1e-13)
        assert set(slopes) == set(leaves)
        for n, leaf in leaves.items():
            assert leaf.grad is not None and leaf.grad.any()
            torch.testing.assert_close(slopes[n], leaf.grad, rtol=1e-10, atol=1e-13)


def test_without_a_compiler_pytorch_differentiates(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS["residual"](1)
    start = deep.initial(model, "test", SEEDS, 1.0)
    X = torch.as_tensor(np.random.default_rng(2).standard_normal((3, 9, 16)))
    Y = X[..., :1].sign()
    compiled = any_model.gradients(model, "logistic")(start, X, Y)
    monkeypatch.setattr(compiled_passes, "usable", lambda device: False)
    by_torch = any_model.gradients(model, "logistic")(start, X, Y)
    assert compiled[1].data_ptr() != by_torch[1].data_ptr()
    torch.testing.assert_close(by_torch, compiled, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_a_run_has_the_same_bits_alone(name: str) -> None:
    model, dim = MODELS[name](1), 48 if "coloured" in name else 16
    start = deep.initial(model, "test", SEEDS, 1.0, torch.float32)
    X = torch.as_tensor(np.random.default_rng(3).standard_normal((3, 70, dim)), dtype=torch.float32)
    Y = X[..., :1].sign()
    together = any_model.gradients(model, "squared")(start, X, Y)
    alone = any_model.gradients(model, "squared")(
        {n: v[1:2] for n, v in start.items()}, X[1:2], Y[1:2]
    )
    assert torch.equal(alone[0][0], together[0][1]) and torch.equal(alone[1][0], together[1][1])
    assert all(torch.equal(slope[0], together[2][n][1]) for n, slope in alone[2].items())


def test_blocks_of_samples_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS["attention"](3)
    start = deep.initial(model, "test", SEEDS, 1.0)
    X = torch.as_tensor(np.random.default_rng(4).standard_normal((3, 70, 16)))
    Y = torch.eye(3, dtype=torch.float64).repeat(3, 24, 1)[:, :70]
    whole = any_model.gradients(model, "logistic")(start, X, Y)
    monkeypatch.setattr(compiled_passes, "CACHE", 1)
    parts = any_model.gradients(model, "logistic")(start, X, Y)
    torch.testing.assert_close(parts, whole, rtol=1e-11, atol=1e-13)
    assert not torch.equal(parts[2]["embed.weight"], whole[2]["embed.weight"])


def test_weights_and_inputs_of_other_types_are_refused() -> None:
    model = MODELS["residual"](1)
    start = deep.initial(model, "test", SEEDS, 1.0)
    with pytest.raises(ValueError, match=r"inputs are torch\.float32, and not all weights are"):
        any_model.gradients(model, "squared")(start, torch.zeros(3, 4, 16), torch.zeros(3, 4, 1))
