"""Users' networks merged and pruned: within the bound, and exactly where it must be."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from own_models import Perceptron, Tokens, by_channel, double, drawn, filters, images, reorder, stir
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import neuron_race
from neuron_race.own import bounds, chains, weights
from neuron_race.own.chains import UnreadableError

ROUNDING = 1e-9  # double precision is used below
MADE = st.one_of(
    st.tuples(
        st.just("perceptron"),
        st.lists(st.integers(2, 12), min_size=1, max_size=3),
        st.booleans(),
        st.sampled_from([0.0, 0.3]),
    ),
    st.tuples(
        st.just("filters"), st.booleans(), st.sampled_from(["max", "mean", "none"]), st.booleans()
    ),
    st.tuples(st.just("drawn"), st.integers(0, 2**20)),
)


def build(made: Any, seed: int) -> tuple[nn.Module, torch.Tensor]:
    """A model with weights of that seed, in evaluation and double precision, and data."""
    torch.manual_seed(seed)
    match made:
        case "perceptron", *how:
            model, X = Perceptron(*how), torch.randn(40, 5)
        case "filters", *how:
            model, X = filters(*how), images()
        case _, architecture:
            model, X = drawn(architecture)
    stir(model)
    return model.double().eval(), X.double()


def outputs(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(X)


def inputs_of(model: nn.Module, X: torch.Tensor, name: str) -> torch.Tensor:
    """What a submodule is given."""
    heard = []
    handle = model.get_submodule(name).register_forward_hook(
        lambda module, inputs, output: heard.append(inputs[0])
    )
    outputs(model, X)
    handle.remove()
    return heard[0]


def reader_moves(model: nn.Module, smaller: nn.Module, X: torch.Tensor, name: str) -> Any:
    """How far each sample's output of a submodule differs between two models, (N,)."""
    heard = []
    for each in (model, smaller):
        handle = each.get_submodule(name).register_forward_hook(
            lambda module, inputs, output: heard.append(output.flatten(1))
        )
        outputs(each, X)
        handle.remove()
    return (heard[0] - heard[1]).norm(dim=1).numpy()


@settings(max_examples=25, deadline=None)
@given(MADE, st.integers(0, 2**20), st.sampled_from([0.9, 0.5, 0.1]))
def test_merging_stays_within_the_bound(made: Any, seed: int, cosine: float) -> None:
    model, X = build(made, seed)
    smaller, report = neuron_race.merge(model, X, cosine)
    moved = (outputs(model, X) - outputs(smaller, X)).norm(dim=1).numpy()
    np.testing.assert_allclose(report.change, moved, atol=ROUNDING)
    assert (moved <= report.bound * (1 + ROUNDING) + ROUNDING).all()
    assert np.isfinite(report.bound).all()
    for layer in report.layers:
        assert layer.kept == len(smaller.get_submodule(layer.name).weight)


@settings(max_examples=25, deadline=None)
@given(MADE, st.integers(0, 2**20), st.sampled_from([0.2, 0.5, 0.8]))
def test_pruning_stays_within_the_bound(made: Any, seed: int, share: float) -> None:
    model, X = build(made, seed)
    smaller, report = neuron_race.prune(model, X, share)
    moved = (outputs(model, X) - outputs(smaller, X)).norm(dim=1).numpy()
    assert (moved <= report.bound * (1 + ROUNDING) + ROUNDING).all()
    for layer in report.layers:
        assert layer.kept == max(1, round(share * layer.units))


@settings(max_examples=12, deadline=None)
@given(MADE, st.integers(0, 2**20))
def test_each_reader_moves_within_the_bound_of_its_layer(made: Any, seed: int) -> None:
    """Layer by layer: behind a single changed layer the reader itself, not stretched."""
    model, X = build(made, seed)
    for chain in chains.find(model).chains:
        m = len(weights.incoming(model, chain))
        smaller, _ = neuron_race.prune(model, X, {chain.name: max(1, m // 2)})
        Z = inputs_of(model, X, chain.name)
        c = np.linalg.norm(weights.incoming(model, chain), axis=1)
        c *= np.linalg.norm(weights.outgoing(model, chain), axis=1)
        removed = np.sort(c)[: m - max(1, m // 2)].sum()
        moved = reader_moves(model, smaller, X, chain.units.outgoing)
        assert (moved <= bounds.reach(model, chain, Z) * removed + ROUNDING).all()


@settings(max_examples=12, deadline=None)
@given(MADE, st.integers(0, 2**20))
def test_permuted_units_change_nothing_but_the_order(made: Any, seed: int) -> None:
    model, X = build(made, seed)
    permuted = copy.deepcopy(model)
    for chain in chains.find(model).chains:
        before = weights.incoming(permuted, chain).copy()
        order = np.random.default_rng(seed).permutation(len(before))
        reorder(permuted, chain.units, order.tolist())
        np.testing.assert_array_equal(weights.incoming(permuted, chain), before[order])
        narrowed = copy.deepcopy(model)  # all units kept, in this order
        weights.narrow(narrowed, chain, order)
        torch.testing.assert_close(outputs(narrowed, X), outputs(model, X), rtol=0, atol=1e-12)
        own = weights.incoming(model, chain)
        np.testing.assert_array_equal(weights.incoming(narrowed, chain), own[order])
    torch.testing.assert_close(outputs(permuted, X), outputs(model, X), rtol=0, atol=1e-12)
    results = [neuron_race.merge(each, X, 0.6) for each in (model, permuted)]
    (one, first), (other, second) = results
    assert first.widths == second.widths
    torch.testing.assert_close(outputs(one, X), outputs(other, X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", [False, True])
def test_what_merges_nothing_returns_the_same_bits(norm: bool) -> None:
    torch.manual_seed(3)
    model, X = filters(norm, "max"), images()
    stir(model)
    smaller, report = neuron_race.merge(model, X, 1.0, drop_silent=False)
    assert smaller is not model and not report.change.any() and not report.bound.any()
    for (name, own), (_, other) in zip(
        model.state_dict().items(), smaller.state_dict().items(), strict=True
    ):
        assert torch.equal(own, other), name
    assert report.first_line().startswith("Nothing to take out")
    assert str(report).startswith(report.first_line())


@pytest.mark.parametrize("pool", ["max", "mean", "none"])
def test_equivalent_units_are_merged_exactly(pool: str) -> None:
    torch.manual_seed(4)
    model, X = filters(False, pool).double().eval(), images().double()
    double(model, ("0", "4"), 1, 5, 2.5)
    double(model, ("4", "7"), 0, 3, 0.4)
    double(model, ("7", "9"), 2, 6, 3.0)
    smaller, report = neuron_race.merge(model, X, drop_silent=False)
    assert report.widths == {"0": 7, "4": 5, "7": 6}
    assert report.change.max() < 1e-12 and report.bound.max() < 1e-5  # an acos of nearly 1
    kept = [0, 1, 2, 3, 4, 6, 7]  # all but the pair keep their weights to the bit
    for new, old in enumerate(kept):
        same = torch.equal(smaller[0].weight[new], model[0].weight[old])
        assert same == (old != 1)


def test_units_behind_a_batch_normalisation_are_merged_and_can_be_trained_on() -> None:
    torch.manual_seed(5)
    model, X = filters(True, "none").double().eval(), images().double()
    stir(model)
    with torch.no_grad():
        for module, names in ((model[0], "weight bias"), (model[1], "running_mean weight bias")):
            for name in names.split():
                getattr(module, name)[6] = getattr(module, name)[2]
        model[1].running_var[6] = model[1].running_var[2]
        model[4].weight[:, 6] = 0.3 * model[4].weight[:, 2]
    smaller, report = neuron_race.merge(model, X, drop_silent=False)
    assert report.widths["0"] == 7 and report.change.max() < 1e-12
    before = smaller(X)
    smaller[1].train()  # its statistics are those of the data: training sees the same unit
    with torch.no_grad():
        h = smaller[0](X)[:, 2]
    assert float(smaller[1].running_mean[2]) == pytest.approx(float(h.mean()))
    assert float(smaller[1].running_var[2]) == pytest.approx(float(h.var(correction=0)))
    assert torch.isfinite(smaller(X)).all() and before.shape == smaller(X).shape


def test_silent_units_are_taken_out_and_counted() -> None:
    torch.manual_seed(6)
    model, X = Perceptron([8]), torch.randn(50, 5)
    with torch.no_grad():
        model.hidden[0].bias[[1, 4]] = -100.0
    report = neuron_race.merge(model, X)[1]
    assert report.layers[0].silent == 2 and report.widths == {"hidden.0": 6}
    assert report.change.max() < 1e-6
    assert report.first_line().startswith("No two units do the same; some never open")
    report = neuron_race.merge(model, X, drop_silent=False)[1]
    assert report.widths == {"hidden.0": 8}


def test_silent_units_of_maps_of_the_last_of_four_dimensions_are_counted() -> None:
    torch.manual_seed(12)
    model, X = by_channel(), torch.randn(8, 3, 5, 4)
    with torch.no_grad():
        model[0].bias[2] = -100.0
    report = neuron_race.merge(model, X)[1]
    assert [layer.silent for layer in report.layers] == [1, 0]
    assert report.widths == {"0": 5, "2": 5} and report.change.shape == (8,)


def test_the_model_and_the_random_state_are_left_as_they_are() -> None:
    torch.manual_seed(7)
    model, X = filters(True, "max").train(), images()
    state, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    smaller, _ = neuron_race.merge(model, X, 0.3)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    assert model.training and smaller.training and not model[0]._forward_hooks


def test_the_result_saves_loads_and_needs_nothing_of_this_package(tmp_path: Path) -> None:
    torch.manual_seed(8)
    model, X = filters(True, "max"), images()
    smaller, report = neuron_race.prune(model, X, 0.5)
    save_file(smaller.state_dict(), tmp_path / "smaller.safetensors")
    again = filters(True, "max")
    state = again.state_dict(keep_vars=True)
    for name, value in load_file(tmp_path / "smaller.safetensors").items():
        state[name].data = value
    assert torch.equal(outputs(again, X), outputs(smaller, X))
    assert {type(m).__module__.split(".")[0] for m in smaller.modules()} == {"torch"}
    assert report.parameters == (
        sum(p.numel() for p in model.parameters()),
        sum(p.numel() for p in smaller.parameters()),
    )


class Refused(nn.Module):
    """Whatever can't be read, each under its own name."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(2, 4, 3, groups=2)
        self.read_by_grouped = nn.Conv2d(2, 4, 1)
        self.shared, self.skipped, self.twice = (nn.Linear(4, 4) for _ in range(3))
        self.smooth, self.written, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.attention = nn.TransformerEncoderLayer(4, 2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.grouped(F.relu(self.read_by_grouped(x)))).mean((2, 3))
        x = F.relu(self.shared(F.relu(self.shared(x))))
        hidden = F.relu(self.skipped(x))
        x = F.relu(self.twice(hidden)) + hidden
        x = self.written(F.gelu(self.smooth(x)))
        return self.out(self.attention(F.relu(x).view(-1, 4)))


def test_what_can_not_be_read_is_named_with_the_reason() -> None:
    said = chains.find(Refused()).refused
    for name, words in {
        "grouped": "grouped convolution",
        "read_by_grouped": "grouped, which reads its units: grouped convolution",
        "shared": "its weights are shared",
        "skipped": "read in 2 places",
        "twice": "added to others on a skip path",
        "smooth": "gelu stands between",
        "written": "sizes that are written out",
        "attention.linear1": "the trace of Refused does not reach",
    }.items():
        assert words in said[name], name
    assert "out" not in said


def test_a_block_beside_a_skip_path_is_merged_without_a_bound_at_the_output() -> None:
    torch.manual_seed(9)
    model, X = Tokens().double(), torch.randn(20, 3, 4).double()
    double(model, ("up", "down"), 0, 3, 2.0)
    report = neuron_race.merge(model, X, drop_silent=False)[1]
    assert report.widths == {"up": 5} and report.change.max() < 1e-12
    assert np.isinf(report.bound).all() and "no bound at the output" in str(report)
    assert "normalises over its units" in report.refused["inner"]
    assert "Left as it is: inner" in str(report)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.map(x) + y


class Tied(nn.Module):
    """An autoencoder whose decoder is its encoder, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.code = nn.Linear(5, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = F.relu(self.code(F.relu(self.up(x))))
        return F.linear(F.relu(F.linear(code, self.code.weight.T)), self.up.weight.T)


def test_weights_that_the_model_uses_elsewhere_are_shared() -> None:
    said = chains.find(Tied()).refused
    assert said["code"] == "its weights are shared" and said["up"] == "its weights are shared"


def test_a_normalisation_of_several_layers_is_refused() -> None:
    norm = nn.BatchNorm1d(4)
    layers = [nn.Linear(5, 4), norm, nn.ReLU(), nn.Linear(4, 4), norm, nn.ReLU(), nn.Linear(4, 2)]
    found = chains.find(nn.Sequential(*layers))
    assert not found.chains
    assert found.refused == dict.fromkeys("03", "1 behind it: its weights are shared")


def test_what_is_done_to_the_outputs_is_no_reason_to_refuse_their_map() -> None:
    class Ends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map, self.out = nn.Linear(5, 4), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made = self.out(F.relu(self.map(x)))
            return F.log_softmax(made, dim=1) * made.mean(dim=1, keepdim=True)

    found = chains.find(Ends())
    assert [chain.name for chain in found.chains] == ["map"] and not found.refused


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((nn.Linear(4, 4), nn.ReLU(), nn.MaxPool2d(3, 1, 1), nn.Linear(4, 2)), "pooling over"),
        ((nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 2)), "it is lazy"),
        ((nn.Conv1d(2, 4, 1), nn.ReLU(), nn.Conv1d(4, 2, 1)), "Linear and Conv2d are"),
    ],
)
def test_unusual_layers_are_refused_with_their_own_reason(parts: Any, words: str) -> None:
    assert words in chains.find(nn.Sequential(*parts)).refused["0"]


def test_a_model_that_is_compiled_is_merged_as_it_was_before() -> None:
    torch.manual_seed(13)
    model, X = Perceptron([6]), torch.randn(30, 5)
    smaller, report = neuron_race.prune(torch.compile(model, backend="eager"), X, 0.5)
    assert type(smaller) is Perceptron and report.widths == {"hidden.0": 3}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, X: neuron_race.merge(m, X, 0.0), "cosine: more than 0"),
        (lambda m, X: neuron_race.merge(m, X, 1.5), "got 1.5"),
        (lambda m, X: neuron_race.prune(m, X, 0.0), "share: more than 0"),
        (lambda m, X: neuron_race.prune(m, X, {"fc": 2}), "possible: hidden.0"),
        (lambda m, X: neuron_race.prune(m, X, {"hidden.0": 9}), "has 4 units, 9"),
        (
            lambda m, X: neuron_race.merge(m, X[:, :3]),
            r"\(6, 3\) and type torch.float32 do not pass the model",
        ),
        (lambda m, X: neuron_race.merge(m, []), "no samples"),
        (lambda m, X: neuron_race.merge(m, ["a"]), "is no tensor"),
        (lambda m, X: neuron_race.merge(m, None), "batches are needed, got NoneType"),
        (lambda m, X: neuron_race.merge(m, X * np.nan), "NaN or infinite"),
        (lambda m, X: neuron_race.merge(m, [X, X[:, 0]]), r"\(6,\) and type torch.float32"),
        (lambda m, X: neuron_race.merge(TwoInputs(), X), "TypeError: .* 'y'"),
        (lambda m, X: neuron_race.merge("net", X), "Module is needed, got str"),
        (lambda m, X: neuron_race.merge(Branching(), X), "can't trace"),
        (lambda m, X: neuron_race.merge(nn.ReLU(), X), "no linear map"),
    ],
)
def test_bad_input_is_refused_in_words(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        call(Perceptron([4]), torch.randn(6, 5))
    assert isinstance(raised.value, (ValueError, UnreadableError))


def test_batches_of_pairs_are_read_as_a_loader_gives_them() -> None:
    torch.manual_seed(10)
    model, X = Perceptron([6]), torch.randn(50, 5)
    pairs = torch.utils.data.TensorDataset(X, torch.zeros(50))
    loader = torch.utils.data.DataLoader(pairs, batch_size=16)
    for data in (X, X.numpy(), loader, pairs):
        report = neuron_race.prune(model, data, 0.5)[1]
        assert report.change.shape == (50,)
    assert 0 < report.relative_change < 2


def test_unknown_names_of_the_package_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute merged"):
        neuron_race.merged  # noqa: B018


def test_training_goes_on_from_a_merged_unit_as_it_did_from_its_group() -> None:
    """One step of gradient descent moves both networks alike, for twins of equal balance."""
    torch.manual_seed(11)
    model, X = Perceptron([6]).double().eval(), torch.randn(30, 5).double()
    double(model, ("hidden.0", "head"), 1, 4, 1.7)  # both sides 1.7 times as large
    smaller, report = neuron_race.merge(model, X, drop_silent=False)
    assert report.widths == {"hidden.0": 5}
    for each in (model, smaller):
        optimizer = torch.optim.SGD(each.parameters(), 0.1)
        each(X).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(outputs(smaller, X), outputs(model, X), rtol=0, atol=1e-12)
