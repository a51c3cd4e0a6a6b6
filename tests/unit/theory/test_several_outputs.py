"""Laws for several outputs: neurons along singular pairs, softmax, equally strong pairs."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from sklearn.datasets import load_digits

from neuron_race.common import ranks
from neuron_race.models.shallow import initialise
from neuron_race.theory import equations, laws, settling

Array = NDArray[np.float64]


def task(classes: int, n: int = 80) -> tuple[Array, Array]:
    """Classes of digits, centred and of unit size, with one-hot targets."""
    pixels, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(labels < classes))[:n]
    X = pixels[chosen] - pixels[chosen].mean(axis=0)
    return X / np.sqrt((X**2).sum(axis=1).mean()), np.eye(classes)[labels[chosen]]


def frozen(W: Array, A: Array, X: Array, R: Array, gates: Array, end: float):  # type: ignore[no-untyped-def]
    """Integrate E1 at frozen gates by an independent solver."""
    m, d = W.shape

    def velocity(_: float, state: Array) -> Array:
        w, a = state[: m * d].reshape(m, d), state[m * d :].reshape(A.shape)
        moved = equations.neuron_velocity(w, a, X, R, gates)
        return np.concatenate([part.ravel() for part in moved])

    begin = np.concatenate([W.ravel(), A.ravel()])
    state = solve_ivp(velocity, (0, end), begin, t_eval=[end], rtol=1e-8, atol=1e-9).y[:, -1]
    return state[: m * d].reshape(m, d), state[m * d :].reshape(A.shape)


@pytest.mark.parametrize(("dim", "outputs"), [(6, 3), (2, 4)])
def test_motion_along_all_singular_pairs_is_that_of_frozen_gates(dim: int, outputs: int) -> None:
    """Also where some pairs do not exist: more outputs than inputs, and a dead neuron."""
    rng = np.random.default_rng(0)
    X, R = rng.standard_normal((30, dim)), rng.standard_normal((30, outputs))
    W, A = rng.standard_normal((5, dim)), rng.standard_normal((5, outputs))
    gates = (X @ W.T > 0).astype(float)
    gates[:, 4] = 0.0
    C = equations.gated_residual_correlation(W, X, R, gates)
    w, a = settling.race_law_outputs(W, A, C, 3.0)
    w_flow, a_flow = frozen(W, A, X, R, gates, 3.0)
    np.testing.assert_allclose(w, w_flow, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(a, a_flow, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="does not fit"):
        settling.race_law_outputs(W, A, C[:, :1], 3.0)


def test_neurons_are_followed_until_the_drop_and_no_further() -> None:
    """Equal pairs: where neurons are at the drop depends on the scale of the init."""
    X, Y = task(6)
    R = equations.residual(0 * Y, Y, "logistic")
    W, A = initialise("several outputs", 0, 30, X.shape[1], 6, "gaussian", 1.0)
    refreshes = settling.turning(1e-2)
    lanes, late = settling.settle(W, A, X, R, refreshes), settling.settle(W, A, X, R, 150)
    end = (1 - np.log(1e-2) + 1) / lanes.rate.max()
    w, a, steps = W, A, 3000
    for _ in range(steps):  # gates move, and neurons slide along kinks: small plain steps
        d_w, d_a = equations.neuron_velocity(w, a, X, R)
        w, a = w + end / steps * d_w, a + end / steps * d_a
    c = np.linalg.norm(w, axis=1) * np.linalg.norm(a, axis=1)
    alive = (lanes.lane >= 0) & (c > 0.01 * c.max())
    assert alive.sum() > 10
    heads = a / np.linalg.norm(a, axis=1)[:, None]
    found, limit = ((own.head * heads).sum(axis=1)[alive] for own in (lanes, late))
    assert np.median(found) > 0.99 > 0.9 > limit.min()
    wrong = np.log(lanes.score / 4)[alive] + 2 * lanes.rate[alive] * end - np.log(c[alive])
    assert np.abs(wrong).max() < 0.6 and np.abs(wrong).mean() < 0.15


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_a_race_of_three_classes_is_gradient_descent_where_directions_are_fixed(
    loss: equations.Loss,
) -> None:
    """A sample of each class on an axis of its own: neurons sit on their targets, by hand."""
    X, Y = np.diag([3.0, 2.0, 1.0]), np.eye(3)
    R = equations.residual(np.zeros((3, 3)), Y, loss)
    heads = R / np.linalg.norm(R, axis=1)[:, None]
    lanes = settling.settle(1e-3 * np.eye(3), 1e-3 * heads, X, R)
    sizes = np.diag(X) / 3
    np.testing.assert_allclose(lanes.rate, np.linalg.norm(R, axis=1) * sizes)
    rate, c, losses = 0.1, np.full(3, 1e-6), []
    for _ in range(301):
        F = (c * np.diag(X))[:, None] * heads
        losses.append(equations.loss_value(F, Y, loss))
        pull = (equations.residual(F, Y, loss) * heads).sum(axis=1) * sizes
        c = c * (1 + rate * pull) ** 2
    raced = laws.race(lanes, X, Y, rate, 300, loss)
    assert raced.drop_step == np.flatnonzero(np.array(losses) <= 0.9 * losses[0])[0]
    np.testing.assert_allclose(raced.output.sum(axis=1).reshape(3, 3).T.diagonal(), F.diagonal())
    kept = np.array([True, True, False])
    pruned = equations.loss_value(F * np.array([[1.0], [1.0], [0.0]]), Y, loss)
    lost = (pruned - losses[-1]) / (losses[0] - losses[-1])
    assert laws.lost_share(raced.output, kept, Y, loss) == pytest.approx(lost, rel=1e-5)


@pytest.mark.parametrize(
    ("outputs", "pairs", "lost", "of_head"),
    [(3, 1, 0.123, 0.82), (3, 2, 0.229, 0.93), (10, 1, 0.123, 0.66), (10, 9, 0.428, 0.92)],
)
def test_shares_along_equal_pairs_are_those_of_drawn_inits(
    outputs: int, pairs: int, lost: float, of_head: float
) -> None:
    """The numbers of the notes: pruning costs more, and the head's size tells less of winners."""
    rng = np.random.default_rng(1)
    A = rng.standard_normal((200_000, outputs)) / np.sqrt(outputs)
    score = ((A[:, :pairs] + rng.standard_normal((len(A), pairs)) / 8) ** 2).sum(axis=1)
    won = score >= np.quantile(score, 0.8)
    closed = laws.share_kept(0.2, "gaussian", 300, 64, pairs)
    assert closed == pytest.approx(score[won].sum() / score.sum(), abs=4e-3)
    assert laws.pruned_share(0.2, "gaussian", 300, 64, pairs) == pytest.approx(lost, abs=1e-3)
    assert ranks.auroc(won, np.linalg.norm(A, axis=1)) == pytest.approx(of_head, abs=6e-3)


def test_heads_without_a_closed_form_for_several_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="'balanced' has no closed form for 2 pairs"):
        laws.share_kept(0.2, "balanced", 300, 64, 2)
    assert not laws.has_closed_form("balanced", 3) and laws.has_closed_form("balanced", 1)


def test_delays_along_equal_pairs_are_less_unequal() -> None:
    assert laws.delay_ratios(0.2, "gaussian", 9, 9, 9) == pytest.approx((0.66, 1.51), abs=5e-3)
