"""Closed-form theory of the race between ReLU neurons (equations E1-E6 of ``paper_notes.md``).

The network is f(x) = sum_j a_j relu(w_j . x) with m neurons, input dimension d and k outputs.
A hidden bias is a constant column of X; nothing here treats it separately.

Shapes used throughout: X (N, d) inputs, R (N, k) residuals r = -dl/df, W (m, d) input weights,
A (m, k) heads or (m,) for a scalar head, C (m, k, d) gated residual correlations. With a scalar
head C[:, 0] holds the vectors D_j. Time is gradient-flow time: (step size) x (number of steps).
Everything is float64 numpy, and every function is pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuron_race.models.norms import unit

Array = NDArray[np.float64]
Loss = str  # squared or logistic


def _columns(values: ArrayLike, name: str) -> Array:
    """View a (n,) array as (n, 1), and refuse anything that is not a vector or a matrix."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have 1 or 2 dimensions, got shape {array.shape}")
    return array[:, None] if array.ndim == 1 else array


def _gates(W: Array, X: Array, gates: ArrayLike | None) -> Array:
    """Gates g_ji = 1[w_j . x_i > 0] as an (N, m) array of 0 and 1, unless given (frozen)."""
    if X.ndim != 2 or W.ndim != 2 or X.shape[1] != W.shape[1]:
        raise ValueError(f"X (N, d) and W (m, d) disagree: {X.shape} and {W.shape}")
    if gates is None:
        return (X @ W.T > 0).astype(np.float64)
    frozen = np.asarray(gates, dtype=np.float64)
    if frozen.shape != (len(X), len(W)):
        raise ValueError(f"gates must be (N, m) = {(len(X), len(W))}, got {frozen.shape}")
    return frozen


# --- The network and its losses -----------------------------------------------------------------


def network_output(W: Array, A: Array, X: Array, gates: ArrayLike | None = None) -> Array:
    """Output f(x_i) as an (N, k) array; optional frozen `gates` (N, m) replace the ReLU's own.

    Raises ValueError when shapes disagree.
    """
    heads = _columns(A, "A")
    if len(heads) != len(W):
        raise ValueError(f"W and A disagree on the number of neurons: {len(W)} and {len(heads)}")
    return (_gates(W, X, gates) * (X @ W.T)) @ heads


def _targets(F: Array, Y: ArrayLike, loss: Loss) -> Array:
    """Targets as (N, k), checked against the outputs and the loss."""
    targets = _columns(Y, "Y")
    if targets.shape != F.shape:
        raise ValueError(f"targets {targets.shape} and outputs {F.shape} differ in shape")
    if loss not in ("squared", "logistic"):
        raise ValueError(f"loss must be 'squared' or 'logistic', got {loss!r}")
    if loss == "logistic" and F.shape[1] == 1 and not np.all(np.abs(targets) == 1):
        raise ValueError("logistic loss with one output needs labels -1 or +1")
    if (
        loss == "logistic"
        and F.shape[1] > 1
        and not (np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(axis=1) == 1))
    ):
        raise ValueError("logistic loss with several outputs needs one-hot targets")
    return targets


def residual(F: Array, Y: ArrayLike, loss: Loss = "squared") -> Array:
    """Residual r_i = -dl_i/df_i, (N, k), of the outputs F (N, k) for targets Y (N,) or (N, k).

    `squared`: l = |y - f|^2 / 2, so r = y - f. `logistic`, k = 1: l = log(1 + exp(-y f)) with
    labels -1 or +1, so r = y / (1 + exp(y f)). `logistic`, k > 1: softmax cross-entropy with
    one-hot targets, so r = y - softmax(f). Raises ValueError on wrong shapes, labels or loss.
    """
    targets = _targets(F, Y, loss)
    if loss == "squared":
        return targets - F
    if F.shape[1] == 1:
        # The tanh form of the sigmoid cannot overflow.
        return targets * 0.5 * (1.0 - np.tanh(0.5 * targets * F))
    exponentials = np.exp(F - F.max(axis=1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return targets - probabilities


def loss_value(F: Array, Y: ArrayLike, loss: Loss = "squared") -> float:
    """Mean over samples of the loss whose residual is `residual`. Raises as `residual` does."""
    targets = _targets(F, Y, loss)
    if loss == "squared":
        return float(0.5 * np.sum((targets - F) ** 2) / len(F))
    if F.shape[1] == 1:
        return float(np.mean(np.logaddexp(0.0, -targets * F)))
    top = F.max(axis=1)
    log_partition = top + np.log(np.exp(F - top[:, None]).sum(axis=1))
    return float(np.mean(log_partition - np.sum(targets * F, axis=1)))


# --- E1: equations of motion --------------------------------------------------------------------


def gated_residual_correlation(
    W: Array, X: Array, R: ArrayLike, gates: ArrayLike | None = None
) -> Array:
    """Gated residual correlation C_j = (1/N) sum_i g_ji r_i x_i^T as an (m, k, d) array. (E1)

    The heads do not enter. `gates` (N, m), if given, replaces the ReLU's own gates, e.g. by those
    at initialisation. Raises ValueError when shapes disagree.
    """
    residuals, open_gates = _columns(R, "R"), _gates(W, X, gates)
    if len(residuals) != len(X):
        raise ValueError(f"R has {len(residuals)} samples and X has {len(X)}")
    gated = open_gates[:, :, None] * residuals[:, None, :]
    flat = gated.reshape(len(X), -1).T @ X / len(X)
    return flat.reshape(len(W), residuals.shape[1], X.shape[1])


def neuron_velocity(
    W: Array, A: Array, X: Array, R: ArrayLike, gates: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Velocities (dW, dA), shaped like W and A: w_j' = C_j^T a_j and a_j' = C_j w_j. (E1)

    Contracted sample by sample, so the (m, k, d) tensor C is never formed. Units: weight per unit
    of flow time; one gradient step of size eta adds eta times this. Raises ValueError when shapes
    disagree.
    """
    heads, residuals, open_gates = _columns(A, "A"), _columns(R, "R"), _gates(W, X, gates)
    if len(residuals) != len(X) or heads.shape != (len(W), residuals.shape[1]):
        raise ValueError(
            f"W {W.shape}, A {heads.shape}, X {X.shape} and R {residuals.shape} disagree"
        )
    d_w = (open_gates * (residuals @ heads.T)).T @ X / len(X)
    d_a = (open_gates * (X @ W.T)).T @ residuals / len(X)
    return d_w, d_a.reshape(np.shape(A))


def flow_field(
    W: Array,
    A: Array,
    X: Array,
    Y: ArrayLike,
    loss: Loss = "squared",
    gates: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """Gradient flow (dW, dA) = -(dL/dW, dL/dA) of the mean loss L, shaped like W and A. (E1)

    Losses and targets as in `residual`; L = (1/2N) sum |y - f|^2 for `squared`. At a kink
    (w_j . x_i = 0) the gate is closed. Raises ValueError on wrong shapes, labels or loss.
    """
    return neuron_velocity(W, A, X, residual(network_output(W, A, X, gates), Y, loss), gates)


# --- E2: conservation ---------------------------------------------------------------------------


def conserved_quantity(W: Array, A: Array) -> Array:
    """Q_j = |a_j|^2 - |w_j|^2, (m,), constant along the gradient flow. (E2)"""
    head_squares: Array = np.sum(_columns(A, "A") ** 2, axis=1)
    weight_squares: Array = np.sum(W**2, axis=1)
    return head_squares - weight_squares


def conservation_drift(grad_W: Array, grad_A: Array, rate: float) -> Array:
    """Exact change (m,) of Q_j over one gradient step: rate^2 (|grad_a|^2 - |grad_w|^2). (E2)

    `grad_W` (m, d) and `grad_A` (m, k) or (m,) are the gradients the step used, of the full loss
    or of a mini-batch. Only plain gradient descent: not with momentum, decay or Adam.
    """
    return rate**2 * conserved_quantity(grad_W, grad_A)


# --- E3, E4: direction and norm -----------------------------------------------------------------


def _pull(W: Array, A: Array, C: Array) -> tuple[Array, Array]:
    """Head norms (m,) and pulls C_j^T a_j / |a_j|, (m, d); the pull is s_j D_j if k = 1."""
    heads = _columns(A, "A")
    if C.shape != (len(W), heads.shape[1], W.shape[1]):
        raise ValueError(f"C {C.shape} does not fit W {W.shape} and A {heads.shape}")
    return np.linalg.norm(heads, axis=1), np.einsum("mkd,mk->md", C, unit(heads))


def alignment(W: Array, A: Array, C: Array) -> Array:
    """cos(delta_j), (m,): cosine between w_j and its pull C_j^T a_j (s_j D_j if k = 1). (E3)

    NaN where it is undefined: a zero w_j, a zero head, or a zero pull (a dead neuron).
    Raises ValueError when shapes disagree.
    """
    _, pull = _pull(W, A, C)
    norms = np.linalg.norm(W, axis=1) * np.linalg.norm(pull, axis=1)
    products = np.sum(W * pull, axis=1)
    cosines: Array = np.divide(products, norms, out=np.full(len(W), np.nan), where=norms > 0)
    return cosines


def direction_velocity(W: Array, A: Array, C: Array) -> Array:
    """d(w_j/|w_j|)/dt = (|a_j|/|w_j|) P_perp pull_j, (m, d), in radians per unit time. (E3)

    Raises ValueError for a zero w_j, which has no direction, and when shapes disagree.
    """
    head_norms, pull = _pull(W, A, C)
    norms = np.linalg.norm(W, axis=1)
    if np.any(norms == 0):
        raise ValueError("a neuron with zero input weights has no direction")
    directions = W / norms[:, None]
    across = pull - np.sum(pull * directions, axis=1, keepdims=True) * directions
    velocity: Array = (head_norms / norms)[:, None] * across
    return velocity


def norm_growth(W: Array, A: Array, C: Array) -> Array:
    """dc_j/dt = (|w_j|^2 + |a_j|^2) |pull_j| cos(delta_j), (m,), for c_j = |a_j||w_j|. (E4)

    Zero for a neuron with a zero w_j. Raises ValueError when shapes disagree.
    """
    head_norms, pull = _pull(W, A, C)
    growth: Array = (np.sum(W**2, axis=1) + head_norms**2) * np.sum(pull * unit(W), axis=1)
    return growth


# --- E5: the race -------------------------------------------------------------------------------


def race_law(c0: ArrayLike, cos_delta0: ArrayLike, tau: ArrayLike) -> tuple[Array, Array]:
    """Alignment and norm product of balanced neurons (|a| = |w|) under a constant D. (E5)

    `c0` is the initial norm product c = |a||w|, `cos_delta0` the initial cosine to s D, and
    tau = |D| t is dimensionless time. The three broadcast. Returns (cos_delta, c):
    tan(delta/2) = tan(delta0/2) exp(-tau), sqrt(c) = sqrt(c0) (cosh tau + cos delta0 sinh tau).
    Raises ValueError for a negative c0 or a cosine outside [-1, 1].
    """
    c0, cosine, tau = (np.asarray(v, dtype=np.float64) for v in (c0, cos_delta0, tau))
    if np.any(c0 < 0):
        raise ValueError("the norm product c0 cannot be negative")
    if np.any(np.abs(cosine) > 1):
        raise ValueError("cos_delta0 must lie in [-1, 1]")
    # Growing and decaying mode apart: no cancellation, however large tau is.
    growing, decaying = (1 + cosine) * np.exp(tau), (1 - cosine) * np.exp(-tau)
    return (growing - decaying) / (growing + decaying), c0 * (0.5 * (growing + decaying)) ** 2


def race_law_unbalanced(
    w0: ArrayLike, a0: ArrayLike, D: ArrayLike, t: ArrayLike
) -> tuple[Array, Array]:
    """Exact (w(t), a(t)) of w' = a D, a' = D . w with constant D and scalar heads. (E5)

    Shapes broadcast: w0 (..., d), a0 (...), D (..., d), t (...); e.g. t of shape (T, 1) with m
    neurons gives (T, m, d) and (T, m). With p = w . D/|D|, the sums a + p grow as exp(|D| t), the
    differences a - p decay as exp(-|D| t), and the part of w orthogonal to D never moves. If D = 0
    nothing moves. Raises ValueError when w0 and D differ in dimension.
    """
    w0, a0, D, t = (np.asarray(v, dtype=np.float64) for v in (w0, a0, D, t))
    if w0.shape[-1:] != D.shape[-1:]:
        raise ValueError(f"w0 {w0.shape} and D {D.shape} differ in dimension")
    strength = np.linalg.norm(D, axis=-1)
    direction, tau = D / np.where(strength > 0, strength, 1.0)[..., None], strength * t
    p0 = np.einsum("...d,...d->...", w0, direction)
    growing, decaying = 0.5 * (a0 + p0) * np.exp(tau), 0.5 * (a0 - p0) * np.exp(-tau)
    return w0 + (growing - decaying - p0)[..., None] * direction, growing + decaying


def race_score(W: ArrayLike, A: ArrayLike, D: ArrayLike) -> Array:
    """Score (m,) to which the norm products become proportional under a constant D. (E5)

    Scalar head: c_j -> (a_j + w_j . D/|D|)^2 exp(2|D|t)/4, so the score is (a_j + w_j . D/|D|)^2
    with a_j *signed* and D *not* multiplied by any sign. Equivalently (|a_j| + w_j . s_j D/|D|)^2
    with s_j = sign(a_j) at time 0. The head ends with the sign of a_j + w_j . D/|D|, which can
    differ from s_j only if |w_j| > |a_j|.

    A (m,) or (m, 1) takes D (d,), or one row per neuron: (m, d). A (m, k) takes C (k, d) or
    (m, k, d), and the score is (u . a_j + v . w_j)^2 with the top singular pair u, v of C (assumed
    simple). Scores compare neurons that share the same D; a share is score / sum of scores.
    Raises ValueError when shapes disagree or when D is zero (nothing races).
    """
    W, heads = np.asarray(W, dtype=np.float64), _columns(A, "A")
    C = np.asarray(D, dtype=np.float64)
    if heads.shape[1] == 1 and C.ndim < 3:
        C = C[..., None, :]
    try:
        C = np.broadcast_to(C, (len(heads), heads.shape[1], W.shape[-1]))
    except ValueError:
        raise ValueError(f"D {np.shape(D)} does not fit W {W.shape}, A {heads.shape}") from None
    size = np.abs(C).max(axis=(1, 2), keepdims=True)
    if np.any(size == 0):
        raise ValueError("D is zero for some neuron: it has no target direction")
    u, v = _top_pair(C / size)
    growing: Array = np.sum(u * heads, axis=1) + np.sum(v * W, axis=1)
    return growing**2


def _top_pair(C: Array) -> tuple[Array, Array]:
    """Top singular pair u (m, k), v (m, d) of each of C (m, k, d), in less time than all pairs."""
    if C.shape[1] > C.shape[2]:
        v, u = _top_pair(np.swapaxes(C, 1, 2))
        return u, v
    u = np.linalg.eigh(C @ np.swapaxes(C, 1, 2))[1][:, :, -1]
    return u, unit(np.einsum("mkd,mk->md", C, u))


# --- E6: escape from the plateau ----------------------------------------------------------------


def target_directions(
    W: Array, A: Array, X: Array, R: ArrayLike, steps: int = 1000
) -> tuple[Array, Array, Array]:
    """Where each neuron's direction flows at frozen residual: its target direction. (E3, E6)

    Follows the balanced direction flow of E3 from the directions of W and A, each neuron with its
    own clock (which leaves its path unchanged) and with shrinking steps, so that it also settles
    on a kink w . x_i = 0 that attracts from both sides. Returns unit input directions (m, d), unit
    heads (m, k) and the growth rates a . C w, (m,), per unit time; dead neurons have rate 0.
    Raises ValueError when shapes disagree or steps < 1.
    """
    if steps < 1:
        raise ValueError("steps must be at least 1")
    w, a = unit(np.asarray(W, dtype=np.float64)), unit(_columns(A, "A"))
    for size in np.geomspace(0.1, 1e-5, steps):
        d_w, d_a = neuron_velocity(w, a, X, R)
        speed = np.maximum(np.linalg.norm(d_w, axis=1), np.linalg.norm(d_a, axis=1))[:, None]
        stride = size / np.where(speed > 0, speed, 1.0)
        w, a = unit(w + stride * d_w), unit(a + stride * d_a)
    return w, a, np.sum(a * neuron_velocity(w, a, X, R)[1], axis=1)


def escape_rate(W: Array, A: Array, X: Array, R: ArrayLike, steps: int = 1000) -> float:
    """Escape rate lambda = max s w . D(w) over the target directions the neurons reach. (E6)

    R is the residual on the plateau (at f = 0). The norms of w and a grow as exp(lambda t), the
    norm product and the output as exp(2 lambda t). With many neurons this is the global maximum;
    with few it is the best that is represented. Raises as `target_directions` does.
    """
    return float(target_directions(W, A, X, R, steps)[2].max())


def effective_rate(rate: float, step: float | None = None) -> float:
    """Growth rate under gradient descent of size `step`: log(1 + step rate)/step. (E6)

    The flow's own rate when step is None. Raises ValueError unless rate > 0 and step > 0.
    """
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    if step is None:
        return float(rate)
    if not step > 0:
        raise ValueError(f"step must be positive, got {step}")
    return float(np.log1p(step * rate) / step)


def escape_time(alpha: float, rate: float, step: float | None = None) -> float:
    """Leading term log(1/alpha)/lambda of the time of the loss drop. (E6)

    `alpha` scales *both* layers at initialisation (the output then scales as alpha^2), and `rate`
    is lambda from `escape_rate`. A constant independent of alpha is left out, so only differences
    between values of alpha are predicted. With `step`, lambda becomes `effective_rate(rate, step)`
    and the number of steps is the result / step. Raises ValueError unless 0 < alpha < 1,
    rate > 0 and step > 0.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha}")
    return float(-np.log(alpha) / effective_rate(rate, step))
