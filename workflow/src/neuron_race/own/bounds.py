"""How far an output may move when units are merged or removed: E7 and E8 behind any chain.

At a position p unit j is c_j times a ReLU of w_j/|w_j| . z_p, with inputs z_p. Pooling acts on
each unit alone, is monotone, and moves by no more than the largest or mean |z_p| that it takes: so
the sizes |z_p|, pooled like a unit, bound what a unit of c = 1 gives (:func:`reach`). What the
units are read into at one place moves by that, summed in squares over what is read there, times

    sum_j c_j (d_j + e_j)      merged: distances of w_j/|w_j| and a_j/|a_j| from the merged ones
    sum_j c_j                  removed

With maxima of several positions d_j + d_j^2/2 stands for d_j: the merged unit is shorter than its
group, sum_j c_j - |w_G| = sum_j c_j d_j^2/2. From the reader on, a change grows by no more than the
rest of the network stretches distances (:func:`stretch`).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.nn import functional as F

from neuron_race.models.norms import norm_product, unit
from neuron_race.models.units import doubles
from neuron_race.own import chains, weights
from neuron_race.own.chains import Chain

Array = NDArray[np.float64]
Tensor = torch.Tensor
# Activations that never stretch a distance, and normalisations that are a fixed map in evaluation.
CONTRACTIONS = chains.RELUS | chains.IDENTITIES | {nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Hardtanh}
CONTRACTIONS |= {torch.tanh, torch.sigmoid, F.softmax, torch.softmax, "softmax", "squeeze"}
CONTRACTIONS |= {nn.Flatten, torch.flatten, "flatten", "view", "reshape", torch.reshape}


def reach(model: nn.Module, chain: Chain, Z: Tensor) -> Array:
    """How far a unit of norm product 1 moves what reads the layer, (N,), in evaluation.

    Args:
        Z: inputs of the layer, (N, ..., d) or (N, channels, height, width).
    """
    into, reader, _ = weights.parts(model, chain)
    Z = Z.cpu().double()  # not at once: some devices have no float64
    if isinstance(into, nn.Conv2d):
        squares = _windows(Z.square().sum(dim=1, keepdim=True), into)
    else:
        squares = Z.square().sum(dim=-1)
    size = (squares + weights.has_bias(model, chain)).sqrt()
    for pool in chain.pooling:
        size = pool(size)
    squares = size.square()
    if isinstance(reader, nn.Conv2d):
        squares = _windows(squares, reader)
    return doubles(squares.reshape(len(squares), -1).sum(dim=1).sqrt())


def _windows(squares: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Sums (N, 1, height, width) over what a convolution reads at each place."""
    ones = squares.new_ones(1, 1, *convolution.kernel_size)
    how: dict[str, Any] = {key: getattr(convolution, key) for key in ("stride", "padding")}
    return F.conv2d(squares, ones, dilation=convolution.dilation, **how)


def merged(chain: Chain, W: Array, A: Array, merged_W: Array, merged_A: Array) -> float:
    """sum_j c_j (d_j + e_j) of units (r, d), (r, k) and what each was merged into, same shapes."""
    c = norm_product(W, A)
    d, e = (
        np.linalg.norm(unit(own) - unit(new), axis=1) for own, new in ((W, merged_W), (A, merged_A))
    )
    return float(c @ (d + e + (d**2 / 2 if chain.maximum else 0.0)))


def stretch(model: nn.Module, rest: Sequence[fx.Node] | None) -> float:
    """By how much the rest of a network may stretch distances; infinite where that is not known.

    The product of bounds of its parts: largest singular value of a linear map; of a convolution's
    weights as a matrix, times the root of how many places read one input.
    """
    factor = 1.0
    modules = dict(model.named_modules())
    for node in () if rest is None else rest:
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        factor *= _stretch(module, node.target if module is None else type(module), node)
    return math.inf if rest is None else factor


def _stretch(module: Any, what: Any, node: fx.Node) -> float:
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        return math.inf  # what pads is read more often than windows overlap
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        matrix = doubles(module.weight).reshape(len(module.weight), -1)
        largest = float(np.linalg.norm(matrix, 2))
        if isinstance(module, nn.Conv2d):
            largest *= _overlap(module.kernel_size, module.stride, module.dilation)
        return largest
    if isinstance(module, weights.BATCH_NORMS) and module.running_var is not None:
        gain = 1.0 if module.weight is None else doubles(module.weight)
        return float(np.abs(gain / np.sqrt(doubles(module.running_var) + module.eps)).max())
    if what in (nn.MaxPool2d, nn.AvgPool2d):
        return _pooled(vars(module))
    if what in _POOLS:
        names = _POOLS[what]
        return _pooled({**dict(zip(names, node.args[1:], strict=False)), **node.kwargs})
    if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
        return 1.0
    if what in (nn.LeakyReLU, F.leaky_relu):
        return max(1.0, abs(chains.negative_slope(node, module)))
    return 1.0 if what in CONTRACTIONS else math.inf


# Arguments after the input, in their order, of pooling as a function.
_POOLS = {
    F.max_pool2d: ("kernel_size", "stride", "padding", "dilation"),
    F.avg_pool2d: (
        *("kernel_size", "stride", "padding"),
        *("ceil_mode", "count_include_pad", "divisor_override"),
    ),
}


def _pooled(given: Mapping[str, Any]) -> float:
    """Stretch of maxima or means over windows; of sums, which a divisor makes of means, unknown."""
    size, dilation = given["kernel_size"], given.get("dilation", 1)
    stride = given.get("stride")
    if given.get("divisor_override") is not None:
        return math.inf
    return _overlap(size, stride or size, dilation)


def _overlap(size: Any, stride: Any, dilation: Any) -> float:
    """Root of the number of windows that hold one position, at most; infinite for unknown sizes.

    A window's k taps lie d apart, and windows begin s apart: those of its taps that can be at one
    position are every s / gcd(d, s)-th.
    """
    pairs = [v if isinstance(v, (tuple, list)) else (v, v) for v in (size, stride, dilation)]
    if not all(isinstance(v, int) for pair in pairs for v in pair):  # the graph computes it
        return math.inf
    counts = (math.ceil(k * math.gcd(d, s) / s) for k, s, d in zip(*pairs, strict=True))
    return math.prod(counts) ** 0.5
