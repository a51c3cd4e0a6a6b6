"""Laws L1 to L6: closed forms against Monte Carlo and quadrature, lanes against the flow itself."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.special import ndtr
from sklearn.datasets import load_digits

from neuron_race.models.shallow import initialise
from neuron_race.theory import equations, laws, settling

Array = NDArray[np.float64]
HEADS = ("gaussian", "pytorch", "balanced")


def task(seed: int = 0, n: int = 60) -> tuple[Array, Array]:
    """Two classes of digits, centred and of unit size, with targets ±1, (n, 1)."""
    pixels, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(np.isin(labels, [0, 6])))[:n]
    X = pixels[chosen] - pixels[chosen].mean(axis=0)
    return X / np.sqrt((X**2).sum(axis=1).mean()), np.where(labels[chosen] == 0, 1.0, -1.0)[:, None]


def network(width: int, dim: int, head: str, seed: int = 0, alpha: float = 1e-4):  # type: ignore[no-untyped-def]
    return initialise("laws of the tests", seed, width, dim, 1, head, alpha)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dim", [20, 64, 784])
def test_shares_are_those_of_drawn_inits(head: str, dim: int) -> None:
    """Monte Carlo over inits: the score against a fixed direction, one lane, both signs."""
    rng = np.random.default_rng(1)
    W, A = rng.standard_normal((120_000, 1)), rng.standard_normal(120_000)
    rest = rng.chisquare(dim - 1, 120_000)
    width = 300
    if head == "pytorch":  # the sum of many uniform weights along a direction is nearly Gaussian
        score = ((2 * ndtr(A) - 1) / np.sqrt(width) + W[:, 0] / np.sqrt(3 * dim)) ** 2
    elif head == "balanced":
        score = (np.sqrt(W[:, 0] ** 2 + rest) + W[:, 0]) ** 2
    else:
        score = (A + W[:, 0]) ** 2
    ranked = np.sort(score)[::-1]
    for fraction in (0.2, 0.8):
        drawn = ranked[: int(fraction * len(ranked))].sum() / ranked.sum()
        closed = laws.share_kept(fraction, head, width, dim)  # type: ignore[arg-type]
        assert closed == pytest.approx(drawn, abs=6e-3)


def test_a_head_without_a_closed_form_is_refused() -> None:
    with pytest.raises(ValueError, match="'spread' has no closed form"):
        laws.share_kept(0.2, "spread", 300, 64)  # type: ignore[arg-type]


def test_closed_forms_are_the_known_numbers() -> None:
    assert laws.share_kept(0.2, "gaussian", 300, 64) == pytest.approx(0.6498, abs=1e-4)
    assert laws.pruned_share(0.2, "gaussian", 10, 7) == pytest.approx(0.1226, abs=1e-4)
    assert laws.pruned_share(0.2, "pytorch", 300, 784) == pytest.approx(0.171, abs=1e-3)
    assert laws.pruned_share(0.2, "balanced", 300, 64) == pytest.approx(0.500, abs=1e-3)
    assert laws.delay_ratios(0.2, "gaussian", 300, 64) == pytest.approx((0.268, 3.39), abs=5e-3)
    assert laws.delay_ratios(0.2, "balanced", 300, 64) == pytest.approx((0.76, 1.30), abs=5e-3)
    assert laws.start_in_doublings(512, 1e-3) - laws.start_in_doublings(128, 2e-3) == 0.0


@pytest.mark.parametrize(("axes", "width"), [(2, 6), (4, 10), (6, 40)])
def test_groups_are_occupied_basins(axes: int, width: int) -> None:
    """Monte Carlo: neurons fall into equal basins; count those that are hit."""
    basins = 2 * 2 ** (axes // 2)
    rng = np.random.default_rng(0)
    hit = [len(set(rng.integers(basins, size=width).tolist())) for _ in range(4000)]
    assert laws.occupied_groups(axes, width) == pytest.approx(np.mean(hit), rel=0.01)


@pytest.mark.parametrize("head", HEADS)
def test_lanes_grow_as_the_flow_at_frozen_residual(head: str) -> None:
    """Integrate E1 by an independent solver: late norm products are score * exp(2 rate t)/4."""
    X, y = task()
    W, A = network(40, X.shape[1], head)
    lanes = settling.settle(W, A, X, y)
    m, d = W.shape
    end = 12 / lanes.rate.max()

    def flow(_: float, state: Array) -> Array:
        w, a = state[: m * d].reshape(m, d), state[m * d :].reshape(m, 1)
        d_w, d_a = equations.neuron_velocity(w, a, X, y)
        return np.concatenate([d_w.ravel(), d_a.ravel()])

    state = solve_ivp(
        flow, (0, end), np.concatenate([W.ravel(), A.ravel()]), rtol=1e-6, atol=1e-12
    ).y[:, -1]
    w, a = state[: m * d].reshape(m, d), state[m * d :]
    c = np.linalg.norm(w, axis=1) * np.abs(a)
    alive = lanes.lane >= 0
    # Kinks cost some per cent of c, which has grown by a factor of e^20.
    wrong = np.log(lanes.score / 4)[alive] + 2 * lanes.rate[alive] * end - np.log(c[alive])
    assert np.abs(wrong).max() < 0.25 and np.abs(wrong).mean() < 0.06
    assert (np.sign(a) == lanes.head[:, 0])[alive].all()
    cosine = (lanes.direction * w).sum(axis=1) / np.linalg.norm(w, axis=1)
    assert np.quantile(cosine[alive], 0.2) > 0.99


def test_lanes_do_not_depend_on_the_scale_of_the_init_or_the_residual() -> None:
    X, y = task()
    W, A = network(30, X.shape[1], "gaussian")
    one, other = settling.settle(W, A, X, y), settling.settle(100 * W, 100 * A, X, y / 2)
    scaled = one.scaled(100.0, 0.5)
    for name in ("direction", "head", "rate", "score", "lane"):
        np.testing.assert_allclose(
            getattr(scaled, name), getattr(other, name), rtol=2e-5, atol=1e-7
        )


def test_a_race_is_gradient_descent_where_directions_are_fixed() -> None:
    """Orthogonal clusters, one sample each: every neuron sits on its target, by hand."""
    X, y = np.diag([2.0, 1.0]), np.array([[1.0], [-1.0]])
    W, A = 1e-3 * np.eye(2), 1e-3 * np.array([[1.0], [-1.0]])
    lanes = settling.settle(W, A, X, y)
    np.testing.assert_allclose(lanes.rate, [1.0, 0.5])  # |y_i| |x_i| / N
    np.testing.assert_allclose(lanes.score, [4e-6, 4e-6], rtol=1e-6)
    rate, c, losses = 0.1, np.array([1e-6, 1e-6]), []
    for _ in range(201):
        residual = np.array([1 - 2 * c[0], 1 - c[1]])
        losses.append((residual**2).mean() / 2)
        c = c * (1 + rate * residual * np.array([1.0, 0.5])) ** 2
    raced = laws.race(lanes, X, y, rate, 200)
    assert raced.drop_step == np.flatnonzero(np.array(losses) <= 0.9 * losses[0])[0]
    early = laws.race(lanes, X, y, rate, 200, loss_target=0.9)
    assert early.output.sum(axis=1)[0] > 0.1 and early.c[0] < raced.c[0]
    np.testing.assert_allclose(raced.c[0], 0.5, rtol=1e-3)
    alone = laws.race(lanes.only(np.array([True, False])), X, y, rate, 200)
    assert alone.c[1] == 0 and np.isfinite(alone.drop_step)


def test_losses_agree_before_the_drop_and_lost_shares_by_hand() -> None:
    X, y = task()
    W, A = network(50, X.shape[1], "gaussian")
    lanes = settling.settle(W, A, X, y)
    squared = laws.race(lanes, X, y, 0.1, 2000).drop_step
    logistic = laws.race(lanes.scaled(1.0, 0.5), X, y, 0.1, 4000, "logistic").drop_step
    assert logistic / 2 == pytest.approx(squared, rel=0.1)  # half of the residual, twice the time
    output = np.array([[0.6, 0.3], [-0.8, 0.0]])
    target = np.array([[1.0], [-1.0]])
    full, pruned = (0.1**2 + 0.2**2) / 4, (0.4**2 + 0.2**2) / 4
    lost = laws.lost_share(output, np.array([True, False]), target, "squared")
    assert lost == pytest.approx((pruned - full) / (0.5 - full))


def test_rates_are_means_by_norm_product() -> None:
    lanes = settling.Lanes(
        np.eye(2), np.ones((2, 1)), np.array([1.0, 0.5]), np.array([1.0, 3.0]), np.array([0, 1])
    )
    step, time = 0.2, 2.0
    rates = np.log1p(step * lanes.rate) / step
    weights = np.array([1.0, 3.0]) * np.exp(2 * rates * time)
    assert laws.rate_at(lanes, time, step) == pytest.approx((weights * rates).sum() / weights.sum())


def test_what_cannot_race_is_refused() -> None:
    X, y = task()
    W, A = network(5, X.shape[1], "gaussian")
    with pytest.raises(ValueError, match=r"heads \(5, 2\): \(5, 1\) expected"):
        settling.settle(W, np.hstack([A, A]), X, y)
    with pytest.raises(ValueError, match="nothing races"):
        settling.settle(W, A, X, 0 * y)
