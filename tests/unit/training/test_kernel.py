"""The compiled engine against autograd and the torch engine, and how it is built."""

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import special
from small_runs import DIGITS, OPTIONS, problem, stack

from neuron_race.common import storage
from neuron_race.training import compiled_engine, conditions, engine, runs, torch_engine
from neuron_race.training.engine import train
from neuron_race.training.recipe import FREEZE, MEASURED, Recipe, TrainingDiverged

Array = NDArray[Any]
CASES = [(loss, k) for loss in ("squared", "logistic") for k in (1, 3)]
# Samples, inputs, neurons: at, below and beyond the sizes of tiles, vectors, panels, and blocks
# (N = 1500 at m = 130 takes two chunks of several blocks).
SIZES = [
    (1, 1, 1),
    (5, 2, 3),
    (7, 13, 8),
    (50, 6, 33),
    (97, 25, 70),
    (200, 54, 300),
    (1500, 7, 130),
]


def batch(S: int, **kind: Any) -> list[Array]:
    return [np.stack(Z) for Z in zip(*(problem(s, **kind) for s in range(S)), strict=True)]


def both(
    arrays: list[Array], precision: str = "float64", threads: int = 1, **how: Any
) -> tuple[compiled_engine.Networks, torch_engine.Networks]:
    """The two engines at step 0 of the same problem."""
    words = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, size=arrays[0].shape[1])
    nets = (
        compiled_engine.Networks(*arrays, words, threads=threads, precision=precision, **how),
        torch_engine.Networks(*arrays, words, precision=precision, **how),
    )
    for net in nets:
        advance(net, 0)
    return nets


def advance(net: compiled_engine.Networks | torch_engine.Networks, until: int) -> Array:
    S = len(net.weights()[0])
    losses, crossings = net.advance(until, np.empty((S, 0)), np.full(S, np.inf))
    assert not crossings
    return losses


def autograd(arrays: list[Array], s: int, loss: str) -> list[Array]:
    """Gradients of network s by torch's own losses and automatic differentiation."""
    x, y, w, a = (torch.tensor(Z[s], requires_grad=i > 1) for i, Z in enumerate(arrays))
    f = torch.relu(x @ w.T) @ a
    if loss == "squared":
        value = torch.nn.functional.mse_loss(f, y, reduction="sum") / (2 * len(x))
    elif y.shape[1] == 1:
        value = torch.nn.functional.soft_margin_loss(f, y)
    else:
        value = torch.nn.functional.cross_entropy(f, y.argmax(dim=1))
    return [float(value.detach()), *(g.numpy() for g in torch.autograd.grad(value, (w, a)))]


@pytest.mark.parametrize(("N", "d", "m"), SIZES)
@pytest.mark.parametrize(("loss", "k"), CASES)
def test_loss_and_gradients_are_those_of_autograd(
    loss: str, k: int, N: int, d: int, m: int
) -> None:
    arrays = batch(2, N=N, d=d, m=m, k=k, loss=loss)
    for net in both(arrays, loss=loss):
        dW, dA = net.gradients()
        for s in range(2):
            _, grad_W, grad_A = autograd(arrays, s, loss)
            np.testing.assert_allclose(-dW[s], grad_W, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(-dA[s], grad_A, rtol=1e-11, atol=1e-13)
            assert m < 6 or np.abs(grad_W).max() > 1e-4


@pytest.mark.parametrize("k", [1, 3])
def test_losses_and_residuals_have_all_their_digits(k: int) -> None:
    margins = np.concatenate([np.geomspace(1e-12, 700, 500), [800.0, 1e6]])
    if k == 1:  # f = margin, by a network of one neuron each
        y = np.tile([1.0, -1.0], (len(margins), 1)).T.ravel()
        f = np.tile(margins, 2)
        expected = np.logaddexp(0, -y * f), y * special.expit(-y * f)
        X, Y, A = f, y[:, None, None], np.ones((len(f), 1, 1))
    else:  # f = (margin, 0, 0)
        X, f = margins, margins
        Y, A = np.tile(np.eye(3)[1], (len(f), 1, 1)), np.tile([1.0, 0, 0], (len(f), 1, 1))
        expected = f + np.log1p(2 * np.exp(-f)), -special.expit(f - np.log(2))
    arrays = [X[:, None, None], Y, np.ones((len(f), 1, 1)), A]
    net = compiled_engine.Networks(*arrays, np.zeros(1, np.int64), loss="logistic")
    np.testing.assert_allclose(advance(net, 0)[:, 0], expected[0], rtol=1e-15, atol=1e-300)
    residual = net.gradients()[1][:, 0, 0] / f
    np.testing.assert_allclose(residual, expected[1], rtol=2e-15, atol=1e-300)


@pytest.mark.parametrize("freeze", [(), *((name,) for name in FREEZE), FREEZE])
@pytest.mark.parametrize(("N", "d", "m"), SIZES[2:])
@pytest.mark.parametrize(("loss", "k"), [("squared", 1), ("squared", 7), ("logistic", 3)])
def test_both_engines_train_alike(
    loss: str, k: int, N: int, d: int, m: int, freeze: tuple[str, ...]
) -> None:
    arrays = batch(3, N=N, d=d, m=m, k=k, loss=loss)
    nets = both(arrays, loss=loss, freeze=freeze, learning_rate=0.02)
    losses = [advance(net, 30) for net in nets]
    np.testing.assert_allclose(*losses, rtol=1e-10)
    for what in ("weights", "gradients"):
        for ours, theirs in zip(*(getattr(net, what)() for net in nets), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-11)
    for ours, theirs in zip(*(net.gates() for net in nets), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    W, A = nets[0].weights()
    assert np.abs(W - arrays[2]).max() > 1e-4
    assert (np.abs(A - arrays[3]).max() > 1e-4) == ("head" not in freeze)
    assert ("gates" in freeze) == (nets[0].gates()[1].sum() == 0)
    if N < 1000:
        assert nets[0].gates()[0].min() < N  # some gates are closed, so that gating is tested


@pytest.mark.parametrize(("loss", "k"), CASES)
def test_single_precision_agrees_to_single_precision(loss: str, k: int) -> None:
    arrays = batch(2, N=130, d=9, m=50, k=k, loss=loss)
    single, double = both(arrays, "float32", loss=loss)[0], both(arrays, loss=loss)[0]
    np.testing.assert_allclose(advance(single, 20), advance(double, 20), rtol=1e-5)
    W, A = single.weights()
    for told in (W, A):  # in double precision: the weights as they are
        assert told.dtype == np.float64 and np.array_equal(told, told.astype(np.float32))
    for ours, theirs in zip((W, A), double.weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("S", [1, 3, 4])
@pytest.mark.parametrize("N", [30, 2500])
def test_threads_and_companions_change_no_bit(S: int, N: int) -> None:
    arrays = batch(S, N=N, d=11, m=40, k=2)
    results = []
    for threads in (1, 2, 3):
        net = both(arrays, threads=threads)[0]
        losses = advance(net, 12)
        results.append([losses, *net.weights(), *net.gradients(), *net.gates()])
    alone = both([Z[-1:] for Z in arrays])[0]
    results.append([advance(alone, 12), *alone.weights(), *alone.gradients(), *alone.gates()])
    for others in results[1:]:
        for ours, theirs in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(ours[-len(theirs) :], theirs)


def test_marked_weights_are_gone_back_to_bit_for_bit() -> None:
    for net in both(batch(2, N=40, d=5, m=20)):
        advance(net, 7)
        net.mark()
        first = [advance(net, 20), *net.weights()]
        net.rewind()
        assert net.step == 7
        for ours, theirs in zip(first, [advance(net, 20), *net.weights()], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_crossings_are_the_first_steps_below_a_bound_run_by_run() -> None:
    arrays = batch(3, N=30, d=5, m=20)
    for index in range(2):
        losses = advance(both(arrays, learning_rate=0.05)[index], 200)
        net = both(arrays, learning_rate=0.05)[index]
        bounds = np.stack([losses[:, 20], losses[:, 90], losses[:, 90]], axis=1)
        bounds[1] = [-np.inf, losses[1, 3], losses[1, 150]]
        again, crossings = net.advance(200, bounds, np.full(3, np.inf))
        np.testing.assert_array_equal(again, losses)
        found = {(c.run, c.event): c for c in crossings}
        expected = {
            (s, e): 1 + int(np.argmax(losses[s] <= bounds[s, e]))
            for s in range(3)
            for e in range(3)
            if (losses[s] <= bounds[s, e]).any()
        }
        assert {key: c.step for key, c in found.items()} == expected and len(expected) == 8
        exact = both(arrays, learning_rate=0.05)[index]
        advance(exact, found[2, 0].step)
        np.testing.assert_array_equal(found[2, 0].W, exact.weights()[0][2])
        np.testing.assert_array_equal(found[2, 0].A, exact.weights()[1][2])


@pytest.mark.parametrize("name", ["compiled", "torch"])
@pytest.mark.parametrize("scale", [100.0, float("nan")])
def test_divergence_is_noticed_by_either_engine(name: str, scale: float) -> None:
    X, Y, W, A = batch(3)
    X[1] *= scale
    with pytest.raises(TrainingDiverged, match=r"step \d+ in runs \[1\].*learning_rate 0.5"):
        train(X, Y, W, A, Recipe(learning_rate=0.5, max_steps=500), engine=name)


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"loss_target": 0.75},
        {"after_drop": 2.5},
        {"stop_at_drop": True},
        {"freeze": ("residual",), "stop_at_drop": True},
    ],
)
def test_both_engines_record_the_same(recipe: dict[str, Any], device: str) -> None:
    X, Y, W, A = batch(4, N=40, d=20, m=20)
    arrays = (X, Y, 0.1 * W, 0.1 * A)
    settings = Recipe(learning_rate=0.1, max_steps=1000, max_weight_bytes=10**9, **recipe)
    first, second = (
        train(*arrays, settings, where, explode=np.inf, engine=name)
        for where, name in (("cpu", "compiled"), (device, "torch"))
    )
    assert (first.engine, second.engine) == ("compiled", "torch")
    np.testing.assert_array_equal(first.step, second.step)
    np.testing.assert_array_equal(first.event_step, second.event_step)
    assert bool(recipe) == (first.step[-1] < 1000) and first.event_step.min() >= 0
    for name in ("loss", "W_events", "A_events", "W", "A"):
        np.testing.assert_allclose(
            getattr(first, name), getattr(second, name), rtol=1e-9, atol=1e-12
        )
    for name in MEASURED:
        np.testing.assert_allclose(
            first.measured[name], second.measured[name], rtol=1e-7, atol=1e-11
        )


# --- Building -----------------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache, and no memory of an earlier build."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for function in (compiled_engine.library, engine._compiled):
        function.cache_clear()
    yield tmp_path / "neuron_race"
    for function in (compiled_engine.library, engine._compiled):
        function.cache_clear()


@pytest.mark.parametrize("missing", ["no-such-compiler", "false"])
def test_without_a_compiler_torch_trains_and_says_so(
    missing: str, fresh: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = batch(2)
    with_it = train(*arrays, Recipe(max_steps=50))
    engine._compiled.cache_clear()
    compiled_engine.library.cache_clear()
    monkeypatch.setenv("CC", missing)
    without, _ = (train(*arrays, Recipe(max_steps=50)) for _ in range(2))
    assert (with_it.engine, without.engine) == ("compiled", "torch")
    np.testing.assert_allclose(with_it.W_events, without.W_events, rtol=1e-10, atol=1e-13)
    said = capsys.readouterr().err
    assert said.count("torch engine trains") == 1 and missing in said
    with pytest.raises(compiled_engine.KernelUnavailable, match=missing):
        train(*arrays, Recipe(max_steps=50), engine="compiled")


@pytest.fixture
def quick(fresh: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> Path:
    """An empty cache, and a compiler that takes no time to optimize."""
    compiler: Path = tmp_path_factory.mktemp("bin") / "cc"
    compiler.write_text('#!/bin/sh\nexec cc "$@" -O0\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    return fresh


def test_a_folder_that_cannot_be_written_is_no_obstacle(quick: Path) -> None:
    quick.parent.joinpath("neuron_race").write_text("a file, not a folder")
    assert train(*batch(1), Recipe(max_steps=5)).engine == "compiled"


def _build(folder: str) -> str:
    os.environ["XDG_CACHE_HOME"] = folder
    return compiled_engine.build().name


def test_several_jobs_build_at_once_and_one_library_remains(quick: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        names = pool.map(_build, [str(quick.parent)] * 3)
    assert len(set(names)) == 1
    assert [path.name for path in quick.iterdir()] == [names[0]]
    changed = compiled_engine.build("float32").name
    assert changed != names[0] and len(list(quick.iterdir())) == 2


def test_the_sidecar_names_the_engine_and_the_reduction(tmp_path: Path) -> None:
    options = {**OPTIONS, "width": 5, "max_steps": 10, "seeds": [0]}
    start = conditions.begin("small", options, stack(DIGITS, (0,)))
    for name in ("compiled", "torch"):
        result = train(start.X, start.Y, start.W, start.A, Recipe.of(options), engine=name)
        runs.save(tmp_path / "runs.npz", start, result, {"parameters": {"options": options}})
        sidecar = storage.read_json(tmp_path / "runs.json")
        assert sidecar["engine"] == name == runs.load(tmp_path / "runs.npz").runs.engine
        assert sidecar["rank"] == start.X.shape[2] < stack(DIGITS, (0,))["X"].shape[2]
        assert f"span of the data ({sidecar['rank']} coordinates)" in sidecar["coordinates"]
