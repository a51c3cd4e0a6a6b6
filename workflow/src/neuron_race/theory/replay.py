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
    """Train once more, step by step, and keep residuals; one output and the squared loss. (E1)

    Runs end at the last step wanted of them. They are the engine's but for rounding, and take half
    of its time, for the residual of each step is at hand.

    Args:
        start: of the runs, of which nothing is frozen.
        recipe: how they were trained; the learning rate is used.
        wanted: of each run, steps whose weights are kept.
    """
    of_runs = zip(start.X, start.Y[..., 0], start.W, start.A[..., 0], wanted, strict=True)
    return [_course(X, y, W[:, : X.shape[1]], a, recipe, at) for X, y, W, a, at in of_runs]


def _course(
    X: Array, y: Array, W: Array, a: Array, recipe: Recipe, wanted: Sequence[int]
) -> Course:
    """One run, on inputs (N, d) and targets (N,), from weights (m, d) and (m,)."""
    last, rate = max(wanted, default=-1), recipe.learning_rate / len(X)
    course = Course(np.empty((last + 1, len(X))), {}, {})
    for step in range(last + 1):
        Z = X @ W.T
        hidden = np.maximum(Z, 0)
        course.R[step] = residual = y - hidden @ a
        if step in wanted:
            course.W[step], course.A[step] = W, a
        back = (Z > 0) * residual[:, None]
        W, a = W + (rate * a)[:, None] * (back.T @ X), a + rate * (residual @ hidden)
    return course


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


def retrain(
    X: Array, Y: Array, W: Array, A: Array, rate: float, steps: int, who: int, leader: int
) -> tuple[Array, Array]:
    """Train a network on while one neuron has another one's gates: the closed loop of a replay.

    Args:
        X, Y: inputs (N, d) and targets (N,), squared loss.
        W, A: weights (m, d) and (m,) from which it starts.
        rate, steps: of gradient descent.
        who, leader: the neuron, and the one whose gates it has; itself: the run.

    Returns:
        The weights that it ends with.
    """
    for _ in range(steps):
        Z = X @ W.T
        gates = Z > 0
        gates[:, who] = gates[:, leader]
        residual = Y - (gates * Z) @ A
        back = gates * (residual * (rate / len(X)))[:, None]
        W, A = W + A[:, None] * (back.T @ X), A + (back * Z).sum(axis=0)
    return W, A
