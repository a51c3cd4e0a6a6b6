"""The training engine: many networks at once, full-batch gradient descent, gradients by hand.

All runs of a condition are one batched float64 computation. At each snapshot the quantities that
the theory speaks of are measured in place, so that weights need be kept only at a few events.
"""

import sys
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.recipe import MEASURED, Recipe, Runs, snapshot_steps

Array = NDArray[Any]
Tensor = torch.Tensor


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or exploded: the message names the step, the runs and the remedy."""


def residual(F: Tensor, Y: Tensor, kind: str) -> Tensor:
    """Residual r = -dl/df, shape of ``F (S, N, k)``; logistic with k > 1 is softmax."""
    if kind == "squared":
        return Y - F
    if F.shape[-1] == 1:
        return Y * torch.sigmoid(-Y * F)
    return Y - torch.softmax(F, dim=-1)


def mean_loss(F: Tensor, Y: Tensor, kind: str) -> Tensor:
    """Mean loss of each run (S,)."""
    if kind == "squared":
        return (Y - F).square().sum(dim=(1, 2)) / (2 * F.shape[1])
    if F.shape[-1] == 1:
        return torch.nn.functional.softplus(-Y * F).sum(dim=(1, 2)) / F.shape[1]
    return -(Y * torch.log_softmax(F, dim=-1)).sum(dim=(1, 2)) / F.shape[1]


def choose_device(wanted: str = "auto") -> torch.device:
    """``cpu``, ``cuda``, or ``auto``: CUDA where there is one.

    Raises:
        ValueError: CUDA asked for and absent.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: cuda was asked for, but torch finds no CUDA device here")
    cuda = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if cuda else "cpu")


class _Networks:
    """The state of all runs and one step of gradient descent.

    Incoming weights are kept transposed, V (S, d, m), and products with one output as the row
    vector they are: the layouts in which the batched products are fastest.
    """

    def __init__(self, X: Tensor, Y: Tensor, W: Tensor, A: Tensor, recipe: Recipe):
        self.X, self.Y, self.recipe = X, Y, recipe
        self.V, self.A = W.mT.contiguous(), A.clone()
        S, N, m = X.shape[0], X.shape[1], W.shape[1]
        self.hidden = torch.empty((S, N, m), dtype=X.dtype, device=X.device)
        self.back = torch.empty_like(self.hidden)
        self.frozen_gates = (X @ self.V > 0).to(X.dtype) if "gates" in recipe.freeze else None
        self.frozen_residual = (
            residual(torch.zeros_like(Y), Y, recipe.loss) if "residual" in recipe.freeze else None
        )

    def forward(self) -> Tensor:
        """Losses (S,) at the current weights; keeps activations and residuals for the step."""
        torch.bmm(self.X, self.V, out=self.hidden)
        if self.frozen_gates is None:
            self.hidden.clamp_(min=0.0)
        else:
            self.hidden.mul_(self.frozen_gates)
        F = torch.bmm(self.A.mT, self.hidden.mT).mT
        self.R = (
            residual(F, self.Y, self.recipe.loss)
            if self.frozen_residual is None
            else self.frozen_residual
        )
        return mean_loss(F, self.Y, self.recipe.loss)

    def gates(self) -> Tensor:
        """Gates (S, N, m) of the last forward pass, as booleans."""
        return (self.hidden > 0) if self.frozen_gates is None else self.frozen_gates > 0

    def _gated(self, A: Tensor) -> Tensor:
        """g_ji (r_i . a_j) for all samples and neurons, (S, N, m); overwritten by the next call."""
        if A.shape[2] == 1:
            torch.mul(self.R, A.mT, out=self.back)
        else:
            torch.bmm(self.R, A.mT, out=self.back)
        if self.frozen_gates is not None:
            return self.back.mul_(self.frozen_gates)
        return torch.ops.aten.threshold_backward.grad_input(
            self.back, self.hidden, 0.0, grad_input=self.back
        )

    def pull(self, A: Tensor) -> Tensor:
        """(1/N) sum_i g_ji (r_i . a_j) x_i = C_j^T a_j for all neurons, (S, d, m) (E1)."""
        return torch.bmm(self.X.mT, self._gated(A)).div_(self.X.shape[1])

    def step(self) -> None:
        """One step of gradient descent from the last forward pass (E1)."""
        rate = self.recipe.learning_rate / self.X.shape[1]
        self.V.baddbmm_(self.X.mT, self._gated(self.A), alpha=rate)
        if "head" not in self.recipe.freeze:
            self.A.add_(torch.bmm(self.R.mT, self.hidden).mT, alpha=rate)


def train(
    X: Array,
    Y: Array,
    W: Array,
    A: Array,
    recipe: Recipe,
    device: str = "cpu",
    label: str = "",
    explode: float = 1e3,
) -> Runs:
    """Train S networks at once.

    Args:
        X: inputs (S, N, d).
        Y: targets (S, N, k).
        W: initial incoming weights (S, m, d'), d' >= d. Columns beyond the d of ``X`` are
            directions orthogonal to the data (see :mod:`neuron_race.span`): they never move, but
            count in norms and cosines.
        A: initial outgoing weights (S, m, k).
        recipe: how to train.
        device: see :func:`choose_device`.
        label: name for progress, which goes to standard error; silent if empty.
        explode: a loss beyond this many times max(initial loss, loss of f = 0) counts as diverged.

    Raises:
        TrainingDiverged: NaN or exploding loss. Nothing is returned then.
    """
    place = choose_device(device)
    tensors = [torch.as_tensor(Z, dtype=torch.float64, device=place) for Z in (X, Y, W, A)]
    d = X.shape[2]
    rest = tensors[2][:, :, d:].clone()
    nets = _Networks(tensors[0], tensors[1], tensors[2][:, :, :d], tensors[3], recipe)
    recorder = _Recorder(nets, rest, recipe)

    grid = set(snapshot_steps(recipe.max_steps, recipe.snapshots).tolist())
    at_zero = mean_loss(torch.zeros_like(nets.Y), nets.Y, recipe.loss)
    initial = limit = torch.full_like(at_zero, torch.inf)
    passed = torch.zeros((len(X), len(recipe.drops)), dtype=torch.bool, device=place)
    thresholds = 1 - torch.tensor(recipe.drops, dtype=torch.float64, device=place)
    began = shown = time.monotonic()
    for step in range(recipe.max_steps + 1):
        losses = nets.forward()
        if step == 0:
            initial, limit = losses, explode * torch.maximum(losses, at_zero)
            recorder.event(0, step, torch.ones(len(X), dtype=torch.bool, device=place))
        if not bool((losses <= limit).all()):  # also false for NaN
            bad = torch.nonzero(~(losses <= limit)).flatten().tolist()
            raise TrainingDiverged(
                f"loss diverged at step {step} in runs {bad} (loss {losses[bad[0]]:.3g}): "
                f"learning_rate {recipe.learning_rate} is too large here"
            )
        crossing = (losses[:, None] <= thresholds * initial[:, None]) & ~passed
        if bool(crossing.any()):
            for index in range(len(recipe.drops)):
                recorder.event(1 + index, step, crossing[:, index])
            passed |= crossing
        done = (
            step == recipe.max_steps
            or bool((losses <= recipe.loss_target * initial).all())
            or (recipe.stop_at_drop and bool(passed.all()))
        )
        snapshot = step in grid or done
        if snapshot:
            recorder.measure(step, losses)
        if label and time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(
                f"{label}: step {step}/{recipe.max_steps}, loss {float(losses.mean()):.4g}, "
                f"{shown - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        nets.step()
        if snapshot:
            recorder.measure_growth()
        if done:
            break
    return recorder.finish()


class _Recorder:
    """Measures at snapshots and keeps weights at events."""

    def __init__(self, nets: _Networks, rest: Tensor, recipe: Recipe):
        self.nets, self.rest, self.recipe = nets, rest, recipe
        self.rest_square = rest.square().sum(dim=-1)
        S, m, k = nets.A.shape
        full = (S, len(recipe.events), m, nets.V.shape[1] + rest.shape[2])
        self.event_step = np.full(full[:2], -1, dtype=np.int64)
        self.W_events = np.full(full, np.nan)
        self.A_events = np.full((*full[:3], k), np.nan)
        self.steps: list[int] = []
        self.losses: list[Array] = []
        # One more than planned: the step at which training stops need not be a planned snapshot.
        # Allocated at once, for small arrays between large temporaries fragment the heap (measured:
        # 18 MB a snapshot).
        planned = 1 + len(snapshot_steps(recipe.max_steps, recipe.snapshots))
        self.measured: dict[str, Array] = {
            name: np.empty((S, planned, m), dtype=np.int64 if name == "gate_pattern" else float)
            for name in MEASURED
        }
        size = 8 * (planned - 1) * S * m * (full[3] + k)
        self.weights: list[tuple[Array, Array]] | None = (
            [] if size <= recipe.max_weight_bytes else None
        )
        self.initial_gates: Tensor | None = None
        N = nets.X.shape[1]
        words = np.random.default_rng(np.random.SeedSequence(N)).integers(
            -(2**63), 2**63 - 1, size=N, dtype=np.int64
        )
        self.words = torch.as_tensor(words, device=nets.X.device)

    def _current(self) -> tuple[Tensor, Tensor]:
        return torch.cat([self.nets.V.mT, self.rest], dim=2), self.nets.A

    def event(self, index: int, step: int, runs: Tensor) -> None:
        """Keep the weights of the runs chosen by the mask ``runs (S,)`` as event ``index``."""
        which = runs.cpu().numpy()
        if which.any():
            W, A = self._current()
            self.event_step[which, index] = step
            self.W_events[which, index] = W.cpu().numpy()[which]
            self.A_events[which, index] = A.cpu().numpy()[which]

    def _norms(self) -> tuple[Tensor, Tensor]:
        norm_w = (self.nets.V.square().sum(dim=1) + self.rest_square).sqrt()
        return norm_w, self.nets.A.norm(dim=-1)

    def measure(self, step: int, losses: Tensor) -> None:
        """Measure all neurons from the last forward pass."""
        nets = self.nets
        norm_w, norm_a = self._norms()
        gates = nets.gates()
        if self.initial_gates is None:
            self.initial_gates = gates.clone()
        unit = nets.A / norm_a.clamp_min(torch.finfo(norm_a.dtype).tiny)[..., None]
        D = nets.pull(unit)
        norm_D = D.norm(dim=1)
        cos = (D * nets.V).sum(dim=1) / (norm_D * norm_w)
        pattern = torch.where(gates, self.words[None, :, None], 0).sum(dim=1)
        values = {
            "norm_w": norm_w,
            "norm_a": norm_a,
            "norm_D": norm_D,
            "cos_delta": cos.nan_to_num(0.0, 0.0, 0.0),  # a dead neuron is pulled nowhere
            "open": gates.to(norm_w.dtype).mean(dim=1),
            "gate_changes": (gates != self.initial_gates).to(norm_w.dtype).mean(dim=1),
            "gate_pattern": pattern,
        }
        self.before = norm_w.log() + norm_a.log()
        for name, value in values.items():
            self.measured[name][:, len(self.steps)] = value.cpu().numpy()
        self.steps.append(step)
        self.losses.append(losses.cpu().numpy().copy())
        if self.weights is not None:
            W, A = self._current()
            self.weights.append((W.cpu().numpy().copy(), A.cpu().numpy().copy()))
        self.last = tuple(Z.cpu().numpy().copy() for Z in self._current())

    def measure_growth(self) -> None:
        """Growth rate over the step that followed the last snapshot."""
        norm_w, norm_a = self._norms()
        growth = (norm_w.log() + norm_a.log() - self.before) / self.recipe.learning_rate
        self.measured["growth"][:, len(self.steps) - 1] = growth.cpu().numpy()

    def finish(self) -> Runs:
        """All that was recorded; the last snapshot is the event ``end``."""
        self.event_step[:, -1] = self.steps[-1]
        self.W_events[:, -1], self.A_events[:, -1] = self.last
        runs = Runs(
            step=np.asarray(self.steps, dtype=np.int64),
            loss=np.stack(self.losses, axis=1),
            event_step=self.event_step,
            W_events=self.W_events,
            A_events=self.A_events,
            measured={name: full[:, : len(self.steps)] for name, full in self.measured.items()},
        )
        if self.weights is not None:
            runs.W, runs.A = (np.stack(Z, axis=1) for Z in zip(*self.weights, strict=True))
        return runs
