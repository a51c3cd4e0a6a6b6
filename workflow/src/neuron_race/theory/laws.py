"""Numbers that the race predicts from initial weights and data, with no fitted parameter (L1-L6).

Before the loss drops neurons gather in lanes (``settling.py``). :func:`race` then lets whole lanes
grow and compete for the residual: some ten numbers per network instead of its weights. Time of the
drop, shares and winners follow.

Shapes: X (N, d) inputs, Y (N, k) targets, W (m, d) and A (m, k) initial weights. Time is
(step size) x (number of steps). Sources and derivations: ``paper_notes.md``.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neuron_race.theory import equations
from neuron_race.theory.settling import Lanes

Array = NDArray[np.float64]
Head = Literal["gaussian", "pytorch", "balanced"]

NORMAL = NormalDist()
MANY = 64  # lanes


@dataclass(frozen=True)
class Race:
    """What lanes do in competition.

    Attributes:
        drop_step: first step at which a tenth of the loss of f = 0 is lost; NaN if there is none.
        c: norm products (m,) when the budget of steps ends.
        output: outputs (k N, m) of the neurons then, in rows as in :meth:`Lanes.features`.
    """

    drop_step: float
    c: Array
    output: Array


def race(
    lanes: Lanes,
    X: Array,
    Y: Array,
    learning_rate: float,
    steps: int,
    loss: equations.Loss = "squared",
    loss_target: float = 0.0,
) -> Race:
    """Let lanes of fixed direction grow and compete for the residual. (L1, L5)

    A lane's summed norm product C_l grows by dC_l/dt = 2 C_l (1/N) sum_i r_i phi_l(x_i), where
    f = sum_l C_l phi_l and r is the residual of f; within a lane shares stay those of the scores.
    A gradient step of size eta multiplies C_l by (1 + eta g_l)^2. As training does, it ends after
    ``steps``, or where no more than ``loss_target`` of the loss of f = 0 is left.
    """
    return races([lanes], X[None], Y[None], learning_rate, steps, loss, loss_target)[0]


def races(
    lanes: Sequence[Lanes],
    X: Array,
    Y: Array,
    learning_rate: float,
    steps: int,
    loss: equations.Loss = "squared",
    loss_target: float = 0.0,
) -> list[Race]:
    """The same for S networks at once, on inputs (S, N, d) and targets (S, N, k)."""
    found = [own.features(x) for own, x in zip(lanes, X, strict=True)]
    count = max(total.size for _, total in found)  # lanes that a network lacks stay at 0
    if count > MANY and len(lanes) > 1:  # all networks' lanes at once would not fit the cache
        budget = learning_rate, steps, loss, loss_target
        each = zip(lanes, X, Y, strict=True)
        return [race(own, x, targets, *budget) for own, x, targets in each]
    features = np.stack([np.pad(own, ((0, 0), (0, count - own.shape[1]))) for own, _ in found])
    totals = np.stack([np.pad(own, (0, count - own.size)) for _, own in found])
    field, C = _mean_field(features, Y, loss), totals / 4
    start, drop_step = field(np.zeros_like(C))[0], np.full(len(C), np.nan)
    rate, waiting = np.full((len(C), 1), learning_rate), True
    for step in range(steps + 1):
        value, pull = field(C)
        left = value / start
        # On the plateau there is nothing to note.
        if (waiting or loss_target > 0) and np.fmin.reduce(left) <= max(0.9, loss_target):
            drop_step[np.isnan(drop_step) & (left <= 0.9)] = step
            waiting = bool(np.isnan(drop_step).any())
            rate[left <= loss_target] = 0.0
            if not rate.any():
                break
        if step < steps:
            C = C * (1 + rate * pull) ** 2
    return [_raced(*own) for own in zip(lanes, X, C, totals, drop_step, strict=True)]


def _raced(lanes: Lanes, X: Array, C: Array, total: Array, drop_step: float) -> Race:
    """What the neurons of a network have when its lanes have ``C`` (L,)."""
    alive = lanes.lane >= 0
    c = np.zeros(len(lanes.score))
    c[alive] = (lanes.score * (C / np.where(total > 0, total, 1.0))[lanes.lane])[alive]
    hidden = np.maximum(X @ lanes.direction.T, 0.0)
    return Race(float(drop_step), c, np.concatenate([hidden * head * c for head in lanes.head.T]))


def _mean_field(
    features: Array, Y: Array, loss: equations.Loss
) -> Callable[[Array], tuple[Array, Array]]:
    """Losses (S,) of f = features C, and half of the lanes' growth rates, by C (S, L)."""
    (S, N, k), back = Y.shape, np.swapaxes(features, 1, 2) / Y.shape[1]
    y = np.swapaxes(Y, 1, 2).reshape(S, -1)  # in rows as those of the features

    def times(M: Array, v: Array) -> Array:
        return (M @ v[..., None])[..., 0]

    def logistic(C: Array) -> tuple[Array, Array]:
        """By a tanh in place of the sigmoid, which overflows."""
        margin = y * times(features, C)
        pull = times(back, y * 0.5 * (1.0 - np.tanh(0.5 * margin)))
        return np.logaddexp(0.0, -margin).mean(axis=1), pull

    def softmax(C: Array) -> tuple[Array, Array]:
        F = times(features, C).reshape(S, k, N)
        F = F - F.max(axis=1, keepdims=True)
        powers = np.exp(F)
        total = powers.sum(axis=1, keepdims=True)
        loss = -(y * (F - np.log(total)).reshape(S, -1)).sum(axis=1) / N
        return loss, times(back, y - (powers / total).reshape(S, -1))

    if loss != "squared":
        return softmax if k > 1 else logistic
    b, gram, at_zero = times(back, y), back @ features, (y**2).sum(axis=1) / (2 * N)

    def squared(C: Array) -> tuple[Array, Array]:
        """By L numbers instead of N: many times as fast."""
        met = times(gram, C)
        return at_zero + (C * (met / 2 - b)).sum(axis=1), b - met

    return squared


def rate_at(lanes: Lanes, time: float, learning_rate: float) -> float:
    """Growth rate under steps of size ``learning_rate``, mean over neurons by their c. (E6)"""
    rates = np.log1p(learning_rate * lanes.rate) / learning_rate
    # Relative to the fastest, so that nothing overflows.
    weight = lanes.score * np.exp(2 * (rates - rates.max()) * time)
    return float((weight * rates).sum() / weight.sum())


def lost_share(output: Array, kept: NDArray[np.bool_], Y: Array, loss: equations.Loss) -> float:
    """Loss added when only some neurons stay, as a share of what all had learned. (L1)

    ``output`` (k N, m) are the neurons' outputs, as in :class:`Race`. Where the squared loss
    is stationary along each lane's scale this is |sum_l (1 - s_l) f_l|^2/|f|^2, for one lane
    (1 - s)^2; s_l: shares kept.
    """
    zero, full, pruned = (
        equations.loss_value(part.reshape(Y.shape[::-1]).T, Y, loss)
        for part in (0 * Y, output.sum(axis=1), output[:, kept].sum(axis=1))
    )
    return (pruned - full) / (zero - full)


def has_closed_form(head: str, outputs: int) -> bool:
    """Whether :func:`share_kept` knows the head: of several outputs only the Gaussian one. (L1)"""
    return head == "gaussian" or (outputs == 1 and head in get_args(Head))


@functools.cache
def share_kept(fraction: float, head: Head, width: int, dim: int, pairs: int = 1) -> float:
    """Share of a lane's summed scores that its largest fraction holds, over inits. (L1, L2)

    From the law of g = a + w . D/|D| at init, the score being g^2; the init scale cancels.
    `gaussian`: g is Gaussian, s(p) = 2 [z phi(z) + 1 - Phi(z)] with z = Phi^-1(1 - p/2), whatever
    width, dimension and number of outputs; along q equally strong ``pairs`` of several outputs the
    score is the sum of q such squares, s(p) = 1 - F_(q+2)(F_q^-1(1 - p)) with F_q of chi squared.
    `pytorch`: a uniform plus a nearly Gaussian number, whose deviations are as
    sqrt(dim/width). `balanced`: g = |w| (1 + cos), both by their laws in ``dim`` dimensions.
    Quadrature on a grid: right to four digits.

    Raises:
        ValueError: a head that has no closed form, or none for several pairs.
    """
    if pairs > 1 and head == "gaussian":
        from scipy.special import gammainc, gammaincinv  # slow to import, as below

        return float(1 - gammainc(pairs / 2 + 1, gammaincinv(pairs / 2, 1 - fraction)))
    if pairs > 1:
        raise ValueError(f"head: {head!r} has no closed form for {pairs} pairs; gaussian has")
    if head == "gaussian":
        z = NORMAL.inv_cdf(1 - fraction / 2)
        return float(2 * (z * NORMAL.pdf(z) + fraction / 2))
    # Quantiles of two independent parts, each of equal weight, make a grid of equal weights.
    cell = (np.arange(2000) + 0.5) / 2000
    if head == "pytorch":
        from scipy.special import ndtri

        uniform = (2 * cell - 1) * np.sqrt(3.0 * dim / width)
        score = (uniform[:, None] + ndtri(cell)) ** 2
    elif head == "balanced":
        from scipy.special import betaincinv, gammaincinv

        half = (dim - 1) / 2
        cosine = 2 * betaincinv(half, half, cell) - 1
        score = 2 * gammaincinv(dim / 2, cell)[:, None] * (1 + cosine) ** 2
    else:
        raise ValueError(f"head: {head!r} has no closed form; {', '.join(get_args(Head))} have")
    flat, kept = score.ravel(), round(fraction * score.size)
    return float(np.partition(flat, flat.size - kept)[flat.size - kept :].sum() / flat.sum())


def pruned_share(fraction: float, head: Head, width: int, dim: int, pairs: int = 1) -> float:
    """L1 in closed form: (1 - s)^2 of the squared loss learned is lost, s as in `share_kept`."""
    return (1 - share_kept(fraction, head, width, dim, pairs)) ** 2


def delay_ratios(
    fraction: float, head: Head, width: int, dim: int, pairs: int = 1
) -> tuple[float, float]:
    """Delays of winners and of losers over that of random tickets, no rate needed. (L2)

    By E9 a ticket with share s drops later by -log(s)/(2 rate); random ones hold s = fraction.
    """
    first, rest = (share_kept(part, head, width, dim, pairs) for part in (fraction, 1 - fraction))
    winners, losers = (float(np.log(share) / np.log(fraction)) for share in (first, 1 - rest))
    return winners, losers


def start_in_doublings(width: int, alpha: float) -> float:
    """Log2 of the summed norm products at init, up to a constant: m alpha^2. (L3)

    Each doubling brings the drop forward by log 2/(2 rate), whether by width or by scale.
    """
    return float(np.log2(width * alpha**2))


def occupied_groups(axes: int, width: int) -> float:
    """Groups of neurons on XOR of an even number of axes with little noise. (L4)

    Each sign has 2^(axes/2) extremal directions, one for each choice of sides of its axes; of
    L = 2 * 2^(axes/2) equal basins m neurons occupy L (1 - (1 - 1/L)^m) in the mean.
    """
    basins = 2.0 * 2 ** (axes / 2)
    return float(basins * (1 - (1 - 1 / basins) ** width))
