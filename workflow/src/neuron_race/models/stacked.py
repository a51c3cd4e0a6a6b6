"""A model's forward pass as a list of operations, from which compiled code also goes backward.

An array has features at positions, (f, h, w); samples are not told of here. What the operations do
is in ``passes.c`` of :mod:`neuron_race.training`, which finds the gradients too.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS = "linear", "relu", "filters", "mean", "shift", "attend", "layer", "batch", "affine"


class Array(NamedTuple):
    """What an operation takes or gives: its number, features, and positions (h, w)."""

    number: int
    f: int
    h: int = 1
    w: int = 1


class Operations:
    """The operations of a model, in their order.

    Args:
        shapes: of the model's parameters, in the order in which it names them.
        dim: number of inputs.

    Attributes:
        order: which input (dim,) each row of the first array is.
        arrays: f, h, w of each array, where its values and its gradient begin, in rows, and
            whether the latter is wanted.
        steps: kind, x, y, z, out, other array, two weights and a number of each operation.
        scales: its factor.
        rows: of all values and gradients.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dim: int):
        self.shapes, self.order = shapes, np.arange(dim)
        self.arrays: list[list[int]] = []
        self.steps: list[list[int]] = []
        self.scales: list[float] = []
        self.rows = 0
        self.inputs = self._array(dim)
        self.arrays[0][-1] = 0

    def images(self, shape: tuple[int, int, int]) -> Array:
        """The inputs as images of channels, height and width."""
        self.arrays[0][:3] = shape
        return Array(0, *shape)

    def tokens(self, count: int) -> Array:
        """The inputs as so many texts' tokens, one after the other."""
        self.order = self.order.reshape(count, -1).T.ravel()
        return self.images((len(self.order) // count, count, 1))

    def linear(self, x: Array, name: str, scale: float = 1.0, onto: Array | None = None) -> Array:
        """``scale`` times the weight (o, f) times x, added to ``onto``, if there is one.

        That may have other uses before this one, but none after.
        """
        out = self._array(self.shapes[name][0], x.h, x.w)
        if onto is not None:
            self.arrays[out.number][4] = self.arrays[onto.number][4]
        other = -1 if onto is None else onto.number
        return self._step("linear", x, out, other=other, weights=(name,), scale=scale)

    def relu(self, x: Array) -> Array:
        """The positive part, in place."""
        return self._step("relu", x, x)

    def filters(self, x: Array, name: str, stride: int) -> Array:
        """Filters (o, c, 3, 3) on images padded with a rim of zeros."""
        h, w = ((size - 1) // stride + 1 for size in (x.h, x.w))
        out = self._array(self.shapes[name][0], h, w)
        return self._step("filters", x, out, weights=(name,), number=stride)

    def mean(self, x: Array) -> Array:
        """Mean over positions."""
        return self._step("mean", x, self._array(x.f))

    def shift(self, x: Array, name: str) -> Array:
        """The weight (positions, f) is added, in place."""
        return self._step("shift", x, x, weights=(name,))

    def attend(self, query: Array, key: Array, value: Array, heads: int) -> Array:
        """Softmax attention over positions; nothing else may use the three arrays."""
        positions = query.h * query.w
        kept = self._array(heads * positions, positions, gradient=False)
        out = self._array(query.f, query.h, query.w)
        more = key.number, value.number
        return self._step("attend", query, out, *more, other=kept.number, number=heads)

    def layer_norm(self, x: Array) -> Array:
        """Mean 0 and variance 1 over features."""
        rates = self._array(1, x.h, x.w, gradient=False)
        return self._step("layer", x, self._array(x.f, x.h, x.w), other=rates.number)

    def batch_norm(self, x: Array, gain: str, offset: str) -> Array:
        """Mean 0 and variance 1 over positions and samples, then trained gains and offsets (f)."""
        rates = self._array(x.f, gradient=False)
        z = self._step("batch", x, self._array(x.f, x.h, x.w), other=rates.number)
        return self._step("affine", z, self._array(x.f, x.h, x.w), weights=(gain, offset))

    @property
    def whole(self) -> bool:
        """Whether all samples must be looked at together."""
        return any(step[0] == KINDS.index("batch") for step in self.steps)

    def _array(self, f: int, h: int = 1, w: int = 1, gradient: bool = True) -> Array:
        new, rows = Array(len(self.arrays), f, h, w), f * h * w
        self.arrays.append([f, h, w, self.rows, self.rows + rows, 1])
        self.rows += rows * (1 + gradient)
        return new

    def _step(
        self,
        kind: str,
        x: Array,
        out: Array,
        y: int = -1,
        z: int = -1,
        other: int = -1,
        weights: tuple[str, ...] = (),
        number: int = 0,
        scale: float = 1.0,
    ) -> Array:
        names = list(self.shapes)
        places = [names.index(name) for name in weights]
        places += [-1] * (2 - len(places))
        self.steps.append([KINDS.index(kind), x.number, y, z, out.number, other, *places, number])
        self.scales.append(scale)
        return out

    def packed(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Arrays, steps and scales, as compiled code takes them."""
        return (
            np.asarray(self.arrays, dtype=np.int64),
            np.asarray(self.steps, dtype=np.int64),
            np.asarray(self.scales),
        )
