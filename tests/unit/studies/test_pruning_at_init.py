"""Scores of tickets on networks small enough to compute by hand."""

import numpy as np
import pytest
import torch

from neuron_race.measures.layers import Parameters
from neuron_race.models import deep
from neuron_race.models.units import Units
from neuron_race.studies.trained import pruning_at_init as tickets
from neuron_race.training import any_model

UNITS = [Units("hidden.0", "head")]


def by_hand() -> tuple[deep.Perceptron, Parameters, torch.Tensor, torch.Tensor]:
    """f(x) = 2 relu(w x) - relu(v x) with w = 1, v = 3, at the one sample x = 1, y = 0.

    f = 2 - 3 = -1, L = f²/2, and with f's derivatives (w: 2, v: -1, a: 1, b: 3) the gradient is
    f times these: (-2, 1, -1, -3).
    """
    model = deep.Perceptron(1, 1, 2, 1)
    parameters = {
        "hidden.0.weight": torch.tensor([[1.0], [3.0]], dtype=torch.float64),
        "head.weight": torch.tensor([[2.0, -1.0]], dtype=torch.float64),
    }
    one = torch.ones(1, 1, dtype=torch.float64)
    return model, parameters, one, 0 * one


def neurons(scores: Parameters) -> list[float]:
    return tickets.by_neuron(scores, UNITS)[0].tolist()


def test_magnitude() -> None:
    _, parameters, _, _ = by_hand()
    assert neurons(tickets.magnitude(parameters)) == [3.0, 4.0]


def test_snip() -> None:
    """|theta g|: |1 · -2|, |3 · 1|; |2 · -1|, |-1 · -3|."""
    model, parameters, X, Y = by_hand()
    scores = tickets.snip(model, parameters, X, Y, "squared")
    assert scores["hidden.0.weight"].flatten().tolist() == [2.0, 3.0]
    assert scores["head.weight"].flatten().tolist() == [2.0, 3.0]
    assert neurons(scores) == [4.0, 6.0]


def test_grasp() -> None:
    """H = J J^T + f f'' with J = (2, -1, 1, 3) in the order w, v, a, b, and f'' = 1 at wa and vb.

    J . g = f |J|² = -15. H g = -15 J + f (g_a, g_b, g_w, g_v) = (-30, 15, -15, -45) + (1, 3, 2, -1)
    = (-29, 18, -13, -46); times theta = (1, 3, 2, -1): (-29, 54, -26, 46).
    """
    model, parameters, X, Y = by_hand()
    scores = tickets.grasp(model, parameters, X, Y, "squared")
    assert scores["hidden.0.weight"].flatten().tolist() == [-29.0, 54.0]
    assert scores["head.weight"].flatten().tolist() == [-26.0, 46.0]
    assert neurons(scores) == [-55.0, 100.0]


def test_grasp_is_the_change_of_the_gradient_flow() -> None:
    """Shrinking a weight by a fraction e changes |g|² by -2 e theta H g to first order."""
    model, parameters, X, Y = by_hand()

    def flow(weights: Parameters) -> float:
        stacked = {n: v[None] for n, v in weights.items()}
        _, _, slopes = any_model.gradients(model, "squared")(stacked, X[None], Y[None])
        return float(sum(v.square().sum() for v in slopes.values()))

    scores = tickets.grasp(model, parameters, X, Y, "squared")
    changed = {n: v.clone() for n, v in parameters.items()}
    changed["hidden.0.weight"][1] *= 1 - 1e-6
    change = (flow(changed) - flow(parameters)) / 1e-6
    assert change == pytest.approx(-2 * float(scores["hidden.0.weight"][1]), rel=1e-4)


def test_synflow() -> None:
    """R = sum |w| |a| = 1 · 2 + 3 · 1; every weight of a neuron scores its product."""
    model, parameters, X, _ = by_hand()
    scores = tickets.synflow(model, parameters, -5 * X)  # data do not enter
    assert scores["hidden.0.weight"].flatten().tolist() == [2.0, 3.0]
    assert neurons(scores) == [4.0, 6.0]


def test_synflow_conserves_its_score_over_layers() -> None:
    model = deep.Perceptron(3, 2, 4, 2)
    parameters = any_model.one(deep.initial(model, "test", [0], 1.0), 0)
    scores = tickets.synflow(model, parameters, torch.zeros(1, 3, dtype=torch.float64))
    totals = [float(v.sum()) for v in scores.values()]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-12)


def test_keep_over_all_layers_or_in_each() -> None:
    scores = [np.array([5.0, 4.0, 3.0, 2.5]), np.array([1.0, 2.0, 0.0, -1.0])]
    everywhere = tickets.keep(scores, 0.5, stratified=False)
    assert [m.tolist() for m in everywhere] == [
        [True, True, True, False],
        [False, True] + [False] * 2,
    ]
    each = tickets.keep(scores, 0.5, stratified=True)
    assert [m.tolist() for m in each] == [[True, True, False, False]] * 2


def test_lanes_take_turns() -> None:
    scores = [np.array([9.0, 8.0, 7.0, 2.0, 1.0, 10.0]), np.array([4.0, 3.0])]
    lanes = [np.array([0, 0, 0, 1, 1, -1]), np.array([0, 1])]
    own = tickets.one_per_lane(scores, lanes)
    order = np.argsort(-np.concatenate(own)).tolist()
    # First of each lane, over both layers by score: 9, 4, 3, 2; then the seconds: 8, 1; ...
    assert order == [0, 6, 7, 3, 1, 4, 2, 5]
    assert [m.sum() for m in tickets.keep(own, 0.5, False)] == [2, 2]
    assert tickets.keep(own, 0.5, True)[0].tolist() == [True, True, False, True, False, False]


def test_silenced_units_stay_silent_and_narrow_is_the_same_network() -> None:
    model = deep.Perceptron(3, 1, 5, 2)
    rng = np.random.default_rng(0)
    X, Y = (torch.as_tensor(rng.standard_normal((1, 8, n))) for n in (3, 1))
    own = any_model.one(deep.initial(model, "test", [0], 1.5), 0)
    masks = [np.array([1, 0, 1, 0, 1], dtype=bool), np.array([0, 1, 0, 0, 1], dtype=bool)]
    silent = {n: v[None] for n, v in tickets.silence(own, model.units, masks).items()}
    plan = any_model.Plan(learning_rate=0.1, max_steps=10)
    wide = any_model.train(model, silent, X, Y, plan)
    assert not wide.end["hidden.0.weight"][0][~torch.as_tensor(masks[0])].any()
    assert not wide.end["hidden.1.weight"][0][:, ~torch.as_tensor(masks[0])].any()
    small = deep.Perceptron(3, 1, 3, 2)
    narrow = {n: v[None] for n, v in tickets.narrow(own, model.units, masks, 3).items()}
    np.testing.assert_allclose(
        any_model.train(small, narrow, X, Y, plan).loss, wide.loss, rtol=1e-12
    )


def test_synflow_masks_keep_what_was_asked() -> None:
    model = deep.Perceptron(3, 1, 10, 2)
    own = any_model.one(deep.initial(model, "test", [0], 1.0), 0)
    X = torch.zeros(1, 3, dtype=torch.float64)
    for stratified in (False, True):
        masks = tickets.synflow_masks(model, own, X, 0.3, stratified)
        assert sum(int(m.sum()) for m in masks) == 6
        assert all(m.any() for m in masks)
