"""Hidden units of any model: the dedicated engine's numbers, exact merges, no trace of hooks."""

import numpy as np
import pytest
import torch
from small_runs import problem, train_on
from torch import nn
from torch.func import functional_call

from neuron_race.measures import layers, smaller_layers
from neuron_race.measures.layers import Layer, Parameters, Units
from neuron_race.models import clusters, deep, norms, smaller
from neuron_race.models.losses import mean_loss
from neuron_race.theory import equations, forecast
from neuron_race.training import any_model

DATA = {"kind": "digits", "classes": [3, 8], "n_train": 40, "n_test": 20}


def models() -> dict[str, deep.Network]:
    """One small model of each kind, for 16 inputs and 2 outputs."""
    return {
        "perceptron": deep.Perceptron(16, 2, 6, 3),
        "residual": deep.Residual(16, 2, 6, 2),
        "convolution": deep.Convolution(16, 2, 8, 1, batch_norm=False),
        "batch_norm": deep.Convolution(16, 2, 8, 1, batch_norm=True),
        "transformer": deep.Transformer(16, 2, 6, 4, 8, 2, layer_norm=True, skip=True),
    }


def observed(model: deep.Network, seed: int = 0) -> tuple[Parameters, list[Layer], tuple]:
    """Random weights, data, and the layers of a model with several outputs."""
    parameters = any_model.one(deep.initial(model, "test", [seed], 1.0), 0)
    rng = np.random.default_rng(seed)
    X = torch.as_tensor(rng.standard_normal((9, 16)))
    Y = torch.as_tensor(rng.standard_normal((9, 2)))
    return parameters, layers.observe(model, parameters, X, Y, "squared", model.units), (X, Y)


@pytest.mark.parametrize("k", [1, 3])
def test_single_layer_gives_the_numbers_of_the_flow(k: int) -> None:
    X, Y, W, A = problem(3, N=14, d=5, m=7, k=k)
    model = deep.Perceptron(5, k, 7, 1)
    parameters = {"hidden.0.weight": torch.as_tensor(W), "head.weight": torch.as_tensor(A.T)}
    (layer,) = layers.observe(
        model, parameters, torch.as_tensor(X), torch.as_tensor(Y), "squared", model.units
    )
    R = equations.residual(equations.network_output(W, A, X), Y)
    C = equations.gated_residual_correlation(W, X, R)
    for found, known in (
        (layer.W, W),
        (layer.A, A),
        (layer.R, R),
        (layer.gates, X @ W.T > 0),
        (layer.correlation, C),
        (layer.alignment, equations.alignment(W, A, C)),
        (layer.race_score, equations.race_score(W, A, C)),
        (layer.norm_product, norms.norm_product(W, A)),
        *zip(layer.velocity, equations.flow_field(W, A, X, Y), strict=True),
    ):
        np.testing.assert_allclose(found, known, rtol=0, atol=1e-12)


def test_single_layer_agrees_with_the_engine_after_training() -> None:
    """Training, measurements, clusters, merge, pruning and forecast on the same digits."""
    trained = train_on(DATA, (0, 1), width=20, alpha=1e-2, max_steps=300, reduce=False)
    start, runs = trained.start, trained.runs
    model = deep.Perceptron(start.X.shape[2], 1, 20, 1)
    X, Y = torch.as_tensor(start.X), torch.as_tensor(start.Y)
    stacked = {
        "hidden.0.weight": torch.as_tensor(start.W),
        "head.weight": torch.as_tensor(start.A).mT.contiguous(),
    }
    plan = any_model.Plan.of(trained.options)
    history = any_model.train(model, stacked, X, Y, plan)
    np.testing.assert_allclose(history.loss[:, runs.step], runs.loss, rtol=1e-10)
    assert history.drop_step.tolist() == runs.event_step[:, trained.event("drop_10")].tolist()
    known_forecast = forecast.forecast(start, trained.options, "small")
    ahead = any_model.forecast(model, stacked, X, Y, plan)
    assert ahead["step"].tolist() == known_forecast["step"].tolist()
    for s in range(2):
        W, A = runs.W_events[s, -1], runs.A_events[s, -1]
        parameters = any_model.one(history.end, s)
        (layer,) = layers.observe(model, parameters, X[s], Y[s], "squared", model.units)
        np.testing.assert_allclose(layer.W, W, atol=1e-10)
        np.testing.assert_allclose(layer.A, A, atol=1e-10)
        cos = runs.measured["cos_delta"][s, -1]
        np.testing.assert_allclose(layer.alignment, cos, atol=1e-8)
        labels = clusters.find(W, A, 0.99, clusters.active(start.X[s], W))
        assert layer.clusters().tolist() == labels.tolist()
        assert 0 < clusters.count(labels) < 20

        def loss(changed: Parameters, s: int = s, own: Parameters = parameters) -> float:
            F = functional_call(model, {**own, **changed}, (X[s],))
            return float(mean_loss(F[None], Y[s][None], "squared")[0])

        merged = smaller.merge(W, A, labels)
        F = equations.network_output(*merged, start.X[s])
        known = equations.loss_value(F, start.Y[s])
        assert loss(smaller_layers.merge(layer, labels, parameters)) == pytest.approx(
            known, rel=1e-9
        )
        mask = smaller.keep_largest(norms.norm_product(W, A), 4)
        known = equations.loss_value(
            equations.network_output(W[mask], A[mask], start.X[s]), start.Y[s]
        )
        assert loss(smaller_layers.prune(layer, mask, parameters)) == pytest.approx(known, rel=1e-9)
        own = any_model.one(ahead, s)
        c = own["hidden.0.weight"].norm(dim=1) * own["head.weight"].norm(dim=0)
        np.testing.assert_allclose(c, known_forecast["norm_product"][s], rtol=1e-10)


@pytest.mark.parametrize("name", ["perceptron", "residual", "convolution", "transformer"])
def test_neuron_equations_hold_in_every_layer(name: str) -> None:
    """E1 with the layer's own inputs and residual is the gradient that autograd gives."""
    model = models()[name]
    parameters, found, (X, Y) = observed(model)
    weights = {key: value.clone().requires_grad_() for key, value in parameters.items()}
    F = functional_call(model, weights, (X,))
    mean_loss(F[None], Y[None], "squared")[0].backward()
    scale = getattr(model, "scale", 1.0)
    assert scale == 1.0
    for layer in found:
        into = weights[f"{layer.units.incoming}.weight"].grad
        out = weights[f"{layer.units.outgoing}.weight"].grad
        assert into is not None and out is not None
        out = out.flip(-2, -1).transpose(0, 1).flatten(1) if out.ndim == 4 else out.T
        np.testing.assert_allclose(layer.velocity[0], -into.flatten(1), atol=1e-12)
        np.testing.assert_allclose(layer.velocity[1], -out, atol=1e-12)
        pull = np.einsum("mkd,mk->md", layer.correlation, layer.A)
        np.testing.assert_allclose(pull, layer.velocity[0], atol=1e-12)


def test_a_bias_is_a_constant_input() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    rng = torch.Generator().manual_seed(0)
    parameters = {
        n: torch.randn(p.shape, generator=rng).double() for n, p in model.named_parameters()
    }
    X, Y = torch.randn(5, 3, generator=rng).double(), torch.randn(5, 2, generator=rng).double()
    (layer,) = layers.observe(model, parameters, X, Y, "squared", [Units("0", "2")])
    assert layer.W.shape == (4, 4) and (layer.Z[:, 3] == 1).all()
    np.testing.assert_allclose(layer.W[:, 3], parameters["0.bias"])
    np.testing.assert_allclose(layer.gates, layer.Z @ layer.W.T > 0)


def test_batch_norm_is_folded_into_the_weights() -> None:
    """W Z is what the ReLU sees, and scaling the stored weights changes nothing but their norm."""
    model = models()["batch_norm"]
    parameters, found, (X, Y) = observed(model)
    scaled = {**parameters, "first.weight": 3.0 * parameters["first.weight"]}
    again = layers.observe(model, scaled, X, Y, "squared", model.units)
    # The normalisation's epsilon breaks the invariance a little.
    np.testing.assert_allclose(again[0].norm_product, found[0].norm_product, rtol=1e-3)
    np.testing.assert_allclose(again[0].raw_norm, 3 * found[0].raw_norm)
    heard = {}
    hook = model.get_submodule("first_norm").register_forward_hook(
        lambda module, inputs, output: heard.update(out=output)
    )
    functional_call(model, parameters, (X,))
    hook.remove()
    np.testing.assert_allclose(
        found[0].Z @ found[0].W.T, heard["out"].movedim(1, -1).flatten(0, -2), atol=1e-10
    )


@pytest.mark.parametrize("name", ["perceptron", "residual", "convolution", "transformer"])
def test_merge_of_proportional_units_is_exact(name: str) -> None:
    model = models()[name]
    parameters, _, (X, Y) = observed(model)
    for position, units in enumerate(model.units):
        own = {key: value.clone() for key, value in parameters.items()}
        W, A = own[f"{units.incoming}.weight"], own[f"{units.outgoing}.weight"]
        W[1], W[2] = 2.0 * W[0], 0.3 * W[0]
        A[:, 1], A[:, 2] = 0.7 * A[:, 0], 1.1 * A[:, 0]
        before = functional_call(model, own, (X,))
        layer = layers.observe(model, own, X, Y, "squared", model.units)[position]
        labels = layer.clusters(1 - 1e-9)
        assert labels[0] == labels[1] == labels[2] >= 0
        changed = smaller_layers.merge(layer, labels, own)
        after = functional_call(model, {**own, **changed}, (X,))
        torch.testing.assert_close(after, before, rtol=0, atol=1e-10)
        merged = changed[f"{units.incoming}.weight"].flatten(1)
        assert (merged.norm(dim=1) > 0).sum() == clusters.count(labels) < layer.active.sum()
        wrong = smaller_layers.merge(layer, np.zeros_like(labels), own)
        other = functional_call(model, {**own, **wrong}, (X,))
        assert (other - before).abs().max() > 1e-6


@pytest.mark.parametrize("name", list(models()))
def test_prune_silences_units(name: str) -> None:
    model = models()[name]
    parameters, found, (X, _) = observed(model)
    for layer in found:
        everything = np.ones(len(layer.W), dtype=bool)
        F = functional_call(model, parameters, (X,))
        same = {**parameters, **smaller_layers.prune(layer, everything, parameters)}
        torch.testing.assert_close(functional_call(model, same, (X,)), F, rtol=0, atol=1e-12)
        kept = everything.copy()
        kept[0] = False
        less = {**parameters, **smaller_layers.prune(layer, kept, parameters)}
        by_hand = {key: value.clone() for key, value in parameters.items()}
        by_hand[f"{layer.units.outgoing}.weight"][:, 0] = 0
        expected = functional_call(model, by_hand, (X,))
        torch.testing.assert_close(functional_call(model, less, (X,)), expected, rtol=0, atol=1e-12)


def test_no_trace_is_left_on_the_model() -> None:
    for model in models().values():
        before = {name: value.clone() for name, value in model.state_dict().items()}
        observed(model)
        for module in model.modules():
            assert not module._forward_hooks and not module._backward_hooks
        after = model.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())
        assert all(value.grad is None for value in model.parameters())


def test_hooks_go_even_if_the_forward_pass_fails() -> None:
    model = deep.Perceptron(4, 1, 3, 1)
    parameters = any_model.one(deep.initial(model, "test", [0], 1.0), 0)
    wrong = torch.zeros(2, 5, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        layers.observe(model, parameters, wrong, wrong[:, :1], "squared", model.units)
    assert not any(module._forward_hooks for module in model.modules())


def test_what_is_not_supported_says_so() -> None:
    model = models()["batch_norm"]
    parameters, found, _ = observed(model)
    with pytest.raises(ValueError, match="normalisation"):
        smaller_layers.merge(found[0], found[0].clusters(), parameters)
    strided = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 2, stride=2), nn.Flatten()
    )
    image = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    weights = {n: p.detach().double() for n, p in strided.named_parameters()}
    target = torch.zeros(2, 18, dtype=torch.float64)
    with pytest.raises(ValueError, match="stride"):
        layers.observe(strided, weights, image, target, "squared", [Units("0", "2")])


def test_a_merge_writes_the_bias_and_contributions_are_those_of_open_gates() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1, bias=False)).double()
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    twice = torch.tensor([[1.0], [3.0], [1.0], [1.0]])  # the second unit is thrice the first
    for name in ("0.weight", "0.bias"):
        shape = parameters[name].reshape(4, -1)
        parameters[name] = (twice * shape[[0, 0, 2, 3]]).reshape(parameters[name].shape)
    parameters["2.weight"] = torch.tensor([[0.5, 0.7, -0.3, 0.2]], dtype=torch.float64)
    X = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    Y = torch.ones(20, 1, dtype=torch.float64)
    (layer,) = layers.observe(model, parameters, X, Y, "squared", [Units("0", "2")])
    changed = smaller_layers.merge(layer, np.array([0, 0, 1, 2]), parameters)
    assert changed["0.bias"].shape == (4,) and changed["0.weight"].shape == (4, 3)
    merged = functional_call(model, {**parameters, **changed}, (X,))
    torch.testing.assert_close(merged, functional_call(model, parameters, (X,)))
    hidden = np.maximum(
        X.numpy() @ parameters["0.weight"].numpy().T + parameters["0.bias"].numpy(), 0
    )
    expected = np.abs(parameters["2.weight"].numpy()[0]) * np.sqrt((hidden**2).mean(axis=0))
    np.testing.assert_allclose(layer.contribution, expected)
