"""The torch engine: all networks advance in step, one batched product at a time.

It runs on any device, and gives what the compiled engine
(:mod:`neuron_race.training.compiled_engine`) gives, to
rounding; the methods are the same.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.models.losses import mean_loss, residual
from neuron_race.training.compiled_engine import Crossing

Array = NDArray[Any]
Tensor = torch.Tensor


class Networks:
    """S networks in training, in torch; arguments as of
    :class:`neuron_race.training.compiled_engine.Networks`.

    Incoming weights are kept transposed, V (S, d, m), and products with one output as the row
    vector they are: the layouts in which the batched products are fastest.
    """

    def __init__(
        self,
        X: Array,
        Y: Array,
        W: Array,
        A: Array,
        words: Array,
        loss: str = "squared",
        freeze: tuple[str, ...] = (),
        learning_rate: float = 0.25,
        precision: str = "float64",
        device: torch.device | str = "cpu",
    ):
        dtype = getattr(torch, precision)
        self.X, self.Y, V, self.A = (
            torch.as_tensor(Z, dtype=dtype, device=device).clone() for Z in (X, Y, W, A)
        )
        self.V = V.mT.contiguous()
        self.words = torch.as_tensor(words, device=device)
        self.loss, self.freeze, self.learning_rate = loss, freeze, learning_rate
        S, N, m = X.shape[0], X.shape[1], W.shape[1]
        self.hidden = torch.empty((S, N, m), dtype=dtype, device=device)
        self.back = torch.empty_like(self.hidden)
        self.frozen_gates = (self.X @ self.V > 0).to(dtype) if "gates" in freeze else None
        self.frozen_residual = (
            residual(torch.zeros_like(self.Y), self.Y, loss) if "residual" in freeze else None
        )
        self.first_gates = torch.zeros_like(self.hidden, dtype=torch.bool)
        self.step, self.fresh = -1, False  # nothing evaluated yet
        self.mark()

    def _forward(self) -> Tensor:
        """Losses (S,) at the current weights; keeps activations and residuals for the step."""
        torch.bmm(self.X, self.V, out=self.hidden)
        if self.frozen_gates is None:
            self.hidden.clamp_(min=0.0)
        else:
            self.hidden.mul_(self.frozen_gates)
        F = torch.bmm(self.A.mT, self.hidden.mT).mT
        self.R = (
            residual(F, self.Y, self.loss) if self.frozen_residual is None else self.frozen_residual
        )
        return mean_loss(F, self.Y, self.loss)

    def _gated(self) -> Tensor:
        """g_ji (r_i . a_j) for all samples and neurons, (S, N, m); overwritten by the next call."""
        if self.A.shape[2] == 1:
            torch.mul(self.R, self.A.mT, out=self.back)
        else:
            torch.bmm(self.R, self.A.mT, out=self.back)
        if self.frozen_gates is not None:
            return self.back.mul_(self.frozen_gates)
        return torch.ops.aten.threshold_backward.grad_input(
            self.back, self.hidden, 0.0, grad_input=self.back
        )

    def _descend(self) -> None:
        """One step of gradient descent from the last forward pass (E1)."""
        rate = self.learning_rate / self.X.shape[1]
        self.V.baddbmm_(self.X.mT, self._gated(), alpha=rate)
        if "head" not in self.freeze:
            self.A.add_(torch.bmm(self.R.mT, self.hidden).mT, alpha=rate)

    def advance(self, until: int, bounds: Array, limit: Array) -> tuple[Array, list[Crossing]]:
        """See :meth:`neuron_race.training.compiled_engine.Networks.advance`; all stop where the
        first diverges."""
        first = self.step + 1
        losses = np.full((len(self.X), until - self.step), np.nan)
        bounds = np.array(bounds, dtype=float)
        crossings = []
        while self.step < until:
            if self.fresh:
                self._descend()
            self.step, self.fresh = self.step + 1, True
            now = losses[:, self.step - first] = self._forward().cpu().numpy()
            if not (now <= limit).all():  # also false for NaN
                break
            for run, event in zip(*np.nonzero(now[:, None] <= bounds), strict=True):
                W, A = (Z[run].cpu().numpy().copy() for Z in (self.V.mT, self.A))
                crossings.append(Crossing(int(run), int(event), self.step, W, A))
                bounds[run, event] = -np.inf
        if until == 0:
            self.first_gates = self._gates().clone()
        return losses, crossings

    def mark(self) -> None:
        """Remember the weights, to :meth:`rewind` to them."""
        self.marked = (self.step, self.V.clone(), self.A.clone())

    def rewind(self) -> None:
        """Go back to the marked weights."""
        self.step, V, A = self.marked
        self.V, self.A = V.clone(), A.clone()
        self._forward()

    def place(self, step: int, W: Array, A: Array) -> None:
        """Put the networks at ``step`` with weights ``W (S, m, d)`` and ``A (S, m, k)``."""
        self.V = torch.as_tensor(W).to(self.V).mT.contiguous()
        self.A = torch.as_tensor(A).to(self.A).clone()
        self.step, self.fresh = step - 1, False

    def weights(self) -> tuple[Array, Array]:
        """W (S, m, d) and A (S, m, k), in double precision whatever the steps'."""
        return self.V.mT.cpu().numpy().astype(float), self.A.cpu().numpy().astype(float)

    def gradients(self) -> tuple[Array, Array]:
        """Minus the gradients of the loss at these weights, (S, m, d) and (S, m, k) (E1)."""
        N = self.X.shape[1]
        dV = torch.bmm(self.X.mT, self._gated()).div_(N)
        dA = torch.bmm(self.R.mT, self.hidden).mT.div_(N)
        if "head" in self.freeze:
            dA = torch.zeros_like(dA)
        return dV.mT.cpu().numpy().astype(float), dA.cpu().numpy().astype(float)

    def _gates(self) -> Tensor:
        return (self.hidden > 0) if self.frozen_gates is None else self.frozen_gates > 0

    def gates(self) -> tuple[Array, Array, Array]:
        """Per neuron (S, m): open gates, gates that differ from step 0, sum of words (pattern)."""
        gates = self._gates()
        changed = (gates != self.first_gates).sum(dim=1)
        pattern = torch.where(gates, self.words[None, :, None], 0).sum(dim=1)
        counts = [Z.cpu().numpy() for Z in (gates.sum(dim=1), changed, pattern)]
        return counts[0], counts[1], counts[2]
