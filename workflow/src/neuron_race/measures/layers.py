"""One layer of hidden units inside any PyTorch model, seen as the paper sees its only layer.

A unit is a linear neuron, a filter, or a neuron of a transformer's MLP: an affine map, a ReLU, and
another affine map that reads it. Hooks on the two maps catch the inputs ``Z`` of the first and, in
the backward pass, the residual ``R`` at the output of the second. With these in the places of X and
of the output's residual, every equation of one hidden layer holds for this layer at this moment:
w' = C^T a and a' = C w with C = (1/n) sum_i g_i R_i Z_i^T (E1), Q conserved (E2), and so on. So the
functions of :mod:`neuron_race.theory.equations`, :mod:`neuron_race.models.clusters` and
:mod:`neuron_race.models.smaller` apply as they are. What depth changes is that Z and R move.

Positions (tokens, pixels) count as samples: n = N P rows, with R scaled so that (1/n) sum_i is the
gradient of the mean loss over the N samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call

from neuron_race.models import clusters, norms
from neuron_race.models.losses import mean_loss
from neuron_race.models.units import Units, as_rows, doubles, listening
from neuron_race.theory import equations

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Tensor = torch.Tensor
Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Layer:
    """A layer of m units of one model at one moment.

    Attributes:
        units: where it is.
        W: incoming weights (m, d), with the bias, if there is one, as the last column. Behind a
            batch normalisation these are the weights of the function, gain / deviation folded in.
        A: outgoing weights (m, k); k counts outputs, and for a convolution outputs times taps.
        Z: inputs (n, d), with a constant 1 for a bias.
        R: residual at what the units are read into (n, k), see the module's text.
        gates: (n, m), 1 where the unit is open.
        raw_norm: norms (m,) of the incoming weights as stored; |W| except for a normalisation.
    """

    units: Units
    W: Array
    A: Array
    Z: Array
    R: Array
    gates: Array
    raw_norm: Array

    @property
    def norm_product(self) -> Array:
        """c_j = |a_j| |w_j|, (m,)."""
        return norms.norm_product(self.W, self.A)

    @property
    def contribution(self) -> Array:
        """|a_j| times the root mean square of unit j's output (m,): the size of what it adds.

        Unlike c_j this does not depend on how a normalisation scales the weights.
        """
        output = self.gates * (self.Z @ self.W.T)
        return np.linalg.norm(self.A, axis=1) * np.sqrt((output**2).mean(axis=0))

    @property
    def correlation(self) -> Array:
        """Gated residual correlation C_j, (m, k, d). (E1)"""
        return equations.gated_residual_correlation(self.W, self.Z, self.R, self.gates)

    @property
    def velocity(self) -> tuple[Array, Array]:
        """Minus the gradients of the mean loss, (m, d) and (m, k). (E1)"""
        return equations.neuron_velocity(self.W, self.A, self.Z, self.R, self.gates)

    @property
    def alignment(self) -> Array:
        """Cosine (m,) between w_j and its pull C_j^T a_j; 0 where nothing pulls. (E3)"""
        pull = self.velocity[0]
        norms = np.linalg.norm(pull, axis=1) * np.linalg.norm(self.W, axis=1)
        dot = (pull * self.W).sum(axis=1)
        return np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0)

    @property
    def active(self) -> NDArray[np.bool_]:
        """Units (m,) open on at least one sample."""
        return np.asarray(self.gates.any(axis=0))

    @property
    def race_score(self) -> Array:
        """Score (m,) of the race law with Z and R held fixed; 0 where nothing pulls. (E5)"""
        C, score = self.correlation, np.zeros(len(self.W))
        pulled = C.any(axis=(1, 2))
        score[pulled] = equations.race_score(self.W[pulled], self.A[pulled], C[pulled])
        return score

    def clusters(self, cosine: float = 0.99) -> Labels:
        """Clusters of total weight vectors among the active units (m,)."""
        return clusters.find(self.W, self.A, cosine, self.active)


def observe(
    model: nn.Module,
    parameters: Mapping[str, Tensor],
    X: Tensor,
    Y: Tensor,
    kind: str,
    units: list[Units],
) -> list[Layer]:
    """All layers of hidden units, from one forward and one backward pass.

    Args:
        model: the architecture; its own weights are not used.
        parameters: weights of one run.
        X: inputs (N, d).
        Y: targets (N, k).
        kind: loss, ``squared`` or ``logistic``.
        units: which layers.

    Raises:
        ValueError: a map between units that is neither linear nor a convolution of stride 1.
    """

    weights = {key: value.detach().requires_grad_() for key, value in parameters.items()}
    names = {n for u in units for n in (u.incoming, u.outgoing, u.normalisation) if n is not None}
    with listening(model, names) as heard:
        F = functional_call(model, weights, (X,))
    outputs = [heard[u.outgoing][1] for u in units]
    gradients = torch.autograd.grad(mean_loss(F[None], Y[None], kind)[0], outputs)
    return [
        _read(model, weights, u, heard, -gradient)
        for u, gradient in zip(units, gradients, strict=True)
    ]


def _read(
    model: nn.Module,
    weights: Mapping[str, Tensor],
    units: Units,
    heard: Mapping[str, tuple[Tensor, Tensor]],
    residual: Tensor,
) -> Layer:
    incoming, outgoing = (model.get_submodule(n) for n in (units.incoming, units.outgoing))
    into, preactivation = heard[units.incoming]
    W = weights[f"{units.incoming}.weight"].flatten(1)
    raw_norm = W.norm(dim=1)
    Z = _patches(into, incoming) if isinstance(incoming, nn.Conv2d) else into.flatten(0, -2)
    bias = weights.get(f"{units.incoming}.bias")
    if units.normalisation is not None:
        norm = model.get_submodule(units.normalisation)
        if not isinstance(norm, nn.BatchNorm2d) or bias is not None:
            raise ValueError(f"{units.normalisation}: only BatchNorm2d after a map without bias")
        spread, mean = torch.var_mean(preactivation, dim=(0, 2, 3), correction=0)
        factor = weights[f"{units.normalisation}.weight"] / (spread + norm.eps).sqrt()
        W, bias = W * factor[:, None], weights[f"{units.normalisation}.bias"] - mean * factor
        preactivation = heard[units.normalisation][1]
    if bias is not None:
        W = torch.cat([W, bias[:, None]], dim=1)
        Z = torch.cat([Z, Z.new_ones(len(Z), 1)], dim=1)
    A, R = _outgoing(outgoing, weights[f"{units.outgoing}.weight"], residual, preactivation)
    return Layer(
        units=units,
        W=doubles(W),
        A=doubles(A),
        Z=doubles(Z),
        R=doubles(R) * len(Z),
        gates=doubles(as_rows(incoming, preactivation) > 0),
        raw_norm=doubles(raw_norm),
    )


def _patches(image: Tensor, convolution: nn.Conv2d) -> Tensor:
    """What a filter sees at each position, (N P, channels x taps)."""
    unfolded = nn.functional.unfold(
        image,
        convolution.kernel_size,
        padding=convolution.padding,  # type: ignore[arg-type]
        stride=convolution.stride,
    )
    return unfolded.mT.flatten(0, 1)


def _outgoing(
    outgoing: nn.Module, weight: Tensor, residual: Tensor, preactivation: Tensor
) -> tuple[Tensor, Tensor]:
    """Outgoing weights (m, k) and the residual they are read into at each position (n, k)."""
    if isinstance(outgoing, nn.Conv2d):
        if set(outgoing.stride) != {1}:
            raise ValueError("units read by a convolution with a stride are not supported")
        # A unit at p is read at p - tap + padding: the transposed convolution, as patches of R.
        size, padding = outgoing.kernel_size, outgoing.padding
        margin = (size[0] - 1 - int(padding[0]), size[1] - 1 - int(padding[1]))
        R = nn.functional.unfold(residual, size, padding=margin).mT.flatten(0, 1)
        return weight.flip(-2, -1).transpose(0, 1).flatten(1), R
    if not isinstance(outgoing, nn.Linear):
        raise ValueError(f"units read by {type(outgoing).__name__} are not supported")
    if preactivation.ndim == 4:  # filters, read through their mean over positions
        P = preactivation.shape[2] * preactivation.shape[3]
        return weight.T, (residual / P).repeat_interleave(P, dim=0)
    return weight.T, residual.flatten(0, -2)
