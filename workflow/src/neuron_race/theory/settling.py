"""Where neurons go before the loss drops: from initial weights to lanes. (E1, E5, E6)

Before the drop the residual is that of f = 0 and neurons move alone. :func:`settle` follows each of
them to its target direction, by the closed form of the race (E5) between refreshes of the gates,
and gives what the laws need of it: directions of both layers, growth rate and *score*, the
constant of its growth c = score * exp(2 rate t)/4. Neurons that share both directions are a *lane*.

Shapes: X (N, d) inputs, W (m, d) and A (m, k) initial weights. Time is (step size) x (number of
steps). Sources and derivations: ``paper_notes.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuron_race.models.norms import unit
from neuron_race.theory import equations

Array = NDArray[np.float64]
Order = NDArray[np.int64]
# Moves w (m, d) and a (m, k) by a time, given in units of 1/(largest rate), and tells the time.
Follow = Callable[[Array, Array, float], tuple[Array, Array, float]]

LANE = 0.99  # least cosine between the directions of a lane
# Refreshes of the gates while neurons turn, and while growth rates are read off; each with its
# length in units of 1/(largest rate).
TURNING, READING = (26, 0.4), (14, 0.1)


@dataclass(frozen=True)
class Lanes:
    """Where neurons go before the loss drops.

    Attributes:
        direction: unit target directions (m, d) of the incoming weights; zero for a dead neuron.
        head: unit directions (m, k) that the heads take: signs for one output.
        rate: growth rates (m,), per unit time, of the norms |w| and |a| at the target (E6).
        score: (m,) constants of growth: c -> score * exp(2 rate t)/4; 0 for a dead neuron.
        lane: (m,) number of a neuron's lane, -1 for a dead one.
    """

    direction: Array
    head: Array
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
        """Each lane's output (k N, L) per unit of its summed c, and its summed score (L,).

        Rows are those of the samples for the first output, then for the next.
        """
        count = int(self.lane.max(initial=-1)) + 1
        alive = self.lane >= 0
        member = np.zeros((len(self.lane), count))
        member[alive, self.lane[alive]] = self.score[alive]
        total = member.sum(axis=0)
        member = member / np.where(total > 0, total, 1.0)
        hidden = np.maximum(X @ self.direction.T, 0.0)
        return np.concatenate([(hidden * head) @ member for head in self.head.T]), total


def turning(alpha: float) -> int:
    """Refreshes of the gates until the drop, from the init scale: log(1/alpha) and one more unit.

    One output needs no count: its neurons are at their targets long before.
    """
    return max(1, round((1 - np.log(min(alpha, 1.0))) / TURNING[1]))


def settle(
    W: Array, A: Array, X: Array, residual: Array, refreshes: int = TURNING[0], finer: int = 1
) -> Lanes:
    """Follow each neuron, under the residual (N, k) of f = 0, to its target direction. (E1, E5, E6)

    Between two refreshes of the gates the pull is constant and the motion exact (E5). Norms are
    scaled back each time and their logarithms kept, so that init scale and length of the way do not
    matter. At a kink that attracts from both sides neurons go to and fro; growth rates are means
    over the last refreshes. With several outputs a neuron also turns, at fixed gates, towards the
    top singular pair of its C, which takes the longer the closer the next pair is: as many
    ``refreshes`` of the gates as :func:`turning` says bring it to the drop. Refreshes are
    ``finer`` times as many and as short where all gates of a neuron may close together, as with a
    bias: a long step carries it past the point where it turns, and closes it for good.

    Raises:
        ValueError: heads of other outputs than the residual's, or no neuron that is open on a
            sample.
    """
    if A.shape != (len(W), residual.shape[1]):
        raise ValueError(f"heads {A.shape}: {(len(W), residual.shape[1])} expected")
    w, a = W.copy(), A.copy()
    follow = _one_output(X, residual) if A.shape[1] == 1 else _outputs(X, residual)
    grown, before, time, since = np.zeros(len(w)), np.zeros(len(w)), 0.0, 0.0
    turns = finer * refreshes, TURNING[1] / finer
    steps = [size for count, size in (turns, READING) for _ in range(count)]
    for i, size in enumerate(steps):
        if i == len(steps) - READING[0] // 2:
            before, since = grown.copy(), time
        w, a, t = follow(w, a, size)
        size_now = np.hypot(np.linalg.norm(w, axis=1), np.linalg.norm(a, axis=1))
        w, a = w / size_now[:, None], a / size_now[:, None]
        grown, time = grown + np.log(size_now), time + t
    rate = np.maximum((grown - before) / (time - since), 0.0)
    length, heads = np.linalg.norm(w, axis=1), np.linalg.norm(a, axis=1)
    alive = (X @ w.T > 0).any(axis=0) & (length > 0)
    direction = np.where(alive[:, None], w / np.where(length > 0, length, 1.0)[:, None], 0.0)
    score = np.where(alive, 4 * length * heads * np.exp(2 * (grown - rate * time)), 0.0)
    return Lanes(direction, unit(a), rate, score, _lanes(direction, unit(a), score))


def _one_output(X: Array, residual: Array) -> Follow:
    """How neurons with one output move."""
    # Single precision is enough for gates and their sums over samples, and twice as fast.
    single = X.astype(np.float32)
    pulled = (X * residual / len(X)).astype(np.float32)

    def follow(w: Array, a: Array, size: float) -> tuple[Array, Array, float]:
        gates = (single @ w.T.astype(np.float32) > 0).astype(np.float32)
        D = (gates.T @ pulled).astype(np.float64)
        t = size / _positive(float(np.linalg.norm(D, axis=1).max()))
        w, a = equations.race_law_unbalanced(w, a[:, 0], D, t)
        return w, a[:, None], t

    return follow


def _outputs(X: Array, residual: Array) -> Follow:
    """How neurons with several outputs move."""
    single = X.astype(np.float32)
    pulled = (residual[:, :, None] * X[:, None] / len(X)).astype(np.float32).reshape(len(X), -1)

    def follow(w: Array, a: Array, size: float) -> tuple[Array, Array, float]:
        gates = (single @ w.T.astype(np.float32) > 0).astype(np.float32)
        C = (gates.T @ pulled).astype(np.float64).reshape(*a.shape, w.shape[1])
        squares = np.linalg.eigvalsh(C @ np.swapaxes(C, 1, 2))
        t = size / _positive(float(np.sqrt(max(squares.max(), 0.0))))
        return *race_law_outputs(w, a, C, t), t

    return follow


def _positive(strength: float) -> float:
    if not strength > 0:
        raise ValueError("no neuron is open on any sample: nothing races")
    return strength


def _lanes(direction: Array, head: Array, score: Array) -> Order:
    """Lanes (m,): each neuron joins the first leader, by falling score, that it is close to."""
    lane = np.full(len(score), -1, dtype=np.int64)
    close = (direction @ direction.T > LANE) & (head @ head.T > LANE)
    count = 0
    for j in np.argsort(-score, kind="stable"):
        if lane[j] < 0 and score[j] > 0:
            lane[close[j] & (lane < 0) & (score > 0)] = count
            count += 1
    return lane


def race_law_outputs(w0: Array, a0: Array, C: Array, t: float) -> tuple[Array, Array]:
    """Exact (w(t), a(t)) of w' = C^T a, a' = C w with constant C and several outputs. (E5)

    Shapes: w0 (m, d), a0 (m, k), C (m, k, d). Along each singular pair u, v of C, of value sigma,
    u . a + v . w grows as exp(sigma t) and u . a - v . w decays; what no pair spans never moves.

    Raises:
        ValueError: shapes disagree.
    """
    if C.shape != (len(w0), a0.shape[1], w0.shape[1]):
        raise ValueError(f"C {C.shape} does not fit w0 {w0.shape} and a0 {a0.shape}")
    squares, U = np.linalg.eigh(C @ np.swapaxes(C, 1, 2))
    x = np.sqrt(np.maximum(squares, 0.0)) * t
    p = np.einsum("mkn,mk->mn", U, a0)
    q = np.einsum("mkn,mk->mn", U, np.einsum("mkd,md->mk", C, w0)) * t
    # sinh(x)/x and sinh(x/2)/(x/2), which have a limit where a singular value is 0.
    odd, half = (np.divide(np.sinh(z), z, out=np.ones_like(z), where=z > 0) for z in (x, x / 2))
    a = np.einsum("mkn,mn->mk", U, np.cosh(x) * p + odd * q)
    moved = np.einsum("mkn,mn->mk", U, odd * p + half**2 / 2 * q) * t
    return w0 + np.einsum("mkd,mk->md", C, moved), a
