"""Equations E1-E9: `neuron_race.theory.equations` and `.removal`, each against an independent
computation.

The references are torch autograd, finite differences, explicit loops and SciPy's `solve_ivp` on
equations written out here, so that an error in `flow` cannot hide in its own test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from neuron_race.theory import equations, removal

Array = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


def random_network(
    seed: int, m: int = 6, d: int = 3, k: int = 1, n: int = 8
) -> tuple[Array, Array, Array, Array]:
    """Gaussian W (m, d), A (m, k), X (n, d) and R (n, k)."""
    rng = np.random.default_rng(seed)
    shapes = [(m, d), (m, k), (n, d), (n, k)]
    W, A, X, R = (rng.standard_normal(shape) for shape in shapes)
    return W, A, X, R


def targets_for(loss: str, k: int, n: int, seed: int) -> Array:
    """Targets (n, k) that the loss accepts."""
    rng = np.random.default_rng(seed)
    if loss == "squared":
        return rng.standard_normal((n, k))
    if k == 1:
        return rng.choice([-1.0, 1.0], size=(n, 1))
    return np.eye(k)[rng.integers(k, size=n)]


def autograd(W: Array, A: Array, X: Array, Y: Array, loss: str) -> tuple[float, Array, Array]:
    """Loss and its gradients by torch, with torch's own losses."""
    w, a = (torch.tensor(v, requires_grad=True) for v in (W, A))
    x, y = torch.tensor(X), torch.tensor(Y)
    f = torch.relu(x @ w.T) @ a
    if loss == "squared":
        value = 0.5 * ((y - f) ** 2).sum(dim=1).mean()
    elif Y.shape[1] == 1:
        value = torch.nn.functional.soft_margin_loss(f, y)
    else:
        value = torch.nn.functional.cross_entropy(f, y.argmax(dim=1))
    value.backward()
    assert w.grad is not None
    assert a.grad is not None
    return float(value.detach()), w.grad.numpy(), a.grad.numpy()


def constant_d_solution(w0: Array, a0: float, D: Array, t: Array) -> tuple[Array, Array]:
    """Solve w' = a D, a' = D . w numerically; w (T, d) and a (T,) at the times t."""

    def rhs(_: float, z: Array) -> Array:
        return np.append(z[-1] * D, D @ z[:-1])

    z = solve_ivp(
        rhs, (0.0, t[-1]), np.append(w0, a0), t_eval=t, rtol=1e-11, atol=1e-13, method="DOP853"
    ).y
    return z[:-1].T, z[-1]


def balanced_head(W: Array, seed: int) -> Array:
    """Scalar heads (m,) of random sign with |a_j| = |w_j|."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=len(W))
    return signs * np.linalg.norm(W, axis=1)


# --- E1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
def test_e1_correlation_equals_its_definition_by_loops(k: int) -> None:
    W, A, X, R = random_network(0, k=k)
    C = np.zeros((len(W), k, X.shape[1]))
    for j, w in enumerate(W):
        for x, r in zip(X, R, strict=True):
            if w @ x > 0:
                C[j] += np.outer(r, x) / len(X)
    np.testing.assert_allclose(equations.gated_residual_correlation(W, X, R), C, atol=1e-14)
    d_w, d_a = equations.neuron_velocity(W, A, X, R)
    for j in range(len(W)):
        np.testing.assert_allclose(d_w[j], C[j].T @ A[j], atol=1e-14)
        np.testing.assert_allclose(d_a[j], C[j] @ W[j], atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "k"), [("squared", 1), ("squared", 3), ("logistic", 1), ("logistic", 3)]
)
def test_e1_flow_field_is_minus_the_autograd_gradient(loss: equations.Loss, k: int) -> None:
    W, A, X, _ = random_network(1, k=k)
    Y = targets_for(loss, k, len(X), seed=2)
    value, grad_w, grad_a = autograd(W, A, X, Y, loss)
    d_w, d_a = equations.flow_field(W, A, X, Y, loss)
    np.testing.assert_allclose(d_w, -grad_w, atol=1e-13)
    np.testing.assert_allclose(d_a, -grad_a, atol=1e-13)
    assert np.linalg.norm(grad_w) > 1e-2
    assert equations.loss_value(equations.network_output(W, A, X), Y, loss) == pytest.approx(
        value, abs=1e-13
    )


def test_e1_scalar_head_may_be_a_vector() -> None:
    W, A, X, R = random_network(3)
    d_w, d_a = equations.neuron_velocity(W, A, X, R)
    d_w_flat, d_a_flat = equations.neuron_velocity(W, A[:, 0], X, R[:, 0])
    np.testing.assert_array_equal(d_w, d_w_flat)
    np.testing.assert_array_equal(d_a[:, 0], d_a_flat)


def test_e1_frozen_gates_replace_the_networks_own() -> None:
    W, A, X, R = random_network(4)
    everything = np.ones((len(X), len(W)))
    C = equations.gated_residual_correlation(W, X, R, gates=everything)
    np.testing.assert_allclose(C, np.broadcast_to(R.T @ X / len(X), C.shape), atol=1e-14)
    linear = equations.network_output(W, A, X, gates=everything)
    np.testing.assert_allclose(linear, X @ W.T @ A, atol=1e-13)


def test_e1_losses_survive_extreme_outputs() -> None:
    F = np.array([[800.0], [-800.0]])
    Y = np.array([1.0, 1.0])
    np.testing.assert_allclose(equations.residual(F, Y, "logistic"), [[0.0], [1.0]], atol=1e-12)
    assert equations.loss_value(F, Y, "logistic") == pytest.approx(400.0)
    scores, one_hot = np.array([[900.0, -900.0]]), np.array([[0.0, 1.0]])
    np.testing.assert_allclose(equations.residual(scores, one_hot, "logistic"), [[-1.0, 1.0]])
    assert equations.loss_value(scores, one_hot, "logistic") == pytest.approx(1800.0)


# --- E2 -----------------------------------------------------------------------------------------


def test_e2_is_conserved_along_the_flow_while_the_weights_move() -> None:
    W, A, X, _ = random_network(5, m=4, k=2)
    Y = targets_for("squared", 2, len(X), seed=6)

    def rhs(_: float, z: Array) -> Array:
        w, a = z[: W.size].reshape(W.shape), z[W.size :].reshape(A.shape)
        _, grad_w, grad_a = autograd(w, a, X, Y, "squared")
        return -np.concatenate([grad_w.ravel(), grad_a.ravel()])

    start = np.concatenate([W.ravel(), A.ravel()])
    end = solve_ivp(rhs, (0.0, 1.0), start, rtol=1e-7, atol=1e-9).y[:, -1]
    w, a = end[: W.size].reshape(W.shape), end[W.size :].reshape(A.shape)
    assert np.all(np.abs(np.sum(w**2 - W**2, axis=1)) > 1e-2)
    np.testing.assert_allclose(
        equations.conserved_quantity(w, a), np.sum(A**2, axis=1) - np.sum(W**2, axis=1), atol=1e-6
    )


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rate=st.floats(0.01, 2.0), k=st.sampled_from([1, 3]), batch=st.integers(1, 8))
def test_e2_drift_of_one_gradient_step_is_exact(seed: int, rate: float, k: int, batch: int) -> None:
    # `batch` samples of 8: the identity holds for mini-batches too.
    W, A, X, _ = random_network(seed, k=k)
    Y = targets_for("squared", k, len(X), seed)
    _, grad_w, grad_a = autograd(W, A, X[:batch], Y[:batch], "squared")
    stepped_w, stepped_a = W - rate * grad_w, A - rate * grad_a
    change = np.sum(stepped_a**2 - A**2, axis=1) - np.sum(stepped_w**2 - W**2, axis=1)
    scale = 1 + np.abs(stepped_w).max() ** 2 + np.abs(stepped_a).max() ** 2
    drift = equations.conservation_drift(grad_w, grad_a, rate)
    np.testing.assert_allclose(drift, change, atol=1e-12 * scale)


# --- E3, E4 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3])
def test_e3_and_e4_match_finite_differences_of_the_flow(k: int) -> None:
    W, A, X, R = random_network(7, k=k)
    C = equations.gated_residual_correlation(W, X, R)
    d_w = np.einsum("mkd,mk->md", C, A)
    d_a = np.einsum("mkd,md->mk", C, W)
    h = 1e-6

    def moved(sign: int) -> tuple[Array, Array]:
        w, a = W + sign * h * d_w, A + sign * h * d_a
        w_norm, a_norm = np.linalg.norm(w, axis=1), np.linalg.norm(a, axis=1)
        return w / w_norm[:, None], w_norm * a_norm

    (w_up, c_up), (w_down, c_down) = moved(1), moved(-1)
    np.testing.assert_allclose(
        equations.direction_velocity(W, A, C), (w_up - w_down) / (2 * h), atol=1e-8
    )
    np.testing.assert_allclose(equations.norm_growth(W, A, C), (c_up - c_down) / (2 * h), atol=1e-8)
    assert np.abs(c_up - c_down).max() > h * 1e-2


def test_e3_alignment_uses_the_head_sign_and_is_nan_for_a_dead_neuron() -> None:
    X, R = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([3.0, 4.0])
    W = np.array([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    A = np.array([1.0, -1.0, 1.0])
    C = equations.gated_residual_correlation(W, X, R)
    cosine = 7 / (5 * np.sqrt(2))
    np.testing.assert_allclose(equations.alignment(W, A, C), [cosine, -cosine, np.nan])


def test_e3_the_aligned_direction_attracts_and_its_opposite_repels() -> None:
    D, across = np.array([2.0, 0.0]), 1e-3
    C = np.array([[D], [D]])
    W = np.array([[1.0, across], [-1.0, across]])
    velocity = equations.direction_velocity(W, np.ones(2), C)
    assert velocity[0, 1] == pytest.approx(-2 * across, rel=1e-4)
    assert velocity[1, 1] == pytest.approx(+2 * across, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_e4_balanced_neurons_grow_at_twice_the_pull(seed: int) -> None:
    W, _, X, R = random_network(seed)
    A = balanced_head(W, seed)
    C = equations.gated_residual_correlation(W, X, R)
    c = np.sum(W**2, axis=1)
    D = C[:, 0]
    log_rate = 2 * np.sign(A) * np.sum(D * W, axis=1) / np.sqrt(c)
    np.testing.assert_allclose(equations.norm_growth(W, A, C), c * log_rate, rtol=1e-9, atol=1e-12)


# --- E5 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(3))
def test_e5_balanced_law_matches_the_integrated_equations(seed: int, sign: float) -> None:
    rng = np.random.default_rng(seed)
    w0, D = 1e-2 * rng.standard_normal(4), rng.standard_normal(4)
    speed, t = np.linalg.norm(D), np.linspace(0.0, 2.5, 11)
    w, a = constant_d_solution(w0, sign * float(np.linalg.norm(w0)), D, t)
    cos_delta = sign * (w @ D) / (np.linalg.norm(w, axis=1) * speed)
    law_cos, law_c = equations.race_law(w0 @ w0, cos_delta[0], speed * t)
    np.testing.assert_allclose(law_cos, cos_delta, atol=1e-8)
    np.testing.assert_allclose(law_c, np.abs(a) * np.linalg.norm(w, axis=1), rtol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_e5_unbalanced_solution_matches_the_integrated_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w0, D = rng.standard_normal(4), rng.standard_normal(4)
    a0 = float(rng.standard_normal())
    t = np.linspace(0.0, 2.0, 9)
    w, a = constant_d_solution(w0, a0, D, t)
    law_w, law_a = equations.race_law_unbalanced(w0, a0, D, t)
    np.testing.assert_allclose(law_w, w, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(law_a, a, rtol=1e-7, atol=1e-9)


def test_e5_holds_in_a_network_with_frozen_gates_and_residual() -> None:
    W, A, X, R = random_network(8, m=5, d=4)
    gates = [[float(w @ x > 0) for w in W] for x in X]

    def rhs(_: float, z: Array) -> Array:
        w, a = z[: W.size].reshape(W.shape), z[W.size :]
        d_w, d_a = np.zeros_like(w), np.zeros_like(a)
        for j in range(len(W)):
            for i, x in enumerate(X):
                d_w[j] += gates[i][j] * R[i, 0] * a[j] * x / len(X)
                d_a[j] += gates[i][j] * R[i, 0] * (w[j] @ x) / len(X)
        return np.append(d_w.ravel(), d_a)

    t_end = 4.0
    z = solve_ivp(rhs, (0.0, t_end), np.append(W.ravel(), A), rtol=1e-9, atol=1e-11).y[:, -1]
    D = equations.gated_residual_correlation(W, X, R)[:, 0]
    law_w, law_a = equations.race_law_unbalanced(W, A[:, 0], D, t_end)
    np.testing.assert_allclose(law_w.ravel(), z[: W.size], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(law_a, z[W.size :], rtol=1e-6, atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, tau=st.floats(0.0, 30.0))
def test_e5_balanced_and_unbalanced_forms_agree(seed: int, tau: float) -> None:
    W, _, X, R = random_network(seed, m=4)
    A, D = balanced_head(W, seed), R[:, 0] @ X / len(X)
    speed = np.linalg.norm(D)
    cos0 = np.sign(A) * (W @ D) / (np.linalg.norm(W, axis=1) * speed)
    _, c = equations.race_law(np.sum(W**2, axis=1), np.clip(cos0, -1, 1), tau)
    w, a = equations.race_law_unbalanced(W, A, D, tau / speed)
    np.testing.assert_allclose(np.abs(a) * np.linalg.norm(w, axis=1), c, rtol=1e-6, atol=1e-12)


def test_e5_orthogonal_part_never_moves_and_zero_pull_moves_nothing() -> None:
    w, a = equations.race_law_unbalanced(
        np.array([0.5, -3.0]), 2.0, np.array([[1.0, 0.0], [0.0, 0.0]]), 1.5
    )
    assert w[0, 1] == -3.0
    assert w[0, 0] > 5.0
    np.testing.assert_array_equal(w[1], [0.5, -3.0])
    assert a[1] == 2.0


def test_e5_score_is_the_limit_of_the_shares_for_both_signs_and_for_sign_flips() -> None:
    rng = np.random.default_rng(9)
    W, D = rng.standard_normal((12, 3)), rng.standard_normal(3)
    A = 0.7 * rng.standard_normal(12)
    t = np.array([0.0, 6.0 / np.linalg.norm(D)])
    solutions = [constant_d_solution(w, float(a), D, t) for w, a in zip(W, A, strict=True)]
    final_c = np.array([abs(a[-1]) * np.linalg.norm(w[-1]) for w, a in solutions])
    final_sign = np.array([np.sign(a[-1]) for _, a in solutions])
    score = equations.race_score(W, A, D)
    # Corrections decay as exp(-2 tau) = 6e-6, relative to the largest share.
    np.testing.assert_allclose(score / score.sum(), final_c / final_c.sum(), atol=2e-4)
    np.testing.assert_array_equal(np.sign(A + W @ D / np.linalg.norm(D)), final_sign)
    assert np.any(final_sign != np.sign(A))
    assert np.any(final_sign < 0)
    # Reading D as not multiplied by s in (|a| + w . D/|D|)^2 would be wrong:
    wrong = (np.abs(A) + W @ D / np.linalg.norm(D)) ** 2
    assert np.abs(wrong / wrong.sum() - final_c / final_c.sum()).max() > 0.05


def test_e5_score_of_balanced_neurons() -> None:
    W, _, X, R = random_network(10)
    A, D = balanced_head(W, 10), R[:, 0] @ X
    rho = np.linalg.norm(W, axis=1)
    cos0 = np.sign(A) * (W @ D) / (rho * np.linalg.norm(D))
    np.testing.assert_allclose(equations.race_score(W, A, D), (rho * (1 + cos0)) ** 2, atol=1e-12)


def test_e5_score_with_several_outputs_is_the_limit_of_the_shares() -> None:
    W, A, X, R = random_network(11, m=5, d=3, k=2)
    C = R.T @ X / len(X)
    s = np.linalg.svd(C, compute_uv=False)
    t_end = 12.0 / (s[0] - s[1])

    def rhs(_: float, z: Array) -> Array:
        return np.append(C.T @ z[3:], C @ z[:3])

    final_c = []
    for w, a in zip(W, A, strict=True):
        z = solve_ivp(rhs, (0.0, t_end), np.append(w, a), rtol=1e-9, atol=1e-12).y[:, -1]
        final_c.append(np.linalg.norm(z[:3]) * np.linalg.norm(z[3:]))
    score = equations.race_score(W, A, C)
    np.testing.assert_allclose(score / score.sum(), final_c / np.sum(final_c), atol=1e-5)
    per_neuron = equations.race_score(W, A, np.broadcast_to(C, (5, 2, 3)))
    np.testing.assert_allclose(per_neuron, score, rtol=1e-12)


# --- E6 -----------------------------------------------------------------------------------------


def test_e6_escape_rate_is_the_maximum_over_all_directions() -> None:
    # In the plane the maximum can be found by scanning the circle.
    rng = np.random.default_rng(13)
    X, Y = rng.standard_normal((7, 2)), rng.standard_normal((7, 1))
    angles = np.linspace(0, 2 * np.pi, 20001)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    profile = np.maximum(circle @ X.T, 0) @ Y[:, 0] / len(X)
    W = rng.standard_normal((40, 2))
    A = np.repeat([1.0, -1.0], 20)
    assert equations.escape_rate(W[:20], A[:20], X, Y) == pytest.approx(profile.max(), rel=1e-5)
    assert equations.escape_rate(W[20:], A[20:], X, Y) == pytest.approx(-profile.min(), rel=1e-5)
    assert profile.max() != pytest.approx(-profile.min(), rel=1e-2)
    assert equations.escape_rate(W, A, X, Y) == pytest.approx(np.abs(profile).max(), rel=1e-5)


def test_e6_target_directions_settle_on_an_attracting_kink() -> None:
    # The first point pulls, the second pushes away with an obtuse angle once it is active: the
    # neuron slides along the kink w . x_2 = 0, where D is discontinuous.
    X, R = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[1.0], [-4.0]])
    w, a, rate = equations.target_directions(np.array([[1.0, 1.0]]), np.array([1.0]), X, R)
    np.testing.assert_allclose(w, [[0.8, -0.6]], atol=1e-4)
    assert a[0, 0] == 1.0
    assert rate[0] == pytest.approx(0.4, abs=1e-4)


def test_e6_rate_with_several_outputs_is_the_top_singular_value() -> None:
    # With all gates open C is the same for every direction.
    rng = np.random.default_rng(13)
    X, R = rng.uniform(0.5, 1.0, (9, 4)), rng.uniform(0.1, 1.0, (9, 3))
    W, A = rng.uniform(0.1, 1.0, (5, 4)), rng.uniform(0.1, 1.0, (5, 3))
    top = np.linalg.svd(R.T @ X / len(X), compute_uv=False)[0]
    assert equations.escape_rate(W, A, X, R) == pytest.approx(top, rel=1e-9)


def drop_step(
    velocity: Callable[[Array, Array], tuple[Array, Array]],
    loss: Callable[[Array, Array], float],
    W: Array,
    A: Array,
    step: float,
    level: float,
    budget: int = 20000,
) -> float:
    """First (interpolated) step at which gradient descent brings the loss below `level`."""
    before = loss(W, A)
    for n in range(budget):
        d_w, d_a = velocity(W, A)
        W, A = W + step * d_w, A + step * d_a
        after = loss(W, A)
        if after < level:
            return n + (before - level) / (before - after)
        before = after
    raise AssertionError("the loss never dropped")


def test_e6_drop_time_grows_with_log_inverse_scale_at_the_predicted_slope() -> None:
    # A large step, so that the finite-step correction is visible and tested. Small scales, since
    # slower lanes correct the law by a power of alpha.
    rng = np.random.default_rng(14)
    X, Y, step = rng.standard_normal((10, 3)), rng.standard_normal(10), 0.6
    W, A = rng.standard_normal((20, 3)), rng.standard_normal(20)

    def loss(w: Array, a: Array) -> float:
        return float(0.5 * np.mean((Y - np.maximum(X @ w.T, 0) @ a) ** 2))

    def velocity(w: Array, a: Array) -> tuple[Array, Array]:
        return equations.flow_field(w, a, X, Y)

    level = 0.95 * 0.5 * float(np.mean(Y**2))
    scales = np.array([1e-6, 1e-8, 1e-10, 1e-12])
    times = [step * drop_step(velocity, loss, s * W, s * A, step, level) for s in scales]
    slope = np.polyfit(np.log(1 / scales), times, 1)[0]
    rate = equations.escape_rate(W, A, X, Y)
    predicted = np.diff([equations.escape_time(s, rate, step) for s in scales])
    np.testing.assert_allclose(np.diff(times), predicted, rtol=5e-3)
    assert slope * equations.effective_rate(rate, step) == pytest.approx(1.0, rel=5e-3)
    assert abs(slope * rate - 1.0) > 0.05, "the continuous-time slope should be visibly off"


# --- E7 -----------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, spread=st.floats(0.0, 2.0), sign=st.sampled_from([-1.0, 1.0]))
def test_e7_merge_error_obeys_the_bound_and_its_exact_form(
    seed: int, spread: float, sign: float
) -> None:
    rng = np.random.default_rng(seed)
    W = rng.standard_normal(4) + spread * rng.standard_normal((5, 4))
    head, X = np.abs(rng.standard_normal(5)), rng.standard_normal((30, 4))
    w = head @ W
    error = np.maximum(X @ W.T, 0) @ (sign * head) - sign * np.maximum(X @ w, 0)
    norms = np.linalg.norm(W, axis=1)
    gaps = np.linalg.norm(W / norms[:, None] - w / np.linalg.norm(w), axis=1)
    bound = np.linalg.norm(X, axis=1) * np.sum(head * norms * gaps)
    assert np.all(np.abs(error) <= bound * (1 + 1e-12) + 1e-12)
    # Exact form: only neurons whose gate differs from the merged gate contribute.
    differs = (X @ W.T > 0) != (X @ w > 0)[:, None]
    exact = sign * np.sum(differs * np.abs(X @ W.T) * head, axis=1)
    np.testing.assert_allclose(error, exact, atol=1e-12 * (1 + np.abs(X @ W.T).max() * 10))


# --- E8 -----------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, k=st.sampled_from([1, 3]), removed=st.integers(1, 6))
def test_e8_pruning_never_moves_the_output_beyond_the_bound(
    seed: int, k: int, removed: int
) -> None:
    W, A, X, _ = random_network(seed, k=k)
    c = np.linalg.norm(W, axis=1) * np.linalg.norm(A, axis=1)
    before = np.maximum(X @ W.T, 0) @ A
    after = np.maximum(X @ W[removed:].T, 0) @ A[removed:]
    bound = removal.prune_bound(c[:removed], X)
    assert bound.shape == (len(X),)
    assert np.all(np.linalg.norm(before - after, axis=1) <= bound * (1 + 1e-12))


def test_e8_bound_is_attained_on_the_neurons_own_axis() -> None:
    w, a = np.array([3.0, 4.0]), -2.0
    x = 7.0 * w
    assert removal.prune_bound(5.0 * 2.0, x[None])[0] == pytest.approx(abs(a * (w @ x)), rel=1e-14)


# --- E9 -----------------------------------------------------------------------------------------


def test_e9_extra_time_in_a_frozen_system() -> None:
    rng = np.random.default_rng(15)
    D, kept = np.array([0.4, -0.2, 0.1]), np.arange(3)
    W = 1e-4 * rng.standard_normal((10, 3))
    A = 1.5 * np.linalg.norm(W, axis=1)  # |a| > |w|: no head changes sign, one lane

    def crossing(w0: Array, a0: Array) -> float:
        """Time at which the summed norm product of the integrated equations reaches 1."""

        def rhs(_: float, z: Array) -> Array:
            w, a = z[: w0.size].reshape(w0.shape), z[w0.size :]
            return np.append(np.outer(a, D).ravel(), w @ D)

        def level(_: float, z: Array) -> float:
            w, a = z[: w0.size].reshape(w0.shape), z[w0.size :]
            return float(np.sum(a * np.linalg.norm(w, axis=1)) - 1.0)

        level.terminal = True  # type: ignore[attr-defined]
        start = np.append(w0.ravel(), a0)
        return float(
            solve_ivp(rhs, (0, 100), start, events=level, rtol=1e-10, atol=1e-14).t_events[0][0]
        )

    score = equations.race_score(W, A, D)
    extra = crossing(W[kept], A[kept]) - crossing(W, A)
    predicted = removal.ticket_speed(score, score[kept], float(np.linalg.norm(D)))
    assert extra > 0.3
    assert predicted == pytest.approx(extra, rel=1e-4)


def test_e9_extra_time_of_a_trained_ticket() -> None:
    # One lane: positive inputs, targets and weights, so that every gate stays open.
    rng = np.random.default_rng(16)
    X, Y, step = rng.uniform(0.2, 1.0, (8, 3)), rng.uniform(0.5, 1.5, 8), 0.2
    W, A = 1e-6 * rng.uniform(0.1, 1.0, (12, 3)), 1e-6 * rng.uniform(0.1, 1.0, 12)
    D = Y @ X / len(X)

    def loss(w: Array, a: Array) -> float:
        return float(0.5 * np.mean((Y - np.maximum(X @ w.T, 0) @ a) ** 2))

    def velocity(w: Array, a: Array) -> tuple[Array, Array]:
        return equations.flow_field(w, a, X, Y)

    score = equations.race_score(W, A, D)
    winners, losers = np.argsort(-score)[:3], np.argsort(score)[:3]
    level = 0.25 * float(np.mean(Y**2))
    full = drop_step(velocity, loss, W, A, step, level)
    rate = float(np.linalg.norm(D))
    for kept in (winners, losers):
        extra = step * (drop_step(velocity, loss, W[kept], A[kept], step, level) - full)
        predicted = removal.ticket_speed(score, score[kept], rate, step)
        assert extra > 2 * step
        assert predicted == pytest.approx(extra, rel=1e-2)


# --- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: equations.network_output(np.ones((2, 3)), np.ones(2), np.ones((4, 2))),
            "disagree",
        ),
        (lambda: equations.network_output(np.ones((2, 3)), np.ones(3), np.ones((4, 3))), "neurons"),
        (
            lambda: equations.network_output(np.ones((2, 3)), np.ones((2, 1, 1)), np.ones((4, 3))),
            "A",
        ),
        (lambda: equations.residual(np.ones((2, 1)), np.ones(3)), "shape"),
        (lambda: equations.residual(np.ones((2, 1)), np.ones(2), "hinge"), "loss"),  # type: ignore
        (lambda: equations.residual(np.ones((2, 1)), np.array([0.0, 1.0]), "logistic"), "-1 or"),
        (lambda: equations.residual(np.ones((1, 2)), np.ones((1, 2)), "logistic"), "one-hot"),
        (
            lambda: equations.gated_residual_correlation(
                np.ones((2, 3)), np.ones((4, 3)), np.ones(5)
            ),
            "samples",
        ),
        (
            lambda: equations.gated_residual_correlation(
                np.ones((2, 3)), np.ones((4, 3)), np.ones(4), np.ones((2, 4))
            ),
            "gates",
        ),
        (
            lambda: equations.neuron_velocity(
                np.ones((2, 3)), np.ones((2, 2)), np.ones((4, 3)), np.ones(4)
            ),
            "disagree",
        ),
        (lambda: equations.alignment(np.ones((2, 3)), np.ones(2), np.ones((2, 3, 1))), "C"),
        (
            lambda: equations.direction_velocity(np.zeros((1, 3)), np.ones(1), np.ones((1, 1, 3))),
            "direction",
        ),
        (lambda: equations.race_law(-1.0, 0.0, 1.0), "negative"),
        (lambda: equations.race_law(1.0, 1.1, 1.0), r"\[-1, 1\]"),
        (lambda: equations.race_law_unbalanced(np.ones(3), 1.0, np.ones(2), 1.0), "dimension"),
        (lambda: equations.race_score(np.ones((2, 3)), np.ones(2), np.ones(2)), "fit"),
        (lambda: equations.race_score(np.ones((2, 3)), np.ones(2), np.zeros(3)), "zero"),
        (
            lambda: equations.target_directions(
                np.ones((2, 3)), np.ones(2), np.ones((4, 3)), np.ones(4), 0
            ),
            "steps",
        ),
        (lambda: equations.escape_time(1.0, 1.0), "alpha"),
        (lambda: equations.escape_time(0.1, 0.0), "rate"),
        (lambda: equations.escape_time(0.1, 1.0, 0.0), "step"),
        (lambda: removal.prune_bound(-1.0, np.ones((2, 3))), "negative"),
        (lambda: removal.ticket_speed([1.0], [0.0], 1.0), "positive"),
    ],
)
def test_invalid_input_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
