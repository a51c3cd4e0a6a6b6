"""Weight-level tickets: exact masks, exact rewinding, and S networks that don't see each other."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuron_race.common.seeds import stream
from neuron_race.studies import weight_tickets
from neuron_race.studies.weight_tickets import Protocol

Array = NDArray[Any]
SIZES = (6, 12, 8, 3)
SMALL = Protocol(
    hidden=(12, 8),
    batch=7,
    steps=30,
    rounds=4,
    control_rounds=(2, 4),
    evaluate_every=10,
    loss_target=0.9,
    sparse=(0.1, 0.9),
)


def problem(seeds: Sequence[int], samples: int = 40) -> tuple[Array, Array]:
    """Inputs (S, N, 6) and one-hot targets (S, N, 3) of a linear teacher."""
    rngs = [stream("lenet test", seed, "data") for seed in seeds]
    X = np.stack([rng.standard_normal((samples, SIZES[0])) for rng in rngs])
    return X, np.eye(SIZES[-1])[X[:, :, : SIZES[-1]].argmax(axis=-1)]


def begin(seeds: Sequence[int]) -> tuple[list[Array], list[Array], Array]:
    """Initial weights, random masks, and batches."""
    weights = [weight_tickets.glorot(stream("small", seed, "lenet init"), SIZES) for seed in seeds]
    lots = [stream("small", seed, "masks") for seed in seeds]
    masks = [
        [rng.random(w.shape) < 0.5 for w in net] for rng, net in zip(lots, weights, strict=True)
    ]
    order = np.stack([weight_tickets.batches("small", seed, 40, SMALL) for seed in seeds])
    stacked = [[np.stack(layer) for layer in zip(*Z, strict=True)] for Z in (weights, masks)]
    return stacked[0], stacked[1], order


def tables(seeds: Sequence[int], protocol: Protocol = SMALL) -> dict[str, pd.DataFrame]:
    X, Y = problem(seeds)
    return weight_tickets.run(
        "small", seeds, X, Y, X[:, ::-1][:, :30], Y[:, ::-1][:, :30], protocol
    )


class Spy:
    """Records what each training was given and what it returned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[list[Array], list[Array], Array, weight_tickets.Outcome]] = []
        original = weight_tickets.train

        def train(
            X: Array, Y: Array, w: list[Array], m: list[Array], order: Array, *how: Any
        ) -> weight_tickets.Outcome:
            outcome = original(X, Y, w, m, order, *how)
            self.calls.append((w, m, order, outcome))
            return outcome

        monkeypatch.setattr(weight_tickets, "train", train)


# --- Counting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("surviving", "fraction", "pruned"),
    [
        (30000, 0.2, 6000),
        (19200, 0.2, 3840),
        (1000, 0.1, 100),
        (15360, 0.2, 3072),
        (12288, 0.2, 2458),  # 2457.6
        (729, 0.1, 73),  # 72.9
        (5, 0.1, 0),  # 0.5, halves to even
        (15, 0.1, 2),  # 1.5
        (25, 0.1, 2),  # 2.5
        (2, 0.2, 0),
        (3, 0.2, 1),
        (0, 0.2, 0),
        (100, 0.29, 29),  # 0.29 * 100 is 28.999... in floating point
        (90, 0.35, 32),  # 31.5, but 31.499999999999996 in floating point
    ],
)
def test_number_pruned(surviving: int, fraction: float, pruned: int) -> None:
    assert weight_tickets.pruned_count(surviving, fraction) == pruned


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    values=st.lists(st.sampled_from([0.0, -0.5, 0.5, 1.0, -2.0]), min_size=1, max_size=24),
    fraction=st.sampled_from([0.1, 0.2, 0.5]),
    data=st.data(),
)
def test_exactly_the_smallest_survivors_go_with_any_ties(
    values: list[float], fraction: float, data: st.DataObject
) -> None:
    weights = np.array(values).reshape(1, -1, 1)
    alive = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    before = np.array(alive).reshape(weights.shape)
    after = weight_tickets.prune(weights, before, fraction)
    gone = before & ~after
    assert not (after & ~before).any(), "a pruned weight came back"
    assert gone.sum() == weight_tickets.pruned_count(int(before.sum()), fraction)
    if gone.any() and after.any():
        assert np.abs(weights[gone]).max() <= np.abs(weights[after]).min()


def test_of_equal_magnitudes_the_first_is_kept() -> None:
    weights = np.array([[[1.0, -1.0, 1.0, 3.0, -1.0]]])
    mask = weight_tickets.prune(weights, np.ones(weights.shape, dtype=bool), 0.4)
    assert mask.ravel().tolist() == [True, True, False, True, False]
    zeros = np.array([[[0.0, 0.0, 0.0]]])  # a survivor that is zero outlives no pruned weight
    mask = weight_tickets.prune(zeros, np.array([[[False, True, True]]]), 0.5)
    assert mask.ravel().tolist() == [False, True, False]


def test_counts_per_layer_and_round(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    curves = tables([0, 1])["curves"]
    winning = [call for call, arm in zip(spy.calls, arms(curves), strict=True) if arm == "winning"]
    expected = [6 * 12, 12 * 8, 8 * 3]
    for level, (_, masks, _, _) in enumerate(winning):
        for mask, count in zip(masks, expected, strict=True):
            assert (mask.sum(axis=(1, 2)) == count).all()
        rows = curves[curves["round"] == level]
        np.testing.assert_allclose(rows["remaining"], sum(expected) / (72 + 96 + 24))
        expected = [
            n - weight_tickets.pruned_count(n, f)
            for n, f in zip(expected, (0.2, 0.2, 0.1), strict=True)
        ]
    assert len(winning) == SMALL.rounds + 1


def test_lenet_counts_of_the_paper() -> None:
    """d-300-100-10: 20 % of the hidden layers' weights and 10 % of the output layer's."""
    rng = stream("lenet test", 0, "weights")
    weights = [w[None] for w in weight_tickets.glorot(rng, (64, 300, 100, 10))]
    masks = [np.ones(w.shape, dtype=bool) for w in weights]
    for counts in ([15360, 24000, 900], [12288, 19200, 810], [9830, 15360, 729]):
        masks = [
            weight_tickets.prune(w, m, f)
            for w, m, f in zip(weights, masks, (0.2, 0.2, 0.1), strict=True)
        ]
        assert [int(mask.sum()) for mask in masks] == counts
    assert weight_tickets.remaining(masks) == pytest.approx((9830 + 15360 + 729) / 50200)


# --- Training ------------------------------------------------------------------------------------


def test_glorot() -> None:
    weights = weight_tickets.glorot(stream("lenet test", 0, "weights"), (64, 300, 100, 10))
    assert [w.shape for w in weights] == [(64, 300), (300, 100), (100, 10)]
    assert all(w.dtype == np.float32 for w in weights)
    for w in weights:
        assert w.std() == pytest.approx(np.sqrt(2 / sum(w.shape)), rel=0.06)
        assert abs(w.mean()) < 4 * w.std() / np.sqrt(w.size)


def test_every_epoch_sees_every_sample_once() -> None:
    protocol = replace(SMALL, steps=40)
    order = weight_tickets.batches("small", 0, 40, protocol)
    assert order.shape == (40, 7)
    for epoch in order.ravel().reshape(7, 40):
        assert sorted(epoch) == list(range(40))


def test_against_torch_modules(device: str) -> None:
    """One masked network with nn.Linear, nn.CrossEntropyLoss and one Adam of its own."""
    (X, Y), (weights, masks, order) = problem([0]), begin([0])
    ours = weight_tickets.train(X, Y, weights, masks, order, SMALL, device)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(SIZES)]
    keep = [torch.tensor(m[0].T.astype(np.float32)) for m in masks]
    with torch.no_grad():
        for layer, w, mask in zip(layers, weights, keep, strict=True):
            layer.weight.copy_(torch.tensor(w[0].T) * mask)
            layer.bias.zero_()
    net = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    criterion = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(net.parameters(), lr=SMALL.rate, foreach=False, fused=False)
    x, label = torch.tensor(X[0], dtype=torch.float32), torch.tensor(Y[0].argmax(axis=1))
    losses = []
    for rows in order[0]:
        losses.append(float(criterion(net(x), label).detach()))
        adam.zero_grad()
        criterion(net(x[rows]), label[rows]).backward()
        adam.step()
        with torch.no_grad():
            for layer, mask in zip(layers, keep, strict=True):
                layer.weight.mul_(mask)
    losses.append(float(criterion(net(x), label).detach()))
    assert ours.step.tolist() == [0, 10, 20, 30]
    np.testing.assert_allclose(ours.loss[0], np.array(losses)[ours.step], rtol=1e-4)
    for layer, w, b in zip(layers, ours.weights, ours.biases, strict=True):
        np.testing.assert_allclose(w[0].T, layer.weight.detach().numpy(), atol=1e-5)
        np.testing.assert_allclose(b[0], layer.bias.detach().numpy(), atol=1e-5)
    predicted = net(x).argmax(dim=1)
    right = weight_tickets.accuracy(X, Y, ours)
    assert right.tolist() == [pytest.approx(float((predicted == label).float().mean()))]


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_pruned_weights_stay_exactly_zero(steps: int) -> None:
    (X, Y), (weights, masks, order) = problem([0, 1, 2]), begin([0, 1, 2])
    copies = [w.copy() for w in weights]
    outcome = weight_tickets.train(X, Y, weights, masks, order, replace(SMALL, steps=steps))
    for w, start, mask, copy in zip(outcome.weights, weights, masks, copies, strict=True):
        assert (w[~mask] == 0).all()
        assert all((w[s] != start[s])[mask[s]].any() for s in range(3)), "survivors should move"
        np.testing.assert_array_equal(start, copy, err_msg="the initial weights were overwritten")
    assert all((b != 0).any() for b in outcome.biases)


def test_batched_equals_one_by_one() -> None:
    seeds = [0, 1, 2]
    (X, Y), (weights, masks, order) = problem(seeds), begin(seeds)
    together = weight_tickets.train(X, Y, weights, masks, order, SMALL)
    for s in range(len(seeds)):
        one = slice(s, s + 1)
        alone = weight_tickets.train(
            X[one], Y[one], [w[one] for w in weights], [m[one] for m in masks], order[one], SMALL
        )
        np.testing.assert_allclose(alone.loss[0], together.loss[s], rtol=1e-4)
        for a, b in zip(
            alone.weights + alone.biases, together.weights + together.biases, strict=True
        ):
            np.testing.assert_allclose(a[0], b[s], atol=1e-5)


def test_first_crossing() -> None:
    loss = np.array([[2.0, 0.5, 0.4, 0.6], [2.0, 1.9, 1.8, 0.51], [0.1, 2.0, 2.0, 2.0]])
    outcome = weight_tickets.Outcome([], [], np.array([0, 25, 50, 60]), loss)
    np.testing.assert_array_equal(weight_tickets.steps_to(outcome, 0.5), [25, np.nan, 0])


# --- Whole runs ----------------------------------------------------------------------------------


def arms(curves: pd.DataFrame) -> list[str]:
    """Arms in the order in which they were trained."""
    return curves[curves["seed"] == curves["seed"].iloc[0]]["arm"].tolist()


def test_what_each_arm_starts_from(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    curves = tables([0, 3])["curves"]
    by_arm: dict[str, list[Any]] = {arm: [] for arm in weight_tickets.ARMS}
    for arm, call in zip(arms(curves), spy.calls, strict=True):
        by_arm[arm].append(call)
        np.testing.assert_array_equal(call[2], spy.calls[0][2], err_msg="other batches")
    full, *winning = by_arm["winning"]
    for s, seed in enumerate([0, 3]):
        init = weight_tickets.glorot(stream("small", seed, "lenet init"), SIZES)
        for level, (weights, masks, _, _) in enumerate(winning, start=1):
            for w, mask, start, trained, before in zip(
                weights,
                masks,
                init,
                by_arm["winning"][level - 1][3].weights,
                by_arm["winning"][level - 1][1],
                strict=True,
            ):
                np.testing.assert_array_equal(w[s][mask[s]], start[mask[s]])  # rewound, bitwise
                gone = before[s] & ~mask[s]
                assert np.abs(trained[s][gone]).max() <= np.abs(trained[s][mask[s]]).min()
    assert all(mask.all() for mask in full[1])
    for i, level in enumerate(SMALL.control_rounds):
        weights, masks, _, _ = by_arm["winning"][level]
        new, same, _, _ = by_arm["reinitialised"][i]
        old, other, _, _ = by_arm["random_mask"][i]
        for w, mask, n, m, o, r in zip(weights, masks, new, same, old, other, strict=True):
            np.testing.assert_array_equal(mask, m)
            np.testing.assert_array_equal(w, o)
            assert (w != n).mean() > 0.99
            np.testing.assert_array_equal(mask.sum(axis=(1, 2)), r.sum(axis=(1, 2)))
            assert (mask != r).any(axis=(1, 2)).all()


def test_tables() -> None:
    result = tables([0, 1])
    curves, runs = result["curves"], result["runs"]
    assert curves.groupby("arm")["round"].unique().map(list).to_dict() == {
        "winning": [0, 1, 2, 3, 4],
        "reinitialised": [2, 4],
        "random_mask": [2, 4],
    }
    assert not curves.duplicated(["seed", "round", "arm"]).any()
    assert runs["seed"].tolist() == [0, 1]
    table = curves[curves["seed"] == 1].set_index(["arm", "round"])
    expected = 100 * np.mean(
        [
            table.loc[("winning", r), "test_accuracy"]
            - table.loc[("random_mask", r), "test_accuracy"]
            for r in (2, 4)
        ]
    )
    assert runs.loc[1, "winning_minus_random_mask"] == pytest.approx(expected)
    assert runs.loc[1, "accuracy_full"] == 100 * table.loc[("winning", 0), "test_accuracy"]


def curve(arm: str, level: int, steps: float, right: float = 0.9) -> dict[str, Any]:
    return {
        "seed": 0,
        "round": level,
        "remaining": 0.8**level,
        "arm": arm,
        "test_accuracy": right,
        "train_loss": 0.1,
        "steps_to_target": steps,
    }


def test_speed_gain_is_a_lower_bound_or_undefined() -> None:
    protocol = Protocol(steps=400, rounds=12, control_rounds=(1, 8, 10), sparse=(0.1, 0.2))
    rows = [
        curve("winning", 0, 50),
        curve("winning", 1, 50),
        curve("winning", 8, 100, 0.95),
        curve("winning", 9, np.nan, 0.0),  # no controls here
        curve("winning", 10, 100),
    ]
    for arm, level, steps in (("reinitialised", 1, 50), ("reinitialised", 8, 200)):
        rows += [curve(arm, level, steps), curve("random_mask", level, steps)]
    rows += [curve("reinitialised", 10, np.nan), curve("random_mask", 10, 100)]
    runs = weight_tickets.summary(pd.DataFrame(rows), protocol)
    assert runs.loc[0, "speed_gain_reinitialised"] == pytest.approx((0.5 + 0.75) / 2)
    assert runs.loc[0, "speed_gain_random_mask"] == pytest.approx((0.5 + 0.0) / 2)
    assert runs.loc[0, "speed_gain_full"] == pytest.approx(-1)
    assert runs.loc[0, "winning_minus_reinitialised"] == pytest.approx(2.5)
    rows[4]["steps_to_target"] = np.nan
    runs = weight_tickets.summary(pd.DataFrame(rows), protocol)
    assert np.isnan(runs.loc[0, "speed_gain_reinitialised"])


def test_deterministic_and_seed_zero_is_a_seed() -> None:
    first, again = tables([0, 1]), tables([0, 1])
    for name in first:
        pd.testing.assert_frame_equal(first[name], again[name], check_exact=True)
    alone = tables([0])["curves"]
    curves = first["curves"].drop(columns="seed")
    zero, one = (curves[first["curves"]["seed"] == s].reset_index(drop=True) for s in (0, 1))
    assert (zero["train_loss"] != one["train_loss"]).all()
    full = alone["round"] == 0
    np.testing.assert_allclose(zero["train_loss"][full], alone["train_loss"][full], rtol=1e-4)
    for purpose in ("lenet init", "lenet redraw"):
        a, b = (weight_tickets.glorot(stream("small", s, purpose), SIZES)[0] for s in (0, 1))
        assert (a != b).any()
    assert (
        weight_tickets.batches("small", 0, 40, SMALL)
        != weight_tickets.batches("small", 1, 40, SMALL)
    ).any()


def test_controls_of_a_round_do_not_depend_on_the_other_rounds() -> None:
    all_rounds = tables([0], replace(SMALL, control_rounds=(1, 2, 3, 4)))["curves"]
    some = tables([0])["curves"]
    both = some.merge(all_rounds, on=["seed", "round", "arm"], suffixes=("", "_all"))
    assert len(both) == len(some)
    np.testing.assert_array_equal(both["train_loss"], both["train_loss_all"])


def test_control_rounds_must_be_reached() -> None:
    for wrong in ((0,), (2, 5)):
        with pytest.raises(ValueError, match="control_rounds"):
            replace(SMALL, control_rounds=wrong)


def test_log() -> None:
    lines: list[str] = []
    X, Y = problem([0])
    weight_tickets.run("small", [0], X, Y, X, Y, SMALL, lines.append)
    assert len(lines) == SMALL.rounds + 1
    assert lines[0].startswith("round 0/4, 100.0% of weights")
