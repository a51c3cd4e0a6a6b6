"""Outputs and gradients of many runs of a model at once, as batched products by hand.

Arrays have runs first and samples last, (S, features, ..., N): a layer of all runs is one batched
product with a long side of samples, and none of these arrays is ever transposed. They lie in
buffers that are used again at the next pass, for fresh memory costs as much as a layer.

A model says its forward pass in terms of a :class:`Pass`; each operation remembers its backward.
"""

from collections.abc import Callable, Mapping

import torch

Tensor = torch.Tensor


class Node:
    """An array (S, features, ..., N) on the way from inputs to outputs.

    Attributes:
        value: the array.
        slope: gradient by it of the sum of all runs' losses, once the backward pass is there.
        learns: whether anything wants to know that gradient.
    """

    def __init__(self, value: Tensor, learns: bool = True):
        self.value, self.slope, self.learns = value, value.new_empty(0), learns


class Pass:
    """A forward pass of stacked runs, and the backward pass: one at a time, always the same.

    An operation overwrites what only it reads: ``relu`` the array that it is given, and on the way
    back each operation the gradient of its result.
    """

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []

    def start(self, weights: Mapping[str, Tensor], X: Tensor) -> Node:
        """Begin with stacked weights; the inputs X (S, N, d), as (S, d, N)."""
        self._weights, self._taken = weights, 0
        self._back: list[Callable[[], None]] = []
        self._slopes: dict[str, Tensor] = {}
        return Node(X.mT, learns=False)

    def finish(self, outputs: Node, slope: Tensor) -> dict[str, Tensor]:
        """Gradients by the weights, of which ``slope`` (S, k, N) is the one by the outputs.

        They are overwritten by the next pass.
        """
        outputs.slope = slope
        for back in reversed(self._back):
            back()
        return self._slopes

    def linear(self, x: Node, name: str, scale: float = 1.0, onto: Node | None = None) -> Node:
        """The ``scale`` times weight ``name`` (S, o, f) times x (S, f, ..., N), added to ``onto``.

        What ``onto`` is must have no other use after this one.
        """
        W, H = self._weights[name], x.value.flatten(2)
        value = self._room(*W.shape[:2], H.shape[2])
        if onto is None:
            value.baddbmm_(W, H, beta=0, alpha=scale)
        else:
            torch.baddbmm(onto.value.flatten(2), W, H, alpha=scale, out=value)
        result = Node(value.unflatten(2, x.value.shape[2:]))
        slope = self._room(*W.shape)
        below = self._room(*H.shape) if x.learns else None

        def back() -> None:
            D = result.slope.flatten(2)
            self._slopes[name] = slope.baddbmm_(D, H.mT, beta=0, alpha=scale)
            if below is not None:
                self._descend(x, below, W.mT, D, scale)
            if onto is not None:
                onto.slope = result.slope

        self._back.append(back)
        return result

    def relu(self, x: Node) -> Node:
        """The positive part of x, in its place."""
        H = x.value.relu_()

        def back() -> None:
            torch.ops.aten.threshold_backward.grad_input(x.slope, H, 0.0, grad_input=x.slope)

        self._back.append(back)
        return x

    def _descend(self, x: Node, room: Tensor, A: Tensor, B: Tensor, scale: float) -> None:
        """Add a product to the gradient by x; it lies in ``room`` if it has none yet."""
        if x.slope.numel():
            x.slope.flatten(2).baddbmm_(A, B, alpha=scale)
        else:
            x.slope = room.baddbmm_(A, B, beta=0, alpha=scale).view(x.value.shape)

    def _room(self, *shape: int) -> Tensor:
        """The next buffer, of zeros when it is new."""
        like = next(iter(self._weights.values()))
        if self._taken == len(self._buffers):
            self._buffers.append(like.new_zeros(shape))
        self._taken += 1
        return self._buffers[self._taken - 1]
