"""Exactly known cases of two-layer ReLU training, reproduced by gradient descent on `flow`.

Oracle (ii): orthogonal inputs (Boursier et al. 2022). Oracle (iii): symmetric data (Zhang, Saxe,
Latham 2024). Oracle (iv): the three-point counterexample (Boursier & Flammarion 2024). Oracle (i),
fixed gates and constant residual, is E5 itself and is tested in `test_flow.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuron_race.theory import equations

Array = NDArray[np.float64]


def descend(W: Array, A: Array, X: Array, Y: Array, step: float, steps: int) -> tuple[Array, Array]:
    """Plain full-batch gradient descent on the squared loss."""
    for _ in range(steps):
        d_w, d_a = equations.flow_field(W, A, X, Y)
        W, A = W + step * d_w, A + step * d_a
    return W, A


def balanced_init(seed: int, m: int, d: int, alpha: float) -> tuple[Array, Array]:
    """W = alpha * Gaussian (m, d) and scalar heads (m,) of random sign with |a_j| = |w_j|.

    The same seed gives the same network at every alpha, up to the scale.
    """
    rng = np.random.default_rng(seed)
    W = alpha * rng.standard_normal((m, d))
    return W, rng.choice([-1.0, 1.0], size=m) * np.linalg.norm(W, axis=1)


def network_loss(W: Array, A: Array, X: Array, Y: Array) -> float:
    """Squared loss, computed here and not by `flow`."""
    return float(0.5 * np.mean((Y - np.maximum(X @ W.T, 0) @ A) ** 2))


# --- (ii) Orthogonal inputs ---------------------------------------------------------------------


def orthogonal_task() -> tuple[Array, Array]:
    """Five orthogonal inputs of unequal norm in six dimensions, labels of both signs."""
    rotation, _ = np.linalg.qr(np.random.default_rng(100).standard_normal((6, 6)))
    return rotation[:5] * np.array([[1.0], [1.5], [0.8], [1.2], [0.9]]), np.array(
        [1.0, 0.7, -0.8, 1.2, -1.1]
    )


def interpolators(X: Array, Y: Array) -> dict[float, Array]:
    """Minimum-norm interpolator of |y| on the half of the data with each label sign."""
    halves = {s: Y * s > 0 for s in (1.0, -1.0)}
    return {s: np.asarray(np.linalg.pinv(X[h]) @ np.abs(Y[h])) for s, h in halves.items()}


def shares_outside(W: Array, A: Array, X: Array, Y: Array) -> dict[float, float]:
    """Per head sign: share of the norm products not along the half's interpolator."""
    outside = {}
    for s, u in interpolators(X, Y).items():
        w, c = W[A * s > 0], np.abs(A[A * s > 0]) * np.linalg.norm(W[A * s > 0], axis=1)
        cosine = w @ u / (np.linalg.norm(w, axis=1) * np.linalg.norm(u))
        outside[s] = float(np.sum(c[cosine < 0.999]) / np.sum(c))
    return outside


def fully_active(W: Array, A: Array, X: Array, Y: Array) -> dict[float, int]:
    """Per sign: neurons with that head sign that are active on every input of that label sign."""
    return {
        s: int(np.sum((A * s > 0) & np.all(X[Y * s > 0] @ W.T > 0, axis=0))) for s in (1.0, -1.0)
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_orthogonal_inputs_leave_one_min_norm_neuron_per_label_sign(seed: int) -> None:
    X, Y = orthogonal_task()
    W, A = balanced_init(seed, 80, 6, 1e-12)
    assert min(fully_active(W, A, X, Y).values()) > 0, "the premise of the theorem"
    W, A = descend(W, A, X, Y, step=0.2, steps=3000)
    assert network_loss(W, A, X, Y) < 1e-20
    outside = shares_outside(W, A, X, Y)
    assert max(outside.values()) < 0.01
    # One merged neuron per sign: summing each side's c-weighted directions gives the interpolator,
    # and the two of them are the function everywhere, not only on the data.
    probes = np.random.default_rng(seed).standard_normal((300, 6))
    limit = np.zeros(300)
    for s, u in interpolators(X, Y).items():
        side = A * s > 0
        np.testing.assert_allclose(np.abs(A[side]) @ W[side], u, atol=1e-8)
        limit += s * np.maximum(probes @ u, 0)
    trained = np.maximum(probes @ W.T, 0) @ A
    assert np.abs(trained - limit).max() < 5e-3 * np.abs(limit).max()


def test_orthogonal_inputs_need_a_neuron_that_is_active_on_its_whole_half() -> None:
    # Inactive points never wake up, as no other input pulls towards them. In this draw none of the
    # 41 positive heads sees all three positive points: several neurons must share the half.
    X, Y = orthogonal_task()
    W, A = balanced_init(0, 80, 6, 1e-12)
    present = fully_active(W, A, X, Y)
    assert present[1.0] == 0
    assert present[-1.0] > 0
    W, A = descend(W, A, X, Y, step=0.2, steps=3000)
    assert network_loss(W, A, X, Y) < 1e-20
    outside = shares_outside(W, A, X, Y)
    assert outside[1.0] > 0.99
    assert outside[-1.0] < 0.01


def test_orthogonal_inputs_do_not_merge_from_a_large_init() -> None:
    X, Y = orthogonal_task()
    W, A = descend(*balanced_init(0, 80, 6, 0.1), X, Y, step=0.02, steps=20000)
    assert network_loss(W, A, X, Y) < 1e-12
    assert min(shares_outside(W, A, X, Y).values()) > 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_orthogonal_inputs_slower_lanes_vanish_at_the_predicted_power_of_alpha(seed: int) -> None:
    # A lane is a set of active points of the neuron's own sign, with rate |(y_i |x_i|)_i| / N:
    # all of them, and next best all but the weakest. Its share is alpha^(2 (1 - rate2 / rate1)).
    X, Y = orthogonal_task()
    step, scales = 0.2, (1e-8, 1e-12)
    outside = [
        shares_outside(*descend(*balanced_init(seed, 80, 6, s), X, Y, step, 3000), X, Y)
        for s in scales
    ]
    for s in (1.0, -1.0):
        pulls = np.sort((np.abs(Y) * np.linalg.norm(X, axis=1))[Y * s > 0]) / len(X)
        best, second = (
            equations.effective_rate(float(np.linalg.norm(p)), step) for p in (pulls, pulls[1:])
        )
        measured = np.log(outside[0][s] / outside[1][s]) / np.log(scales[0] / scales[1])
        assert measured == pytest.approx(2 * (1 - second / best), rel=0.1)


# --- (iii) Symmetric data -----------------------------------------------------------------------


def symmetric_task(kind: str) -> tuple[Array, Array]:
    """Twelve inputs x with their mirror images -x, and a target that is odd unless told."""
    half = np.random.default_rng(200).standard_normal((12, 4))
    X, direction = np.concatenate([half, -half]), np.array([1.0, -0.5, 0.3, 0.2])
    linear = X @ direction
    return X, {"linear": linear, "cubic": 0.3 * linear**3, "even": np.abs(linear)}[kind]


def mirrored_init(seed: int, pairs: int, d: int, alpha: float) -> tuple[Array, Array]:
    """Neurons in mirrored pairs (w, a) and (-w, -a): the initial function is odd, even linear."""
    rng = np.random.default_rng(seed)
    W, A = alpha * rng.standard_normal((pairs, d)), alpha * rng.standard_normal(pairs)
    return np.concatenate([W, -W]), np.concatenate([A, -A])


def relu_against_linear(kind: str, steps: int, every: int) -> tuple[float, float]:
    """Largest relative gap |W_relu(t) - sqrt(2) W_linear(t/2)| at sampled times; growth of W.

    The linear network f = sum_j b_j v_j . x starts at (W, A)/sqrt(2) and takes half the step.
    """
    X, Y = symmetric_task(kind)
    W, A = mirrored_init(0, 8, X.shape[1], 1e-3)
    V, B, step, gaps = W / np.sqrt(2), A / np.sqrt(2), 0.05, []
    for n in range(steps):
        correlation = (Y - X @ V.T @ B) @ X / len(X)
        V, B = V + 0.5 * step * np.outer(B, correlation), B + 0.5 * step * V @ correlation
        W, A = descend(W, A, X, Y, step, 1)
        if n % every == 0:
            gap_w, gap_a = np.abs(W - np.sqrt(2) * V), np.abs(A - np.sqrt(2) * B)
            gaps.append(max(gap_w.max() / np.abs(W).max(), gap_a.max() / np.abs(A).max()))
    return max(gaps), float(np.abs(W).max() / 1e-3)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_symmetric_data_give_linear_network_dynamics_at_half_speed(kind: str) -> None:
    gap, growth = relu_against_linear(kind, steps=4000, every=50)
    assert gap < 1e-8
    assert growth > 100, "the comparison should reach beyond the plateau"


def test_symmetric_data_with_an_even_target_do_not() -> None:
    gap, _ = relu_against_linear("even", steps=4000, every=50)
    assert gap > 0.1


def test_symmetric_data_train_to_least_squares_even_without_mirrored_weights() -> None:
    # The even part of the network only adds to the loss, so the best it can do is linear, and a
    # cubic target is left unfitted.
    X, Y = symmetric_task("cubic")
    W, A = descend(*balanced_init(3, 16, X.shape[1], 1e-3), X, Y, step=0.05, steps=20000)
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    floor = float(0.5 * np.mean((Y - X @ best) ** 2))
    assert floor > 1e-2
    assert network_loss(W, A, X, Y) == pytest.approx(floor, rel=1e-6)
    np.testing.assert_allclose(np.maximum(X @ W.T, 0) @ A, X @ best, atol=1e-4)


def test_symmetric_data_give_every_neuron_the_same_pull_and_e5_on_the_plateau() -> None:
    # D = (1/2N) sum y x whatever the gates, so one closed form predicts every neuron.
    X, Y = symmetric_task("linear")
    W, A = balanced_init(4, 30, X.shape[1], 1e-7)
    D = 0.5 * Y @ X / len(X)
    step, steps = 1e-3, 10000
    trained_w, trained_a = descend(W, A, X, Y, step, steps)
    law_w, law_a = equations.race_law_unbalanced(W, A, D, step * steps)
    scale = np.abs(law_a).max()
    assert scale > 30 * np.abs(W).max()
    # The tolerance is the step's: exp(speed t) against (1 + speed step)^steps.
    tolerance = 0.55 * float(D @ D) * step**2 * steps
    np.testing.assert_allclose(trained_w, law_w, atol=tolerance * scale)
    np.testing.assert_allclose(trained_a, law_a, atol=tolerance * scale)
    assert tolerance < 0.01


# --- (iv) Three points --------------------------------------------------------------------------

THREE_X = np.array([[-0.75, 1.0], [-0.5, 1.0], [0.125, 1.0]])  # second column: constant bias
THREE_Y = np.array([1.1, 0.1, 0.8])


@pytest.mark.parametrize("seed", range(3))
def test_three_points_end_in_a_spurious_stationary_point_from_a_small_init(seed: int) -> None:
    W, A = descend(*balanced_init(seed, 60, 2, 1e-3), THREE_X, THREE_Y, step=0.1, steps=10000)
    d_w, d_a = equations.flow_field(W, A, THREE_X, THREE_Y)
    assert max(np.abs(d_w).max(), np.abs(d_a).max()) < 1e-12
    # It is the straight line of least squares: one aligned group, active on all three points.
    line = np.linalg.lstsq(THREE_X, THREE_Y, rcond=None)[0]
    floor = float(0.5 * np.mean((THREE_Y - THREE_X @ line) ** 2))
    assert network_loss(W, A, THREE_X, THREE_Y) == pytest.approx(floor, rel=1e-9)
    assert floor == pytest.approx(0.0875, abs=1e-4)
    # The principles hold all the same: what has grown points one way.
    c = np.abs(A) * np.linalg.norm(W, axis=1)
    grown = W[c > 1e-3 * c.max()] / np.linalg.norm(W[c > 1e-3 * c.max()], axis=1)[:, None]
    assert len(grown) > 10
    assert np.min(grown @ grown.T) > 0.99


def test_three_points_have_a_zero_loss_network_so_the_stationary_point_is_spurious() -> None:
    W = np.array([[0.0, 0.1], [-1.0, -0.5], [1.0, 0.5]])
    A = np.array([1.0, 4.0, 1.12])
    assert network_loss(W, A, THREE_X, THREE_Y) < 1e-30


@pytest.mark.parametrize("seed", range(3))
def test_three_points_are_fitted_from_a_larger_init(seed: int) -> None:
    W, A = descend(*balanced_init(seed, 60, 2, 0.1), THREE_X, THREE_Y, step=0.1, steps=10000)
    assert network_loss(W, A, THREE_X, THREE_Y) < 1e-10


def test_three_points_trap_depends_on_the_init_of_the_head() -> None:
    # At one and the same scale a balanced head is trapped in every draw. A Gaussian head leaves
    # some neurons with |a| << |w|, which turn slowly (E3) and are not yet aligned at the drop.
    trapped = {"balanced": 0, "gaussian": 0}
    for seed in range(5):
        W, balanced = balanced_init(seed, 60, 2, 1e-2)
        gaussian = 1e-2 * np.random.default_rng(1000 + seed).standard_normal(60)
        for head, start in (("balanced", balanced), ("gaussian", gaussian)):
            end = descend(W, start, THREE_X, THREE_Y, step=0.1, steps=8000)
            trapped[head] += network_loss(*end, THREE_X, THREE_Y) > 0.05
    assert trapped["balanced"] == 5
    assert trapped["gaussian"] <= 2
