"""Residual replay: what each neuron of a run would have done with other gates.

Given the residual at every step, neurons are independent of one another (E1). So a run's residual
is recorded once, and any number of neurons is then moved along it, each with gates of one's choice,
as if it were the only one that is different. What a neuron in another course would have changed in
the residual is left out: that is the difference between a replay and a real training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.training.recipe import Recipe
from neuron_race.training.runs import Start

Array = NDArray[Any]


@dataclass(frozen=True)
class Course:
    """Residual ``R (T, N)`` of a run at each step, and all weights at some steps.

    Attributes:
        R: residual at each step, from which the next step starts.
        W, A: weights (m, d) and (m,) by step.
    """

    R: Array
    W: dict[int, Array]
    A: dict[int, Array]


def record(start: Start, recipe: Recipe, wanted: Sequence[Sequence[int]]) -> list[Course]:
    """Train once more, step by step, and keep residuals; one output and the squared loss.

    Args:
        start: of the runs.
        recipe: how they were trained; training has the same bits each time.
        wanted: of each run, steps whose weights are kept.
    """
    from neuron_race.training.engine import choose_engine, networks

    weights = start.W[:, :, : start.X.shape[2]], start.A
    engine = choose_engine("cpu")
    nets = networks(start.X, start.Y, *weights, recipe, engine, "cpu")
    S, N = start.Y.shape[:2]
    last = max(max(steps, default=0) for steps in wanted)
    R = np.empty((S, last + 1, N))
    W: list[dict[int, Array]] = [{} for _ in range(S)]
    A: list[dict[int, Array]] = [{} for _ in range(S)]
    no_bounds, no_limit = np.empty((S, 0)), np.full(S, np.inf)
    for step in range(last + 1):
        nets.advance(step, no_bounds, no_limit)
        now_w, now_a = nets.weights()
        for s in range(S):
            hidden = np.maximum(start.X[s] @ now_w[s].T, 0)
            R[s, step] = (start.Y[s] - hidden @ now_a[s])[:, 0]
            if step in wanted[s]:
                W[s][step], A[s][step] = now_w[s], now_a[s, :, 0]
    return [Course(*course) for course in zip(R, W, A, strict=True)]


@dataclass(frozen=True)
class Passengers:
    """Neurons to move along a residual, P of them.

    Attributes:
        W, A: weights (P, d) and (P,) at the first step.
        leader: (P,) whose gates each has, as an index into the passengers; its own by default.
        hold, free: (P,) gates stay as they are at step ``hold`` until step ``free``.
    """

    W: Array
    A: Array
    leader: Array
    hold: Array
    free: Array

    @classmethod
    def own(cls, W: Array, A: Array) -> "Passengers":
        """With their own gates, never held."""
        P, never = len(A), np.iinfo(np.int64).max
        return cls(W, A, np.arange(P), np.full(P, never), np.full(P, never))

    def held(self, hold: int, free: int = np.iinfo(np.int64).max) -> "Passengers":
        """The same with gates held from one step until another."""
        return replace(self, hold=np.full(len(self.A), hold), free=np.full(len(self.A), free))


def together(groups: Sequence[Passengers]) -> Passengers:
    """Groups one after the other; leaders stay those of their own group."""
    first = np.cumsum([0, *(len(g.A) for g in groups[:-1])])
    leaders = [g.leader + offset for g, offset in zip(groups, first, strict=True)]
    parts = {k: np.concatenate([getattr(g, k) for g in groups]) for k in ("W", "A", "hold", "free")}
    return Passengers(leader=np.concatenate(leaders), **parts)


def replay(
    X: Array, R: Array, who: Passengers, rate: float, first: int, at: Sequence[int], rest: Array
) -> Array:
    """Norm products (len(at), P) of passengers at some steps, moved from step ``first`` on.

    Args:
        X: inputs (N, d).
        R: residual (T, N) at each step of the run.
        who: passengers, at step ``first``.
        rate: learning rate.
        first: step at which they start.
        at: later steps, in increasing order.
        rest: squared norm (P,) of the weights in directions across all inputs, which never move.
    """
    W, A = who.W.T.copy(), who.A.copy()  # (d, P), (P,)
    held = np.zeros((len(X), len(A)), dtype=bool)
    found = []
    for step in range(first, at[-1] + 1):
        if step in at:
            found.append(np.abs(A) * np.sqrt((W**2).sum(axis=0) + rest))
        Z = X @ W
        gates = (Z > 0)[:, who.leader]
        new, keep = who.hold == step, (who.hold < step) & (step < who.free)
        held[:, new] = gates[:, new]
        gates[:, keep] = held[:, keep]
        back = gates * (R[step] * (rate / len(X)))[:, None]
        W, A = W + A * (X.T @ back), A + (back * Z).sum(axis=0)
    return np.stack(found)
