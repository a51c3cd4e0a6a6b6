"""Numbers that the race predicts from initial weights and data, with no fitted parameter (L1-L6).

Before the loss drops, the residual is that of f = 0 and neurons move alone. :func:`settle` follows
each of them to its target direction, by the closed form of the race (E5) between refreshes of the
gates, and gives what the laws need of it: direction, head sign, growth rate and *score*, the
constant of its growth c = score * exp(2 rate t)/4. Neurons that share direction and sign are a
*lane*. :func:`race` then lets whole lanes grow and compete for the residual: some ten numbers per
network instead of its weights. Time of the drop, shares and winners follow.

Shapes: X (N, d) inputs, y (N,) targets, W (m, d) and A (m, 1) initial weights; one output only.
Time is (step size) x (number of steps). Sources and derivations: ``paper_notes.md``.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neuron_race.theory import equations

Array = NDArray[np.float64]
Order = NDArray[np.int64]
Head = Literal["gaussian", "pytorch", "balanced"]

NORMAL = NormalDist()
LANE = 0.99  # least cosine between the directions of a lane
MANY = 64  # lanes
# Refreshes of the gates while neurons turn, and while growth rates are read off; each with its
# length in units of 1/(largest rate).
TURNING, READING = (26, 0.4), (14, 0.1)


@dataclass(frozen=True)
class Lanes:
    """Where neurons go before the loss drops.

    Attributes:
        direction: unit target directions (m, d) of the incoming weights; zero for a dead neuron.
        sign: signs (m,) that the heads take.
        rate: growth rates (m,), per unit time, of the norms |w| and |a| at the target (E6).
        score: (m,) constants of growth: c -> score * exp(2 rate t)/4; 0 for a dead neuron.
        lane: (m,) number of a neuron's lane, -1 for a dead one.
    """

    direction: Array
    sign: Array
    rate: Array
    score: Array
    lane: Order

    def scaled(self, alpha: float, strength: float = 1.0) -> "Lanes":
        """The same from an init ``alpha`` times as large, under ``strength`` times the residual.

        Directions, gates and their order in time depend on neither.
        """
        return replace(self, score=self.score * alpha**2, rate=self.rate * strength)

    def only(self, kept: NDArray[np.bool_]) -> "Lanes":
        """Lanes of some of the neurons (m,) alone, as for a ticket."""
        score, lane = np.where(kept, self.score, 0.0), np.where(kept, self.lane, -1)
        return replace(self, score=score, lane=lane)

    def features(self, X: Array) -> tuple[Array, Array]:
        """Each lane's output (N, L) per unit of its summed c, and its summed score (L,)."""
        count = int(self.lane.max(initial=-1)) + 1
        alive = self.lane >= 0
        member = np.zeros((len(self.lane), count))
        member[alive, self.lane[alive]] = self.score[alive]
        total = member.sum(axis=0)
        member = member / np.where(total > 0, total, 1.0)
        return (np.maximum(X @ self.direction.T, 0.0) * self.sign) @ member, total


@dataclass(frozen=True)
class Race:
    """What lanes do in competition.

    Attributes:
        drop_step: first step at which a tenth of the loss of f = 0 is lost; NaN if there is none.
        c: norm products (m,) when the budget of steps ends.
        output: outputs (N, m) of the neurons then.
    """

    drop_step: float
    c: Array
    output: Array


def settle(W: Array, A: Array, X: Array, residual: Array) -> Lanes:
    """Follow each neuron, under the residual (N,) of f = 0, to its target direction. (E1, E5, E6)

    Between two refreshes of the gates the pull D is constant and the motion exact (E5). Norms are
    scaled back each time and their logarithms kept, so that init scale and length of the way do not
    matter. At a kink that attracts from both sides neurons go to and fro; growth rates are means
    over the last refreshes.

    Raises:
        ValueError: heads of several outputs, or no neuron that is open on a sample.
    """
    if A.shape != (len(W), 1):
        raise ValueError(f"heads {A.shape}: one output and {len(W)} neurons expected")
    w, a = W.copy(), A[:, 0].copy()
    # Single precision is enough for gates and their sums over samples, and twice as fast.
    single = X.astype(np.float32)
    pulled = (X * residual[:, None] / len(X)).astype(np.float32)
    grown, before, time, since = np.zeros(len(w)), np.zeros(len(w)), 0.0, 0.0
    steps = [size for count, size in (TURNING, READING) for _ in range(count)]
    for i, size in enumerate(steps):
        if i == len(steps) - READING[0] // 2:
            before, since = grown.copy(), time
        gates = (single @ w.T.astype(np.float32) > 0).astype(np.float32)
        D = (gates.T @ pulled).astype(np.float64)
        strength = np.linalg.norm(D, axis=1)
        if not strength.any():
            raise ValueError("no neuron is open on any sample: nothing races")
        t = size / strength.max()
        w, a = equations.race_law_unbalanced(w, a, D, t)
        size_now = np.hypot(np.linalg.norm(w, axis=1), a)
        w, a, grown, time = w / size_now[:, None], a / size_now, grown + np.log(size_now), time + t
    rate = np.maximum((grown - before) / (time - since), 0.0)
    length = np.linalg.norm(w, axis=1)
    alive = (X @ w.T > 0).any(axis=0) & (length > 0)
    direction = np.where(alive[:, None], w / np.where(length > 0, length, 1.0)[:, None], 0.0)
    score = np.where(alive, 4 * length * np.abs(a) * np.exp(2 * (grown - rate * time)), 0.0)
    sign = np.sign(a)
    return Lanes(direction, sign, rate, score, _lanes(direction, sign, score))


def _lanes(direction: Array, sign: Array, score: Array) -> Order:
    """Lanes (m,): each neuron joins the first leader, by falling score, that it is close to."""
    lane = np.full(len(score), -1, dtype=np.int64)
    close = (direction @ direction.T > LANE) & (sign[:, None] == sign)
    count = 0
    for j in np.argsort(-score, kind="stable"):
        if lane[j] < 0 and score[j] > 0:
            lane[close[j] & (lane < 0) & (score > 0)] = count
            count += 1
    return lane


def race(
    lanes: Lanes,
    X: Array,
    y: Array,
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
    return races([lanes], X[None], y[None], learning_rate, steps, loss, loss_target)[0]


def races(
    lanes: Sequence[Lanes],
    X: Array,
    y: Array,
    learning_rate: float,
    steps: int,
    loss: equations.Loss = "squared",
    loss_target: float = 0.0,
) -> list[Race]:
    """The same for S networks at once, on inputs (S, N, d) and targets (S, N)."""
    found = [own.features(x) for own, x in zip(lanes, X, strict=True)]
    count = max(total.size for _, total in found)  # lanes that a network lacks stay at 0
    if count > MANY and len(lanes) > 1:  # all networks' lanes at once would not fit the cache
        budget = learning_rate, steps, loss, loss_target
        each = zip(lanes, X, y, strict=True)
        return [race(own, x, targets, *budget) for own, x, targets in each]
    features = np.stack([np.pad(own, ((0, 0), (0, count - own.shape[1]))) for own, _ in found])
    totals = np.stack([np.pad(own, (0, count - own.size)) for _, own in found])
    value, pull = _mean_field(features, y, loss)
    C = totals / 4
    start, drop_step = value(np.zeros_like(C)), np.full(len(C), np.nan)
    rate = np.full((len(C), 1), learning_rate)
    for step in range(steps + 1):
        if np.isnan(drop_step).any() or loss_target > 0:
            left = value(C) / start
            drop_step[np.isnan(drop_step) & (left <= 0.9)] = step
            rate[left <= loss_target] = 0.0
            if not rate.any():
                break
        if step < steps:
            C = C * (1 + rate * pull(C)) ** 2
    return [_raced(*own) for own in zip(lanes, X, C, totals, drop_step, strict=True)]


def _raced(lanes: Lanes, X: Array, C: Array, total: Array, drop_step: float) -> Race:
    """What the neurons of a network have when its lanes have ``C`` (L,)."""
    alive = lanes.lane >= 0
    c = np.zeros(len(lanes.score))
    c[alive] = (lanes.score * (C / np.where(total > 0, total, 1.0))[lanes.lane])[alive]
    outputs = np.maximum(X @ lanes.direction.T, 0.0) * lanes.sign * c
    return Race(float(drop_step), c, outputs)


def _mean_field(
    features: Array, y: Array, loss: equations.Loss
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Losses (S,) of f = features C, and half of the lanes' growth rates, by C (S, L)."""
    N, back = y.shape[1], np.swapaxes(features, 1, 2) / y.shape[1]

    def times(M: Array, v: Array) -> Array:
        return (M @ v[..., None])[..., 0]

    if loss == "squared":  # L numbers instead of N: many times as fast
        b, gram, at_zero = times(back, y), back @ features, (y**2).sum(axis=1) / (2 * N)
        return (
            lambda C: at_zero + (C * (times(gram, C) / 2 - b)).sum(axis=1),
            lambda C: b - times(gram, C),
        )
    return (
        lambda C: np.logaddexp(0.0, -y * times(features, C)).mean(axis=1),
        # The tanh form of the sigmoid cannot overflow.
        lambda C: times(back, y * 0.5 * (1.0 - np.tanh(0.5 * y * times(features, C)))),
    )


def rate_at(lanes: Lanes, time: float, learning_rate: float) -> float:
    """Growth rate under steps of size ``learning_rate``, mean over neurons by their c. (E6)"""
    rates = np.log1p(learning_rate * lanes.rate) / learning_rate
    # Relative to the fastest, so that nothing overflows.
    weight = lanes.score * np.exp(2 * (rates - rates.max()) * time)
    return float((weight * rates).sum() / weight.sum())


def lost_share(output: Array, kept: NDArray[np.bool_], y: Array, loss: equations.Loss) -> float:
    """Loss added when only some neurons stay, as a share of what all had learned. (L1)

    ``output`` (N, m) are the neurons' outputs. Where the squared loss is stationary along each
    lane's scale this is |sum_l (1 - s_l) f_l|^2/|f|^2, for one lane (1 - s)^2; s_l: shares kept.
    """
    target = y[:, None]
    zero, full, pruned = (
        equations.loss_value(part[:, None], target, loss)
        for part in (0 * y, output.sum(axis=1), output[:, kept].sum(axis=1))
    )
    return (pruned - full) / (zero - full)


@functools.cache
def share_kept(fraction: float, head: Head, width: int, dim: int) -> float:
    """Share of a lane's summed scores that its largest fraction holds, over inits. (L1, L2)

    From the law of g = a + w . D/|D| at init, the score being g^2; the init scale cancels.
    `gaussian`: g is Gaussian, s(p) = 2 [z phi(z) + 1 - Phi(z)] with z = Phi^-1(1 - p/2), whatever
    width and dimension. `pytorch`: a uniform plus a nearly Gaussian number, whose deviations are as
    sqrt(dim/width). `balanced`: g = |w| (1 + cos), both by their laws in ``dim`` dimensions.
    Quadrature on a grid: right to four digits.
    """
    if head == "gaussian":
        z = NORMAL.inv_cdf(1 - fraction / 2)
        return float(2 * (z * NORMAL.pdf(z) + fraction / 2))
    # Quantiles of two independent parts, each of equal weight, make a grid of equal weights.
    cell = (np.arange(2000) + 0.5) / 2000
    if head == "pytorch":
        from scipy.special import ndtri  # slow to import, as below

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


def pruned_share(fraction: float, head: Head, width: int, dim: int) -> float:
    """L1 in closed form: (1 - s)^2 of the squared loss learned is lost, s as in `share_kept`."""
    return (1 - share_kept(fraction, head, width, dim)) ** 2


def delay_ratios(fraction: float, head: Head, width: int, dim: int) -> tuple[float, float]:
    """Delays of winners and of losers over that of random tickets, no rate needed. (L2)

    By E9 a ticket with share s drops later by -log(s)/(2 rate); random ones hold s = fraction.
    """
    shares = share_kept(fraction, head, width, dim), 1 - share_kept(1 - fraction, head, width, dim)
    winners, losers = (float(np.log(share) / np.log(fraction)) for share in shares)
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
