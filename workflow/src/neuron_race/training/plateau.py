"""Many steps of gradient descent at once while the loss is on its plateau (option ``early``).

While residual and gates stand still the neuron equations are linear, and n steps of gradient
descent have a closed form (E5): with q = w . D/|D|, each step multiplies a + q by 1 + rate |D| and
a - q by 1 - rate |D|. A leap uses it with the mean of D at both ends (the trapezoidal rule), and
compares with the leap by D at the start: the difference, relative to each neuron's own norm, bounds
the length.

Growth is carried as a logarithm and the error is relative, so that nothing depends on the scale of
the init. One output only: with more, D is a matrix per neuron that the engines do not form.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# On the difference between the two leaps; the error left is of higher order. At half of it neurons
# that slide along a kink keep leaps at their shortest (measured).
TOLERANCE = 0.02
SHORTEST = 4  # a shorter leap saves nothing: it costs two evaluations
PAUSE = 8  # plain steps after a leap that was too long at its shortest
OVER = 0.01  # the plateau ends where this fraction of any run's loss is gone


class Networks(Protocol):
    """What a leap needs of an engine."""

    def weights(self) -> tuple[Array, Array]: ...
    def gradients(self) -> tuple[Array, Array]: ...
    def place(self, step: int, W: Array, A: Array) -> None: ...
    def advance(self, until: int, bounds: Array, limit: Array) -> tuple[Array, list[Any]]: ...


def leap(W: Array, A: Array, D: Array, rate: float, n: int) -> tuple[Array, Array]:
    """n steps of gradient descent with constant D (E5): W (..., m, d), A (..., m, 1), D as W."""
    size = np.linalg.norm(D, axis=-1, keepdims=True)
    unit = np.divide(D, size, out=np.zeros_like(D), where=size > 0)
    q = (W * unit).sum(axis=-1, keepdims=True)
    plus = (A + q) * np.exp(n * np.log1p(rate * size))
    minus = (A - q) * (1 - rate * size) ** n
    return W + ((plus - minus) / 2 - q) * unit, (plus + minus) / 2


class Plateau:
    """The early phase of a batch of networks, with one length of leap for all.

    Attributes:
        evaluations: gradients computed by leaps, those of rejected ones included.
        steps: steps of gradient descent that leaps replaced.
    """

    def __init__(self, nets: Networks, initial: Array, rate: float):
        self.nets, self.initial, self.rate = nets, initial, rate
        self.length, self.resume = 2 * SHORTEST, 0
        self.over = False
        self.evaluations = self.steps = 0

    def _evaluate(self, step: int, W: Array, A: Array) -> Array:
        """Losses (S,) at these weights, which become the networks' own."""
        self.nets.place(step, W, A)
        S = len(W)
        losses, _ = self.nets.advance(step, np.empty((S, 0)), np.full(S, np.inf))
        self.evaluations += 1
        return losses[:, -1]

    def _pull(self, A: Array) -> Array:
        """D (S, m, d) from the gradient a D; 0 where the head is 0, which then does not move."""
        gradient = self.nets.gradients()[0]
        return np.divide(gradient, A, out=np.zeros_like(gradient), where=A != 0)

    def leap(self, step: int, until: int) -> tuple[int, Array] | None:
        """Leap from ``step`` as far as the error allows, at most to ``until``.

        Returns:
            The step arrived at and the losses (S,) there; None if plain steps are to be taken.
        """
        if self.over or step < self.resume or until - step < SHORTEST:
            return None
        W, A = self.nets.weights()
        if (A == 0).any():
            return None
        D = self._pull(A)
        while True:
            n = min(self.length, until - step)
            if n < SHORTEST:
                self.resume, self.length = step + PAUSE, SHORTEST
                self._evaluate(step, W, A)
                return None
            W_first, A_first = leap(W, A, D, self.rate, n)
            self._evaluate(step + n, W_first, A_first)
            W_new, A_new = leap(W, A, (D + self._pull(A_first)) / 2, self.rate, n)
            change = ((W_new - W_first) ** 2).sum(axis=-1) + ((A_new - A_first) ** 2)[..., 0]
            norm = (W_new**2).sum(axis=-1) + (A_new**2)[..., 0]
            error = float(np.sqrt((change / norm).max()))
            # The difference is of second order in the length.
            factor = np.clip(0.9 * np.sqrt(TOLERANCE / max(error, 1e-12)), 0.2, 3)
            self.length = max(int(n * factor), 1)
            if error <= TOLERANCE:
                losses = self._evaluate(step + n, W_new, A_new)
                if (losses >= (1 - OVER) * self.initial).all():
                    self.steps += n
                    return step + n, losses
                self.over = True  # so far that a drop could be missed: back, and step by step
                self._evaluate(step, W, A)
                return None
