"""A training run that is watched: the same bits as without, and readings that autograd confirms."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from own_models import Perceptron, Tokens, by_channel, drawn, filters, images, stir
from torch import nn
from torch.utils.checkpoint import checkpoint

import neuron_race
from neuron_race.common import storage
from neuron_race.models.norms import unit
from neuron_race.own import run_file
from neuron_race.pages import explorer, trajectories

MODELS = {
    "perceptron": lambda: (Perceptron([9, 6]), torch.randn(32, 5)),
    "filters": lambda: (filters(True, "max"), images(16)),
    "tokens": lambda: (Tokens(), torch.randn(16, 3, 4)),
    "channels last": lambda: (by_channel(), torch.randn(8, 3, 5, 4)),
}


def train(model: nn.Module, X: torch.Tensor, steps: int, race: Any = None) -> list[torch.Tensor]:
    """Losses and gradients of all steps, with dropout and shuffling drawn in between."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    seen = []
    for _ in range(steps):
        F = model(X[torch.randperm(len(X))])
        loss = F.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += [loss.detach().clone(), *(p.grad.clone() for p in model.parameters())]
        if race is not None:
            race.loss = loss.item()
    return [*seen, torch.get_rng_state(), *model.state_dict().values()]


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([*sorted(MODELS), "drawn", "drawn"]), st.integers(0, 2**20), st.integers(1, 3)
)
def test_watching_changes_no_bit(name: str, seed: int, every: int) -> None:
    torch.manual_seed(seed)
    model, X = drawn(seed) if name == "drawn" else MODELS[name]()
    other, random = copy.deepcopy(model), torch.get_rng_state()
    alone = train(model, X, 4)
    torch.set_rng_state(random)
    with neuron_race.watch(other, every=every) as race:
        watched = train(other, X, 4, race)
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))
    assert race.step == 4
    for module in other.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def through_autograd(model: nn.Module, X: torch.Tensor, chain: Any, W: Any) -> Any:
    """Gradient for folded weights (m, d) of a layer, put into the place of its map, and gates.

    Preactivations are computed from these weights, so that autograd passes through them.
    """
    into = model.get_submodule(chain.units.incoming)
    last = model.get_submodule(chain.units.normalisation or chain.units.incoming)
    weights = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    heard: dict[str, torch.Tensor] = {}

    def through(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        filters = isinstance(into, nn.Conv2d)
        heard["gates"] = (output.movedim(1, -1) if filters else output).flatten(0, -2) > 0
        made = _rows(into, heard["Z"], last, W.shape[1]) @ weights.T
        if not filters:
            return made.reshape(output.shape)
        return made.reshape(len(output), *output.shape[2:], output.shape[1]).movedim(-1, 1)

    handles = [
        into.register_forward_hook(lambda m, inputs, o: heard.update(Z=inputs[0].detach())),
        last.register_forward_hook(through),
    ]
    model(X).square().mean().backward()
    for handle in handles:
        handle.remove()
    return weights.grad.numpy(), heard["gates"].double().mean(dim=0).numpy()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", MODELS)
def test_readings_are_those_of_autograd(name: str) -> None:
    """Weights make the preactivations; the pull is minus the gradient for these weights."""
    torch.manual_seed(1)
    model, X = MODELS[name]()
    stir(model)
    model.double().train()
    X = X.double()
    with neuron_race.watch(model, every=1) as race:
        torch.manual_seed(2)  # of dropout
        model(X).square().mean().backward()
    assert len(race.chains) >= 2
    for chain in race.chains:
        own = {key: value[0] for key, value in race.layer(chain.name).items()}
        torch.manual_seed(2)
        gradient, open_ = through_autograd(model, X, chain, own["W"])
        cosine = -(unit(gradient) * unit(own["W"].astype(float))).sum(axis=1)
        np.testing.assert_allclose(own["cos_delta"], cosine, atol=2e-4)
        np.testing.assert_allclose(own["open"], open_, atol=1e-6)
        np.testing.assert_allclose(own["norm_product"], own["norm_w"] * own["norm_a"])


def _rows(into: Any, Z: torch.Tensor, last: Any, columns: int) -> torch.Tensor:
    """Inputs of the folded map (n, columns), written out."""
    if isinstance(into, nn.Conv2d):
        how = {"padding": into.padding, "stride": into.stride}
        rows = nn.functional.unfold(Z, into.kernel_size, **how).mT.flatten(0, 1)
    else:
        rows = Z.flatten(0, -2)
    ones = rows.new_ones(len(rows), 1)
    if isinstance(last, nn.LayerNorm):
        before = nn.functional.linear(rows, into.weight, into.bias).detach()
        scale = 1 / (before.var(dim=1, correction=0) + last.eps).sqrt()[:, None]
        return torch.cat([rows * scale, scale, ones], dim=1)
    return torch.cat([rows, ones], dim=1)[:, :columns]


def test_memory_is_bounded_by_forgetting_every_second_reading() -> None:
    torch.manual_seed(3)
    model, X = MODELS["perceptron"]()
    with neuron_race.watch(model, every=1) as race:
        train(model, X, 2)
    once = sum(a[0].nbytes for c in race.chains for a in race.layer(c.name).values())
    model, X = MODELS["perceptron"]()
    with neuron_race.watch(model, every=2, most_bytes=5 * once) as race:
        train(model, X, 40)
    steps = race.layer("hidden.0")["step"]
    assert len(steps) <= 5 and race.every == 8
    assert (np.diff(steps) == race.every).all() and steps[0] == 0


def test_only_training_steps_count() -> None:
    torch.manual_seed(4)
    model, X = MODELS["perceptron"]()
    race = neuron_race.watch(model, every=1)
    with torch.no_grad():
        model(X)
    model.eval()(X)
    assert race.step == 0
    model.train()(X)  # no backward pass follows
    race.close()
    assert race.step == 1 and not race.has("hidden.0")
    with pytest.raises(KeyError, match=r"hidden\.0, hidden\.1"):
        race.layer("hidden.0")
    assert str(race).startswith("no reading yet: 1 forward passes")


def test_a_frozen_layer_has_no_alignment() -> None:
    torch.manual_seed(5)
    model, X = MODELS["perceptron"]()
    for parameter in model.hidden[0].parameters():
        parameter.requires_grad = False
    with neuron_race.watch(model, every=1) as race:
        model(X).sum().backward()
    assert np.isnan(race.layer("hidden.0")["cos_delta"]).all()
    assert np.isfinite(race.layer("hidden.1")["cos_delta"]).all()


def test_runs_are_saved_as_arrays_and_as_the_explorer(tmp_path: Path) -> None:
    torch.manual_seed(6)
    model, X = MODELS["tokens"]()
    with neuron_race.watch(model, every=2) as race:
        train(model, X, 9, race)
    race.save(tmp_path / "run.npz")
    arrays = storage.read_arrays(tmp_path / "run.npz")
    assert arrays["up.step"].tolist() == [0, 2, 4, 6, 8]
    assert np.isfinite(arrays["up.loss"]).all()
    race.save(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert '"name":"up"' in page and '"name":"inner"' in page and "://" not in page
    assert "A network of your own" in page
    said = str(race)
    assert "step 8" in said and "up: 6 units in" in said and "not read: down" in said
    with pytest.raises(ValueError, match=r"as \.npz"):
        race.save(tmp_path / "run.csv")
    with pytest.raises(ValueError, match="nothing was read"):
        neuron_race.watch(model).save(tmp_path / "run.npz")


def test_directions_keep_the_cosines_of_layers_that_are_too_large_to_write_out() -> None:
    rng = np.random.default_rng(7)
    basis = rng.standard_normal((3, 400))
    W = rng.standard_normal((4, 12, 3)) @ basis
    A = rng.standard_normal((4, 12, 2)) @ rng.standard_normal((2, 300))
    kept, error = run_file.directions(W, A)
    expected = (unit(W[2]) @ unit(W[2]).T) * (unit(A[2]) @ unit(A[2]).T)
    found = (kept[2] / trajectories.SCALE) @ (kept[2] / trajectories.SCALE).T
    np.fill_diagonal(found, 1.0)
    assert np.abs(found - expected).max() <= error < 0.03
    assert kept.dtype == np.int8 and kept.shape[2] <= 6


def test_what_the_explorer_has_of_a_run_that_was_watched() -> None:
    """All that is known of it; and what is not known is absent, or not finite, or no rank."""
    torch.manual_seed(8)
    model, X = MODELS["perceptron"]()
    with neuron_race.watch(model, every=1) as race:
        train(model, X, 3, race)
    own, labels = race.layer("hidden.0"), race.clusters("hidden.0")
    own["cos_delta"][1, 4] = np.nan
    known = run_file.whole(own)
    assert known["step"].tolist() == [0, 2]
    arrays, description = run_file.record(known, labels)
    product = own["norm_product"][-1]
    assert arrays["final_rank"].tolist() == (len(product) - product.argsort().argsort()).tolist()
    assert arrays["cluster"].tolist() == labels.tolist()
    assert np.isnan(arrays["forecast"]).all() and not arrays["late"].any()
    assert not arrays["forecast_rank"].any() and not arrays["drop_rank"].any()
    packed = explorer.run(arrays, description)
    assert packed["phases"] == [] and packed["step"] == [0, 2]
    assert packed["loss_curve"] == pytest.approx(own["loss"][[0, 2]], rel=1e-5)
    assert {"gates", "sign_y"}.isdisjoint(entry["name"] for entry in packed["layout"])
    known["loss"][0] = np.nan
    assert explorer.run(*run_file.record(known, labels))["loss_curve"] == []


def test_layers_without_a_gradient_are_left_out_of_the_explorer(tmp_path: Path) -> None:
    torch.manual_seed(9)
    model, X = MODELS["perceptron"]()
    for parameter in model.hidden[0].parameters():
        parameter.requires_grad = False
    with neuron_race.watch(model, every=1) as race:
        model(X).sum().backward()
    race.save(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert '"name":"hidden.1"' in page and '"name":"hidden.0"' not in page
    assert "<code>hidden.0</code>, at no reading" in page
    for parameter in model.hidden[1].parameters():
        parameter.requires_grad = False
    with neuron_race.watch(model, every=1) as race:
        race.loss = model(X).sum()
        race.loss.backward()
    with pytest.raises(ValueError, match="nothing"):
        race.save(tmp_path / "run.html")


@pytest.mark.parametrize("name", ["every", "most_bytes"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: at least 1"):
        neuron_race.watch(Perceptron([4]), **{name: 0})


def test_passes_without_training_between_forward_and_backward_leave_a_reading_as_it_is() -> None:
    """Validation comes after a step that was read, or even before its backward pass."""
    torch.manual_seed(10)
    model, X = MODELS["filters"]()
    readings = []
    for validate in (False, True):
        own = copy.deepcopy(model)
        with neuron_race.watch(own, every=1) as race:
            loss = own(X).square().mean()
            for training in (False, True) if validate else ():
                with torch.no_grad():
                    own.train(training)(X.abs() + 1)
            own.train()
            loss.backward()
            with torch.no_grad():
                own.eval()(X.abs() + 1)
        readings.append(race.layer("0"))
    for key, alone in readings[0].items():
        np.testing.assert_array_equal(readings[1][key], alone)
    assert np.isfinite(readings[0]["cos_delta"]).all()


def test_a_pass_that_others_follow_before_the_backward_pass_is_read() -> None:
    torch.manual_seed(11)
    model, X = MODELS["perceptron"]()
    with neuron_race.watch(model, every=4) as race:
        for _ in range(4):
            (model(X) - model(-X)).square().mean().backward()
            race.loss = 1.0
    own = race.layer("hidden.0")
    assert own["step"].tolist() == [0, 4] and own["loss"].tolist() == [1, 1]
    assert np.isfinite(own["cos_delta"]).all()


@pytest.mark.parametrize("name", MODELS)
def test_mixed_precision_changes_no_bit_and_little_of_the_readings(name: str) -> None:
    torch.manual_seed(12)
    model, X = MODELS[name]()

    def step(own: nn.Module, mixed: bool) -> list[torch.Tensor]:
        torch.manual_seed(13)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            loss = own(X).float().square().mean()
        loss.backward()
        return [p.grad for p in own.parameters() if p.grad is not None]

    plain, mixed, alone = (copy.deepcopy(model) for _ in range(3))
    with neuron_race.watch(plain) as expected, neuron_race.watch(mixed) as race:
        step(plain, mixed=False)
        watched = step(mixed, mixed=True)
    assert all(torch.equal(a, b) for a, b in zip(watched, step(alone, mixed=True), strict=True))
    for chain in race.chains:
        own, other = race.layer(chain.name), expected.layer(chain.name)
        np.testing.assert_allclose(own["W"], other["W"], rtol=0.02, atol=0.02)
        assert np.abs(own["cos_delta"] - other["cos_delta"]).max() < 0.1


def test_half_precision_is_read_in_single() -> None:
    torch.manual_seed(14)
    model, X = MODELS["tokens"]()
    with neuron_race.watch(model.bfloat16()) as race:
        model(X.bfloat16()).square().mean().backward()
    for chain in race.chains:
        assert (np.abs(race.layer(chain.name)["cos_delta"]) <= 1 + 1e-6).all()


class Recomputed(nn.Module):
    """Activations are thrown away, and computed again for the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(checkpoint(self.body, x, use_reentrant=False))


def test_layers_that_are_computed_again_in_the_backward_pass_are_read_once() -> None:
    torch.manual_seed(15)
    model, X = Recomputed(), torch.randn(20, 5)
    with neuron_race.watch(model) as race:
        model(X).square().mean().backward()
    plain = nn.Sequential(*model.body, model.head)
    with neuron_race.watch(plain) as expected:
        plain(X).square().mean().backward()
    for name, other in (("body.0", "0"), ("body.2", "2")):
        np.testing.assert_allclose(
            race.layer(name)["cos_delta"], expected.layer(other)["cos_delta"], atol=1e-6
        )


def test_copies_of_a_watched_model_are_not_watched_nor_pickled() -> None:
    torch.manual_seed(16)
    model, X = MODELS["perceptron"]()
    with neuron_race.watch(model, every=1) as race:
        model(X).sum().backward()
        average = copy.deepcopy(model)
        average(X).sum().backward()
        assert race.step == 1
        with pytest.raises(TypeError, match="state_dict"):
            pickle.dumps(model)
    pickle.dumps(model)


# PyTorch says so on 3.13.0, and of no later version.
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")
def test_a_compiled_model_is_compiled_once_and_read_uncompiled() -> None:
    torch.manual_seed(17)
    (model, X), compiled = MODELS["perceptron"](), []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    with neuron_race.watch(torch.compile(model, backend=backend), every=2) as race:
        train(race.called, X, 12)
    assert race.layer("hidden.0")["step"].tolist() == [0, 2, 4, 6, 8, 10]
    assert np.isfinite(race.layer("hidden.0")["cos_delta"]).all()
    assert len(compiled) == 1


def test_closed_units_do_not_count_for_the_alignment_that_is_told() -> None:
    torch.manual_seed(18)
    model, X = Perceptron([7]), torch.randn(30, 5)
    with torch.no_grad():
        model.hidden[0].bias[:4] = -100.0
    with neuron_race.watch(model) as race:
        model(X).square().mean().backward()
    alignment = race.layer("hidden.0")["cos_delta"][0]
    assert not alignment[:4].any()
    assert "4 closed; the largest" in str(race)
    assert f"median alignment {np.median(alignment[4:]):.2f}" in str(race)
    with torch.no_grad():
        model.hidden[0].bias[:] = -100.0
    with neuron_race.watch(model) as race:
        model(X).square().mean().backward()
    assert "median alignment –" in str(race)
    assert str(neuron_race.watch(nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Linear(3, 1)))) == (
        "no layer can be read\nnot read: 0: GELU stands between its units and what reads them"
    )
