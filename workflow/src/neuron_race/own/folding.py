"""A map and the normalisation behind it as one linear map, while a model trains."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from neuron_race.models.units import as_rows

Tensor = torch.Tensor


class Folded:
    """Weights of the function that makes a layer's preactivations of one batch.

    Behind a batch normalisation they are divided by the deviations that it divides by. A layer
    normalisation divides by a deviation of each row: then inputs are divided, instead of weights,
    and the mean over units is taken from these.

    Args:
        into: linear map or convolution.
        norm: batch or layer normalisation behind it, or None.
        before: what ``into`` gave, (n, m), samples and positions as rows. Its type is that of all.

    Attributes:
        W: (m, d), then a column for a bias, and one for that of a layer normalisation.
    """

    def __init__(self, into: Any, norm: Any, before: Tensor):
        self.into = into
        self.scale: Tensor | None = None  # (n, 1), of each row
        W = into.weight.detach().flatten(1).to(before.dtype)
        biases = [] if into.bias is None else [into.bias.detach().to(before.dtype)]
        # Of each column for a bias, whether its input is the scale of a row, or 1.
        self.scaled = [False] * len(biases)
        if isinstance(norm, nn.LayerNorm):
            self.scale = (before.var(dim=1, correction=0) + norm.eps).rsqrt()[:, None]
            gain = torch.ones_like(before[0]) if norm.weight is None else norm.weight.detach()
            W = (W - W.mean(dim=0)) * gain[:, None]
            biases = [(b - b.mean()) * gain for b in biases]
            self.scaled = [True] * len(biases)
            if norm.bias is not None:
                biases.append(norm.bias.detach())
                self.scaled.append(False)
        elif norm is not None:
            factor, shift = _batch_normalisation(norm, before)
            W = W * factor[:, None]
            biases = [shift + (factor * biases[0] if biases else 0.0)]
            self.scaled = [False]
        self.W = torch.cat([W, *(b[:, None] for b in biases)], dim=1)

    def gradient(self, Z: Tensor, at_outputs: Tensor) -> Tensor:
        """Gradient for :attr:`W` (m, d + columns), statistics held fixed.

        Args:
            Z: inputs of the map, in its own shape.
            at_outputs: gradient at the preactivations, in their own shape.
        """
        rows = as_rows(self.into, at_outputs)
        if isinstance(self.into, nn.Conv2d):
            gradient = self._of_filters(Z, at_outputs)
        else:
            gradient = self._scaled(rows).T @ as_rows(self.into, Z)
        sums = ((self._scaled(rows) if own else rows).sum(dim=0) for own in self.scaled)
        return torch.cat([gradient, *(column[:, None] for column in sums)], dim=1)

    def _scaled(self, rows: Tensor) -> Tensor:
        return rows if self.scale is None else rows * self.scale

    def _of_filters(self, Z: Tensor, at_outputs: Tensor) -> Tensor:
        into, padding = self.into, self.into.padding
        if isinstance(padding, str):
            Z, padding = F.pad(Z, into._reversed_padding_repeated_twice), 0
        shape = into.weight.shape
        how = {"stride": into.stride, "padding": padding, "dilation": into.dilation}
        return conv2d_weight(Z, shape, at_outputs, **how).flatten(1)


def _batch_normalisation(norm: Any, before: Tensor) -> tuple[Tensor, Tensor]:
    """Factor and shift (m,) of each unit: with a batch's own statistics while it trains."""
    if norm.training or norm.running_var is None:
        variance, mean = torch.var_mean(before, dim=0, correction=0)
    else:
        variance, mean = norm.running_var, norm.running_mean
    factor = (variance + norm.eps).rsqrt()
    if norm.weight is None:
        return factor, -mean * factor
    factor = factor * norm.weight.detach()
    return factor, norm.bias.detach() - mean * factor
