"""Many runs at once are what one run at a time gives, with any optimizer and schedule."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.func import functional_call

from neuron_race.common import progress
from neuron_race.common.seeds import stream
from neuron_race.models import deep
from neuron_race.training import any_model, optimizers
from neuron_race.training.recipe import TrainingDiverged

SEEDS = [3, 4, 5]


def small(name: str) -> deep.Network:
    return {
        "perceptron": lambda: deep.Perceptron(16, 1, 5, 2),
        "residual": lambda: deep.Residual(16, 1, 5, 2, scale=0.7),
        "convolution": lambda: deep.Convolution(16, 1, 4, 1, batch_norm=True),
        "transformer": lambda: deep.Transformer(16, 1, 5, 4, 8, 2, layer_norm=True, skip=False),
    }[name]()


def data(N: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((len(SEEDS), N, 16))
    return torch.as_tensor(X), torch.as_tensor(np.sign(X[..., :1] * X[..., 1:2]))


def loop(
    model: deep.Network, start: any_model.Stacked, run: int, plan: any_model.Plan
) -> any_model.Stacked:
    """One run by a plain loop with PyTorch's own backward pass and optimizers."""
    X, Y = (z[run] for z in data())
    weights = {n: v[run].clone().requires_grad_() for n, v in start.items()}
    optimizer: torch.optim.Optimizer
    if plan.optimizer == "adam":
        optimizer = torch.optim.Adam(weights.values(), lr=1.0, weight_decay=plan.weight_decay)
    else:
        momentum = {"gd": 0.0, "momentum": 0.9}[plan.optimizer]
        optimizer = torch.optim.SGD(
            weights.values(), lr=1.0, momentum=momentum, weight_decay=plan.weight_decay
        )
    rng = stream("test", SEEDS[run], "batches")
    for step in range(plan.max_steps):
        rows = rng.permutation(len(X))[: plan.batch_size] if plan.batch_size else np.arange(len(X))
        optimizer.param_groups[0]["lr"] = plan.learning_rate * optimizers.factor(
            plan.schedule, step, plan.max_steps
        )
        optimizer.zero_grad()
        F = functional_call(model, weights, (X[rows],))
        (0.5 * (Y[rows] - F).square().mean()).backward()
        optimizer.step()
    return {n: v.detach() for n, v in weights.items()}


@pytest.mark.parametrize("name", ["perceptron", "residual", "convolution", "transformer"])
def test_models_as_in_a_plain_loop(name: str, device: str) -> None:
    model, plan = small(name), any_model.Plan(learning_rate=0.05, max_steps=8, device=device)
    start = deep.initial(model, "test", SEEDS, 1.0)
    end = any_model.train(model, start, *data(), plan, SEEDS, "test").end
    for run in range(len(SEEDS)):
        for parameter, known in loop(model, start, run, plan).items():
            torch.testing.assert_close(end[parameter][run], known, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "plan",
    [
        any_model.Plan(optimizer="momentum", learning_rate=0.02, max_steps=8),
        any_model.Plan(optimizer="adam", learning_rate=0.01, max_steps=8, schedule="cosine"),
        any_model.Plan(weight_decay=0.1, learning_rate=0.05, max_steps=8, schedule="step_decay"),
        any_model.Plan(batch_size=5, learning_rate=0.05, max_steps=20, schedule="warmup"),
    ],
    ids=lambda plan: f"{plan.optimizer}-{plan.schedule}-{plan.batch_size}",
)
def test_optimizers_as_in_a_plain_loop(plan: any_model.Plan, device: str) -> None:
    model, plan = small("perceptron"), replace(plan, device=device)
    start = deep.initial(model, "test", SEEDS, 1.0)
    end = any_model.train(model, start, *data(), plan, SEEDS, "test").end
    for run in range(len(SEEDS)):
        for parameter, known in loop(model, start, run, plan).items():
            torch.testing.assert_close(end[parameter][run], known, rtol=0, atol=1e-10)


def test_start_is_not_changed_and_runs_are_independent() -> None:
    model, plan = small("perceptron"), any_model.Plan(learning_rate=0.1, max_steps=5)
    start = deep.initial(model, "test", SEEDS, 1.0)
    before = {n: v.clone() for n, v in start.items()}
    X, Y = data()
    all_runs = any_model.train(model, start, X, Y, plan, SEEDS, "test")
    assert all(torch.equal(start[n], before[n]) for n in start)
    alone = {n: v[1:2] for n, v in start.items()}
    one = any_model.train(model, alone, X[1:2], Y[1:2], plan, SEEDS[1:2], "test")
    np.testing.assert_allclose(one.loss[0], all_runs.loss[1], rtol=1e-12)


def test_drop_and_snapshots() -> None:
    model, plan = small("perceptron"), any_model.Plan(learning_rate=0.2, max_steps=60)
    start = deep.initial(model, "test", SEEDS, 0.5)
    X, Y = data()
    history = any_model.train(model, start, X, Y, plan, SEEDS, "test", snapshots=[0, 7])
    assert history.loss.shape == (3, 61)
    for n in start:
        assert torch.equal(history.snapshots[0][n], start[n])
    for run, step in enumerate(history.drop_step):
        relative = history.loss[run] / history.loss[run, 0]
        assert step == (np.argmax(relative <= 0.9) if (relative <= 0.9).any() else -1)
        if step >= 0:
            F = functional_call(model, any_model.one(history.drop, run), (X[run],))
            loss = float(0.5 * (Y[run] - F).square().mean())
            assert loss == pytest.approx(history.loss[run, step], rel=1e-12)
    assert (history.drop_step > 0).any()


def test_stride_keeps_the_path_and_changes_the_clock() -> None:
    """Steps are lengthened to the stride before the drop, and never shortened."""
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 0.05)
    X, Y = data()
    plan = any_model.Plan(learning_rate=1e-3, max_steps=30, stride=0.01)
    history = any_model.train(model, start, X, Y, plan, SEEDS, "test", snapshots=range(31))
    course = [
        torch.cat([value.flatten(1) for value in history.snapshots[step].values()], dim=1)
        for step in range(31)
    ]
    moved = [(b - a).norm(dim=1) / a.norm(dim=1) for a, b in pairwise(course)]
    np.testing.assert_allclose(torch.stack(moved).numpy(), 0.01, rtol=1e-9)
    fast = any_model.train(
        model, start, X, Y, any_model.Plan(max_steps=500, stride=0.01), SEEDS, "test"
    )
    slow = any_model.train(model, start, X, Y, any_model.Plan(max_steps=500), SEEDS, "test")
    assert (slow.drop_step > 0).all()
    assert (fast.drop_step < slow.drop_step).all()


def test_stride_leaves_a_network_without_signal_where_it_is() -> None:
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 0.5)
    start["hidden.1.weight"][1] = 0.0
    start["hidden.0.weight"][1] = 0.0
    plan = any_model.Plan(max_steps=5, stride=0.01)
    history = any_model.train(model, start, *data(), plan, SEEDS, "test")
    assert np.isfinite(history.loss).all()
    assert torch.equal(history.end["head.weight"][1], start["head.weight"][1])


def test_forecast_is_blind_to_the_loss_after_the_start() -> None:
    """With the residual frozen, an update is the gradient at f = 0's residual, whatever f is."""
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 1.0)
    X, Y = data()
    _, _, slopes = any_model.gradients(model, "squared", freeze_residual=True)(start, X, Y)
    weights = {n: v.clone().requires_grad_() for n, v in start.items()}
    F = torch.stack([functional_call(model, any_model.one(weights, s), (X[s],)) for s in range(3)])
    (-(Y * F).sum() / X.shape[1]).backward()
    for n, weight in weights.items():
        torch.testing.assert_close(slopes[n], weight.grad, rtol=0, atol=1e-12)


def test_unfinished_forecasts_are_undefined() -> None:
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 1e-3)
    plan = any_model.Plan(max_steps=3)
    ahead = any_model.forecast(model, start, *data(), plan)
    assert (ahead["step"] == -1).all() and torch.isnan(ahead["head.weight"]).all()
    until = np.array([2, -1, 3])
    ahead = any_model.forecast(model, start, *data(), plan, until)
    assert torch.isnan(ahead["head.weight"]).flatten(1).all(1).tolist() == [False, True, False]


@pytest.mark.parametrize("schedule", optimizers.SCHEDULES)
def test_schedules(schedule: str) -> None:
    factors = np.array([optimizers.factor(schedule, step, 100) for step in range(100)])
    assert factors.max() == 1.0 and (factors > 0).all()
    expected = {
        "constant": (1.0, 1.0, 1.0),
        "warmup": (0.1, 1.0, 1.0),
        "cosine": (1.0, 0.5, 0.5 * (1 + np.cos(0.8 * np.pi))),
        "step_decay": (1.0, 0.1, 0.01),
    }[schedule]
    np.testing.assert_allclose(factors[[0, 50, 80]], expected)


def test_wrong_names_are_refused() -> None:
    with pytest.raises(ValueError, match="none of constant"):
        optimizers.factor("sawtooth", 0, 1)
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 1.0)
    with pytest.raises(ValueError, match="none of gd"):
        any_model.train(model, start, *data(), any_model.Plan(optimizer="lion"))


def test_divergence_names_the_condition() -> None:
    model = small("perceptron")
    start = deep.initial(model, "test", SEEDS, 3.0)
    with pytest.raises(TrainingDiverged, match="here/hot: loss diverged at step"):
        any_model.train(
            model, start, *data(), any_model.Plan(learning_rate=50.0), SEEDS, "here/hot"
        )


def test_initial_weights_are_paired_and_scaled() -> None:
    model = deep.Residual(16, 1, 5, 2)
    one = deep.initial(model, "test", SEEDS, 1.0)
    half = deep.initial(model, "test", SEEDS[1:], {"outgoing": 0.0, "others": 0.5})
    torch.testing.assert_close(half["incoming.0.weight"], 0.5 * one["incoming.0.weight"][1:])
    assert not half["outgoing.1.weight"].any()
    wide = deep.initial(deep.Perceptron(400, 1, 50, 1), "test", [0], 2.0)["hidden.0.weight"]
    assert float(wide.std()) * 20 == pytest.approx(2.0, rel=0.02)
    assert not torch.equal(one["head.weight"][0], one["head.weight"][1])


def test_long_training_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 6))  # every second look at the clock is more than ten seconds later
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    start = deep.initial(small("perceptron"), "test", SEEDS, 1.0)
    plan = any_model.Plan(learning_rate=0.05, max_steps=8)
    any_model.train(small("perceptron"), start, *data(), plan, SEEDS, "depth/fitted")
    said = capsys.readouterr().err
    assert re.search(r"depth/fitted: step 1/8, loss [0-9.]+, 18 s", said)
