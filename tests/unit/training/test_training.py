"""The engine against autograd, SciPy, closed forms, and itself."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from small_runs import OPTIONS, digits, problem

from neuron_race.common import progress
from neuron_race.common.devices import choose_device
from neuron_race.models import shallow
from neuron_race.theory import equations
from neuron_race.training import conditions, engine
from neuron_race.training.engine import train
from neuron_race.training.recipe import MEASURED, Recipe, Runs, TrainingDiverged

Array = NDArray[np.float64]
CASES = [(loss, k) for loss in ("squared", "logistic") for k in (1, 3)]
ALL_WEIGHTS = 10**9


def by_engine(
    X: Array, Y: Array, W: Array, A: Array, label: str = "", explode: float = 1e3, **recipe: Any
) -> Runs:
    """Train one network and keep all weights."""
    settings = Recipe(**{"max_weight_bytes": ALL_WEIGHTS, **recipe})
    return train(X[None], Y[None], W[None], A[None], settings, "cpu", label, explode)


def weights(result: Runs, run: int = 0) -> tuple[Array, Array]:
    """Weights of one run at all snapshots, (T, m, d) and (T, m, k)."""
    assert result.W is not None and result.A is not None
    return result.W[run], result.A[run]


def autograd(X: Array, Y: Array, W: Array, A: Array, loss: str) -> tuple[float, Array, Array]:
    """Loss and its gradients by torch's own losses and automatic differentiation."""
    x, y = torch.tensor(X), torch.tensor(Y)
    w, a = torch.tensor(W, requires_grad=True), torch.tensor(A, requires_grad=True)
    f = torch.relu(x @ w.T) @ a
    if loss == "squared":
        value = torch.nn.functional.mse_loss(f, y, reduction="sum") / (2 * len(X))
    elif Y.shape[1] == 1:
        value = torch.nn.functional.soft_margin_loss(f, y)
    else:
        value = torch.nn.functional.cross_entropy(f, y.argmax(dim=1))
    value.backward()
    assert w.grad is not None and a.grad is not None
    return float(value.detach()), w.grad.numpy(), a.grad.numpy()


def descend(
    X: Array,
    Y: Array,
    W: Array,
    A: Array,
    rate: float,
    steps: int,
    loss: equations.Loss = "squared",
) -> tuple[Array, Array, Array]:
    """Losses, W and A of every step, one network, in numpy: an engine of twenty lines."""
    losses, Ws, As = [], [W], [A]
    for _ in range(steps + 1):
        losses.append(equations.loss_value(equations.network_output(W, A, X), Y, loss))
        d_w, d_a = equations.flow_field(W, A, X, Y, loss)
        W, A = W + rate * d_w, A + rate * d_a
        Ws.append(W)
        As.append(A)
    return np.array(losses), np.array(Ws), np.array(As)


# --- Equations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("loss", "k"), CASES)
def test_e1_one_step_is_minus_the_autograd_gradient(loss: str, k: int, bias: bool) -> None:
    X, Y, W, A = problem(1, k=k, loss=loss)
    if bias:
        options = {**OPTIONS, "width": 6, "alpha": 0.5, "bias": True, "seeds": [0]}
        data = {"X": X[None], "Y": Y[None], "X_test": X[None], "Y_test": Y[None]}
        start = conditions.begin("bias", options, data)
        X, W, A = start.X[0], start.W[0], start.A[0]
        assert np.all(X[:, -1] == 1) and W.shape == (6, 5)
    value, grad_W, grad_A = autograd(X, Y, W, A, loss)
    rate = 0.3
    result = by_engine(X, Y, W, A, loss=loss, learning_rate=rate, max_steps=1, snapshots=2)
    Ws, As = weights(result)
    assert result.loss[0, 0] == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose((Ws[0] - Ws[1]) / rate, grad_W, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose((As[0] - As[1]) / rate, grad_A, rtol=1e-10, atol=1e-14)
    assert np.abs(grad_W).min() > 1e-12  # all neurons move: nothing is compared with zero


@pytest.mark.parametrize(("loss", "k"), CASES)
def test_e1_a_hundred_steps_agree_with_the_numpy_equations(loss: equations.Loss, k: int) -> None:
    X, Y, W, A = problem(2, k=k, loss=loss)
    losses, Ws, As = descend(X, Y, W, A, 0.2, 100, loss)
    result = by_engine(X, Y, W, A, loss=loss, learning_rate=0.2, max_steps=100, snapshots=30)
    np.testing.assert_allclose(weights(result)[0], Ws[result.step], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(weights(result)[1], As[result.step], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(result.loss[0], losses[result.step], rtol=1e-11)


@pytest.mark.parametrize(("loss", "k"), CASES)
def test_e2_each_step_changes_q_by_exactly_the_drift(loss: equations.Loss, k: int) -> None:
    X, Y, W, A = problem(3, k=k, loss=loss)
    rate = 0.4
    result = by_engine(X, Y, W, A, loss=loss, learning_rate=rate, max_steps=9, snapshots=1000)
    np.testing.assert_array_equal(result.step, np.arange(10))
    Ws, As = weights(result)
    for w, a, w_next, a_next in zip(Ws, As, Ws[1:], As[1:], strict=False):
        drift = equations.conservation_drift(*equations.flow_field(w, a, X, Y, loss), rate)
        change = equations.conserved_quantity(w_next, a_next) - equations.conserved_quantity(w, a)
        np.testing.assert_allclose(change, drift, rtol=1e-9, atol=1e-15)
        assert np.abs(drift).max() > 1e-6


def test_e2_q_is_conserved_in_the_limit_of_small_steps() -> None:
    X, Y, W, A = problem(4)
    drift = []
    for steps in (400, 800):
        result = by_engine(X, Y, W, A, learning_rate=8 / steps, max_steps=steps, snapshots=2)
        Ws, As = weights(result)
        q = [equations.conserved_quantity(w, a) for w, a in zip(Ws, As, strict=True)]
        drift.append(np.abs(q[-1] - q[0]).max())
        assert np.abs(Ws[-1] - Ws[0]).max() > 0.3  # the weights do move
    assert drift[0] / drift[1] == pytest.approx(2, rel=0.05)
    assert drift[1] < 2e-3


# Seeds where gates flip, but no neuron slides along a kink, where the flow is no plain ODE.
@pytest.mark.parametrize(("loss", "k", "seed"), [("squared", 1, 6), ("logistic", 3, 13)])
def test_e1_small_steps_follow_the_flow_of_an_independent_integrator(
    loss: equations.Loss, k: int, seed: int
) -> None:
    X, Y, W, A = problem(seed, k=k, loss=loss)
    size, time = W.size, 3.0

    def field(_t: float, z: Array) -> Array:
        w, a = z[:size].reshape(W.shape), z[size:].reshape(A.shape)
        return np.concatenate([v.ravel() for v in equations.flow_field(w, a, X, Y, loss)])

    start = np.concatenate([W.ravel(), A.ravel()])
    exact = solve_ivp(field, (0, time), start, rtol=1e-9, atol=1e-11, method="DOP853").y[:, -1]
    ends = []
    for steps in (1000, 2000):
        result = by_engine(
            X, Y, W, A, loss=loss, learning_rate=time / steps, max_steps=steps, snapshots=2
        )
        ends.append(np.concatenate([Z[-1].ravel() for Z in weights(result)]))
    error = [np.abs(end - exact).max() for end in ends]
    end = exact[:size].reshape(W.shape)
    assert ((X @ end.T > 0) != (X @ W.T > 0)).sum() > 5
    assert error[0] / error[1] == pytest.approx(2, rel=0.2)  # first order in the step
    assert error[1] < 1e-4 and np.abs(exact - start).max() > 0.3


def race_problem() -> tuple[Array, Array, Array, Array, Array, Array]:
    """A balanced network; its cosines to the signed pulls, and their strengths, at init."""
    X, Y, W, A = problem(6, m=20)
    A = np.sign(A) * np.linalg.norm(W, axis=1)[:, None]
    C = equations.gated_residual_correlation(W, X, Y)
    return X, Y, W, A, equations.alignment(W, A, C), np.linalg.norm(C[:, 0], axis=1)


def test_e5_race_law_in_the_engine_with_fixed_gates_and_residual() -> None:
    X, Y, W, A, cos_delta, strength = race_problem()
    steps, rate = 20_000, 1e-4
    result = by_engine(
        X, Y, W, A, freeze=("gates", "residual"), learning_rate=rate, max_steps=steps
    )
    c = result.measured["norm_w"][0] * result.measured["norm_a"][0]
    tau = strength * (rate * result.step)[:, None]
    cosines, norms = equations.race_law(c[0], cos_delta, tau)
    assert tau.max() > 1 and np.abs(cosines[-1] - cos_delta).max() > 0.3
    np.testing.assert_allclose(result.measured["cos_delta"][0], cosines, atol=1e-4)
    np.testing.assert_allclose(c, norms, rtol=1e-4)


@pytest.mark.parametrize("freeze", [(), ("gates",), ("residual",)])
def test_e5_needs_both_fixed_gates_and_a_fixed_residual(freeze: tuple[str, ...]) -> None:
    X, Y, W, A, cos_delta, strength = race_problem()
    result = by_engine(X, Y, W, A, freeze=freeze, learning_rate=4e-3, max_steps=1000)
    c = result.measured["norm_w"][0] * result.measured["norm_a"][0]
    _, norms = equations.race_law(c[0], cos_delta, strength * 4.0)
    assert np.abs(c[-1] / norms - 1).max() > 0.02


# --- Batches, seeds, symmetry -------------------------------------------------------------------


def batch(S: int = 3, **kind: Any) -> tuple[Array, Array, Array, Array]:
    X, Y, W, A = (np.stack(Z) for Z in zip(*(problem(s, **kind) for s in range(S)), strict=True))
    return X, Y, W, A


@pytest.mark.parametrize(("loss", "k"), CASES)
def test_a_batch_is_the_same_as_one_by_one_at_all_snapshots(loss: str, k: int) -> None:
    X, Y, W, A = batch(k=k, loss=loss)
    recipe = Recipe(loss=loss, learning_rate=0.3, max_steps=200, max_weight_bytes=ALL_WEIGHTS)
    together = train(X, Y, W, A, recipe)
    for s in range(len(X)):
        alone = train(*(Z[s : s + 1] for Z in (X, Y, W, A)), recipe)
        np.testing.assert_array_equal(alone.event_step[0], together.event_step[s])
        np.testing.assert_array_equal(
            alone.measured["gate_pattern"][0], together.measured["gate_pattern"][s]
        )
        for ours, theirs in zip(weights(alone), weights(together, s), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(alone.loss[0], together.loss[s], rtol=1e-12)
        for name in set(MEASURED) - {"gate_pattern"}:
            np.testing.assert_allclose(
                alone.measured[name][0], together.measured[name][s], rtol=1e-9, atol=1e-12
            )


def test_exchanged_initial_conditions_exchange_the_trajectories() -> None:
    X, Y, W, A = problem(7)
    order = np.array([4, 1, 2, 3, 0, 5])
    plain = by_engine(X, Y, W, A, max_steps=300)
    exchanged = by_engine(X, Y, W[order], A[order], max_steps=300)
    assert np.abs(W[4] - W[0]).max() > 0.1
    for ours, theirs in zip(weights(exchanged), weights(plain), strict=True):
        np.testing.assert_allclose(ours, theirs[:, order], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(
        exchanged.measured["gate_pattern"], plain.measured["gate_pattern"][:, :, order]
    )


SAME_SEED = """
import hashlib
import torch
from small_runs import train_on
torch.set_deterministic_debug_mode("error")
data = dict(kind="teacher", dim=5, neurons=2, n_train=40, n_test=10)
for seed in ({seed}, 6):
    runs = train_on(data, (seed, 7), width=30, max_steps=150).runs
    measured = [runs.measured[name] for name in sorted(runs.measured)]
    arrays = [runs.loss, runs.W_events, runs.A_events, *measured]
    print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def test_same_seed_same_bits_in_two_processes_and_another_seed_others() -> None:
    here = Path(__file__).parents[2]
    path = os.pathsep.join([str(here), str(here.parent / "workflow/src")])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SAME_SEED.format(seed=5)],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": salt},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for salt in ("1", "2")
    ]
    results = [process.communicate(timeout=120) for process in started]
    first, again = (out.split() for out, _ in results)
    assert first == again and len(first) == 2 and len(first[0]) == 64, results
    assert first[0] != first[1]


# --- Snapshots, events, stopping ----------------------------------------------------------------


def test_events_are_the_first_steps_at_which_enough_of_the_loss_is_gone() -> None:
    X, Y, W, A = problem(8)
    losses, Ws, As = descend(X, Y, W, A, 0.01, 2000)
    drops = (0.05, 0.1, 0.2, 0.99)
    result = by_engine(X, Y, W, A, learning_rate=0.01, max_steps=2000, snapshots=3, drops=drops)
    assert result.step.tolist() == [0, 1, 2000]
    expected = [
        int(np.argmax(losses <= (1 - drop) * losses[0]))
        if losses.min() <= (1 - drop) * losses[0]
        else -1
        for drop in drops
    ]
    assert result.event_step[0].tolist() == [0, *expected, 2000]
    assert 1 < expected[0] < expected[1] < expected[2] and expected[3] == -1
    for index, step in enumerate(result.event_step[0]):
        if step < 0:
            assert np.isnan(result.W_events[0, index]).all()
            assert np.isnan(result.A_events[0, index]).all()
        else:
            np.testing.assert_allclose(result.W_events[0, index], Ws[step], rtol=1e-10, atol=1e-13)
            np.testing.assert_allclose(result.A_events[0, index], As[step], rtol=1e-10, atol=1e-13)
    assert Recipe(drops=drops).events == ("init", "drop_05", "drop_10", "drop_20", "drop_99", "end")


def test_drops_of_a_batch_are_kept_run_by_run() -> None:
    X, Y, W, A = batch(2)
    result = train(X, Y, W, A, Recipe(learning_rate=0.05, max_steps=400))
    drop = result.event_step[:, 2]
    assert drop[0] != drop[1] and drop.min() > 0
    for s, step in enumerate(drop):
        _, Ws, _ = descend(X[s], Y[s], W[s], A[s], 0.05, int(step))
        np.testing.assert_allclose(result.W_events[s, 2], Ws[step], rtol=1e-10, atol=1e-13)


def test_training_stops_when_all_runs_are_at_the_loss_target() -> None:
    X, Y, W, A = batch(2)
    losses = [descend(X[s], Y[s], W[s], A[s], 0.1, 600)[0] for s in range(2)]
    reached = [int(np.argmax(loss <= 0.7 * loss[0])) for loss in losses]
    assert 0 < min(reached) < max(reached)
    result = train(X, Y, W, A, Recipe(learning_rate=0.1, max_steps=5000, loss_target=0.7))
    assert result.step[-1] == max(reached) and (result.event_step[:, -1] == max(reached)).all()
    assert (result.loss[:, -1] <= 0.7 * result.loss[:, 0]).all()


def test_training_can_stop_at_the_last_drop() -> None:
    X, Y, W, A = problem(8)
    result = by_engine(X, Y, W, A, learning_rate=0.1, max_steps=5000, stop_at_drop=True)
    assert result.step[-1] == result.event_step[0, 3] > result.event_step[0, 2] > 0


@pytest.mark.parametrize("times", [1.01, 2.5, 6])
def test_training_can_stop_at_a_multiple_of_the_last_drop(times: float) -> None:
    X, Y, W, A = batch(2)
    how = {"learning_rate": 0.05, "snapshots": 7, "drops": (0.05, 0.1)}
    result = train(X, Y, W, A, Recipe(max_steps=100_000, after_drop=times, **how))
    drop = result.event_step[:, 2]
    assert drop[0] != drop[1] and drop.min() > 0
    assert result.step[-1] == int(np.ceil(times * drop.max()))
    end = int(result.step[-1])
    _, Ws, _ = descend(X[0], Y[0], W[0], A[0], 0.05, end)
    np.testing.assert_allclose(result.W_events[0, -1], Ws[end], rtol=1e-9, atol=1e-12)
    # The budget stays the most that is trained.
    short = train(X, Y, W, A, Recipe(max_steps=int(drop.max()) + 1, after_drop=8, **how))
    assert short.step[-1] == drop.max() + 1


def test_runs_that_never_drop_are_trained_to_the_end_of_the_budget() -> None:
    X, Y, W, A = batch(2)
    X[1] = 0.0  # nothing to learn from
    result = train(X, Y, W, A, Recipe(learning_rate=0.05, max_steps=600, after_drop=2))
    assert result.event_step[0, 2] > 0 and result.event_step[1, 2] == -1
    assert result.step[-1] == 600


def test_a_multiple_of_no_drop_is_refused() -> None:
    with pytest.raises(ValueError, match=r"after_drop: drops \(0\.05, 0\.2\) lack 0\.1"):
        Recipe(after_drop=3, drops=(0.05, 0.2))


@pytest.mark.parametrize("snapshots", [3, 5, 60])
def test_snapshots_start_at_0_end_at_the_last_step_and_fit_the_measurements(snapshots: int) -> None:
    X, Y, W, A = problem(9)
    result = by_engine(X, Y, W, A, max_steps=77, snapshots=snapshots)
    T = len(result.step)
    assert result.step[0] == 0 and result.step[-1] == 77 and (np.diff(result.step) > 0).all()
    assert snapshots >= T and set(result.measured) == set(MEASURED)
    assert result.loss.shape == (1, T)
    assert all(array.shape == (1, T, 6) for array in result.measured.values())


def test_weights_of_all_snapshots_are_kept_only_if_they_fit() -> None:
    X, Y, W, A = problem(9)
    size = 8 * 3 * W.shape[0] * (W.shape[1] + A.shape[1])
    assert by_engine(X, Y, W, A, max_steps=9, snapshots=3, max_weight_bytes=size).W is not None
    less = by_engine(X, Y, W, A, max_steps=9, snapshots=3, max_weight_bytes=size - 1)
    assert less.W is None and less.A is None and np.isfinite(less.W_events[0, -1]).all()


@pytest.mark.parametrize("scale", [100.0, float("nan")])
def test_divergence_names_step_runs_and_remedy(scale: float) -> None:
    X, Y, W, A = batch(3)
    X[1] *= scale
    with pytest.raises(TrainingDiverged, match=r"step \d+ in runs \[1\].*learning_rate 0.5"):
        train(X, Y, W, A, Recipe(learning_rate=0.5, max_steps=500))


def test_initial_weights_and_data_are_left_as_they_were() -> None:
    arrays = batch(2)
    copies = [Z.copy() for Z in arrays]
    train(*arrays, Recipe(max_steps=20))
    for before, after in zip(copies, arrays, strict=True):
        np.testing.assert_array_equal(before, after)


def test_progress_goes_to_standard_error_and_silence_is_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, Y, W, A = problem(9)
    ticks = iter(range(0, 10**6, 11))  # eleven seconds per look at the clock
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(ticks))
    by_engine(X, Y, W, A, max_steps=3)
    assert capsys.readouterr() == ("", "")
    by_engine(X, Y, W, A, label="here", max_steps=3)
    out, err = capsys.readouterr()
    assert out == "" and "here: step 1/3, loss" in err


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="cuda"):
        choose_device("cuda")


def test_cuda_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    assert choose_device("cpu").type == "cpu"
    # The compiled engine is for the CPU.
    assert engine.choose_engine("cuda") == "torch"


@pytest.mark.parametrize("bad", [{"loss": "hinge"}, {"freeze": ("bias",)}])
def test_a_recipe_refuses_what_it_does_not_know(bad: dict[str, Any]) -> None:
    key = next(iter(bad))
    with pytest.raises(ValueError, match=f"{key}.*is none of"):
        Recipe(**bad)


# --- Ablations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("freeze", [("head",), ("gates",), ("residual",), ("gates", "head")])
def test_frozen_parts_stay_as_at_init_and_the_rest_moves(freeze: tuple[str, ...], k: int) -> None:
    X, Y, W, A = problem(10, k=k)
    gates = (X @ W.T > 0).astype(float)
    w, a = W, A
    for _ in range(50):
        fixed = gates if "gates" in freeze else None
        F = np.zeros_like(Y) if "residual" in freeze else equations.network_output(w, a, X, fixed)
        d_w, d_a = equations.neuron_velocity(w, a, X, Y - F, fixed)
        w, a = w + 0.3 * d_w, (a if "head" in freeze else a + 0.3 * d_a)
    # With the residual frozen the loss grows without bound.
    result = by_engine(X, Y, W, A, freeze=freeze, learning_rate=0.3, max_steps=50, explode=np.inf)
    free = by_engine(X, Y, W, A, learning_rate=0.3, max_steps=50)
    np.testing.assert_allclose(weights(result)[0][-1], w, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(weights(result)[1][-1], a, rtol=1e-10, atol=1e-12)
    assert np.abs(weights(free)[0][-1] - w).max() > 1e-2  # freezing makes a difference
    if "head" in freeze:
        np.testing.assert_array_equal(
            weights(result)[1], np.broadcast_to(A, weights(result)[1].shape)
        )
    if "gates" in freeze:
        assert (result.measured["gate_changes"] == 0).all()
        assert (free.measured["gate_changes"] > 0).any()


# --- Measurements -------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
def test_measurements_against_numpy(k: int) -> None:
    X, Y, W, A = problem(11, k=k)
    rate = 0.3
    result = by_engine(X, Y, W, A, learning_rate=rate, max_steps=200, snapshots=15)
    measured = {name: array[0] for name, array in result.measured.items()}
    first = X @ W.T > 0
    patterns: dict[bytes, set[int]] = {}
    for t, (w, a) in enumerate(zip(*weights(result), strict=True)):
        F = equations.network_output(w, a, X)
        C = equations.gated_residual_correlation(w, X, Y - F)
        norm_w, norm_a = np.linalg.norm(w, axis=1), np.linalg.norm(a, axis=1)
        pull = np.einsum("mkd,mk->md", C, a / norm_a[:, None])
        d_w, d_a = equations.flow_field(w, a, X, Y)
        growth = (
            np.log(np.linalg.norm(w + rate * d_w, axis=1) * np.linalg.norm(a + rate * d_a, axis=1))
            - np.log(norm_w * norm_a)
        ) / rate
        gates = X @ w.T > 0
        direct = {
            "norm_w": norm_w,
            "norm_a": norm_a,
            "norm_D": np.linalg.norm(pull, axis=1),
            "cos_delta": equations.alignment(w, a, C),
            "growth": growth,
            "open": gates.mean(axis=0),
            "gate_changes": (gates != first).mean(axis=0),
        }
        for name, values in direct.items():
            np.testing.assert_allclose(
                measured[name][t], values, rtol=1e-8, atol=1e-11, err_msg=name
            )
        for j in range(len(w)):
            patterns.setdefault(gates[:, j].tobytes(), set()).add(
                int(measured["gate_pattern"][t, j])
            )
    # Equal patterns have equal hashes, different patterns different ones, at all times.
    assert len(patterns) > 8 and all(len(hashes) == 1 for hashes in patterns.values())
    assert len(set.union(*patterns.values())) == len(patterns)
    assert np.ptp(measured["gate_changes"]) > 0


def test_a_dead_neuron_is_measured_without_nan_and_never_moves() -> None:
    X, Y, W, A = problem(12)
    X, W = np.abs(X), W.copy()
    W[2] = -np.abs(W[2])
    result = by_engine(X, Y, W, A, max_steps=100)
    for name in ("cos_delta", "growth", "open", "norm_D"):
        assert (result.measured[name][0, :, 2] == 0).all(), name
    np.testing.assert_array_equal(weights(result)[0][-1][2], W[2])
    assert np.isfinite(result.measured["cos_delta"]).all()


def test_directions_orthogonal_to_the_data_count_in_norms_and_cosines_and_stay() -> None:
    X, Y, W, A = problem(13)
    more = np.concatenate([W, np.random.default_rng(0).standard_normal((6, 3))], axis=1)
    padded = np.concatenate([X, np.zeros((12, 3))], axis=1)
    short, long = (
        by_engine(X, Y, more, A, max_steps=50),
        by_engine(padded, Y, more, A, max_steps=50),
    )
    plain = by_engine(X, Y, W, A, max_steps=50)
    np.testing.assert_allclose(weights(short)[0], weights(long)[0], rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(weights(short)[0][-1][:, 4:], more[:, 4:])
    for name in ("norm_w", "cos_delta", "growth"):
        np.testing.assert_allclose(short.measured[name], long.measured[name], rtol=1e-9, atol=1e-12)
        assert np.abs(short.measured[name] - plain.measured[name]).max() > 1e-3


def test_a_vanishing_init_does_not_underflow() -> None:
    trained = digits()
    recipe = replace(trained.recipe, max_steps=60, snapshots=10)
    start = trained.start
    results = []
    for alpha in (1e-20, 1e-12):
        W, A = start.W / 1e-4 * alpha, start.A / 1e-4 * alpha
        results.append(train(start.X, start.Y, W, A, recipe))
    tiny, small = results
    for name in ("norm_w", "norm_a", "norm_D", "growth", "cos_delta"):
        assert np.isfinite(tiny.measured[name]).all(), name
    for name in ("norm_w", "norm_a"):
        assert (tiny.measured[name] > 0).all()
        np.testing.assert_allclose(
            tiny.measured[name] * 1e20, small.measured[name] * 1e12, rtol=1e-9
        )
    # On the plateau the scale of the init drops out.
    np.testing.assert_allclose(tiny.measured["cos_delta"], small.measured["cos_delta"], atol=1e-9)
    np.testing.assert_allclose(tiny.measured["growth"], small.measured["growth"], atol=1e-9)
    assert np.abs(tiny.measured["cos_delta"][0, -1] - tiny.measured["cos_delta"][0, 0]).max() > 0.5


def test_the_last_event_reproduces_the_last_loss() -> None:
    trained = digits()
    W, A = trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]
    F = shallow.forward(trained.start.X[0], W, A)
    assert shallow.loss(F, trained.start.Y[0], "squared") == pytest.approx(
        trained.runs.loss[0, -1], rel=1e-10
    )


def test_single_precision_ends_where_double_does_and_says_no_other_name() -> None:
    start = batch(2)
    ends = [
        train(*start, Recipe(learning_rate=0.05, max_steps=200, precision=p))
        for p in ("single", "double")
    ]
    single, double = (end.W_events[:, -1] for end in ends)
    assert not np.array_equal(single, double)  # or the key would be without effect
    np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="precision: 'half' is none of double, single"):
        Recipe(precision="half")
