"""The training engine: many networks at once, full-batch gradient descent, gradients by hand.

All runs of a condition are one float64 computation, in compiled code
(:mod:`neuron_race.training.compiled_engine`)
or, on other devices and where there is no C compiler, in torch
(:mod:`neuron_race.training.torch_engine`). At
each snapshot the quantities that the theory speaks of are measured in place, so that weights need
be kept only at a few events.
"""

import functools
import math
import os
import sys
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import devices
from neuron_race.common.defined import DROP
from neuron_race.common.progress import Progress
from neuron_race.models import shallow
from neuron_race.training import compiled_engine
from neuron_race.training.checkpoints import Checkpoint
from neuron_race.training.recipe import (
    MEASURED,
    PRECISIONS,
    Recipe,
    Runs,
    TrainingDiverged,
    snapshot_steps,
)

Array = NDArray[Any]
if TYPE_CHECKING:  # torch takes seconds to import, and compiled code does without
    from neuron_race.training import torch_engine

Networks = Union["compiled_engine.Networks", "torch_engine.Networks"]
ENGINES = ("auto", "compiled", "torch")


@functools.cache
def _compiled() -> bool:
    """Whether the compiled engine can be had; says so, once, if not."""
    try:
        compiled_engine.library()
    except compiled_engine.KernelUnavailable as error:
        print(f"The torch engine trains, several times slower: {error}", file=sys.stderr)
        return False
    return True


def choose_engine(device: str, wanted: str = "auto") -> str:
    """``compiled`` or ``torch``; ``auto``: compiled on the CPU where there is a C compiler.

    The device is as :func:`neuron_race.common.devices.choose_device` takes it.

    Raises:
        ValueError: an unknown engine, or compiled asked for on another device than the CPU.
        KernelUnavailable: compiled asked for where it cannot be built.
    """
    on_cpu = device == "cpu" or (
        device == "auto" and (not devices.driver() or devices.choose_device().type == "cpu")
    )
    if wanted not in ENGINES or (wanted == "compiled" and not on_cpu):
        raise ValueError(f"engine: {wanted!r} is none of {', '.join(ENGINES)}, or not for {device}")
    if wanted == "compiled":
        compiled_engine.library()
        return "compiled"
    return "compiled" if wanted == "auto" and on_cpu and _compiled() else "torch"


def train(
    X: Array,
    Y: Array,
    W: Array,
    A: Array,
    recipe: Recipe,
    device: str = "cpu",
    label: str = "",
    explode: float = 1e3,
    engine: str = "auto",
    checkpoint: Checkpoint | None = None,
) -> Runs:
    """Train S networks at once.

    Args:
        X: inputs (S, N, d).
        Y: targets (S, N, k).
        W: initial incoming weights (S, m, d'), d' >= d. Columns beyond the d of ``X`` are
            directions orthogonal to the data (see :mod:`neuron_race.training.span`): they never
            move, but
            count in norms and cosines.
        A: initial outgoing weights (S, m, k).
        recipe: how to train.
        device: see :func:`neuron_race.common.devices.choose_device`.
        label: name for progress, which goes to standard error; silent if empty.
        explode: a loss beyond this many times max(initial loss, loss of f = 0) counts as diverged.
        engine: see :func:`choose_engine`.
        checkpoint: where an interrupted training goes on from, with the same bits; None: nowhere.

    Raises:
        TrainingDiverged: NaN or exploding loss. Nothing is returned then.
    """
    chosen = choose_engine(device, engine)
    nets = networks(X, Y, W[:, :, : X.shape[2]], A, recipe, chosen, device)
    recorder = _Recorder(nets, X, W, A, recipe)
    course = _Course(
        nets, recorder, recipe, shallow.loss(np.zeros_like(Y), Y, recipe.loss), explode
    )
    if checkpoint:
        course.resume(checkpoint, chosen, label)
    progress = Progress(label, recipe.max_steps)
    while course.end is None and course.step < recipe.max_steps:
        losses = course.advance()
        if checkpoint and course.step in course.planned and course.end is None and checkpoint.due():
            checkpoint.write({"engine": np.asarray(ENGINES.index(chosen)), **recorder.state()})
        progress.tell(course.step, losses[:, -1])
    return recorder.finish(chosen)


def networks(
    X: Array, Y: Array, W: Array, A: Array, recipe: Recipe, engine: str, device: str
) -> Networks:
    """Networks in training, by an engine; their gate patterns are sums of words of the samples."""
    N = X.shape[1]
    words = np.random.default_rng(np.random.SeedSequence(N)).integers(
        -(2**63), 2**63 - 1, size=(N,), dtype=np.int64
    )
    start, how = (X, Y, W, A, words), (recipe.loss, recipe.freeze, recipe.learning_rate)
    precision = PRECISIONS[recipe.precision]
    if engine == "compiled":
        return compiled_engine.Networks(*start, *how, threads=_threads(), precision=precision)
    from neuron_race.training import torch_engine

    return torch_engine.Networks(
        *start, *how, device=devices.choose_device(device), precision=precision
    )


def _threads() -> int:
    """As many as torch takes, or would take if it were imported."""
    if (torch := sys.modules.get("torch")) is not None:
        return int(torch.get_num_threads())
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


class _Course:
    """Where training is, and where it goes next."""

    def __init__(
        self,
        nets: Networks,
        recorder: "_Recorder",
        recipe: Recipe,
        at_zero: Array,
        explode: float,
    ):
        self.nets, self.recorder, self.recipe = nets, recorder, recipe
        S = len(at_zero)
        losses, _ = nets.advance(0, np.empty((S, 0)), np.full(S, np.inf))
        self.initial = initial = losses[:, 0]
        self.limit = explode * np.maximum(initial, at_zero)
        _check(losses, self.limit, 0, recipe)
        self.bounds = (1 - np.asarray(recipe.drops)) * initial[:, None]
        self.bounds[initial == 0] = -np.inf  # nothing to lose: no drop
        W, A = nets.weights()
        for s, drop in zip(*np.nonzero(initial[:, None] <= self.bounds), strict=True):
            recorder.event(s, drop, 0, W[s], A[s])
        recorder.measure(0, initial)
        steps = snapshot_steps(recipe.max_steps, recipe.snapshots).tolist()
        self.planned = {*steps, recipe.max_steps}
        self.step = 0
        self.end = _end(losses, 0, initial, recorder.drop_step, recipe)

    def resume(self, checkpoint: Checkpoint, engine: str, label: str) -> None:
        """Go on from a checkpoint, if there is one of this engine.

        Raises:
            ResultError: it does not fit the training.
        """
        kept = checkpoint.read()
        if not kept or kept.pop("engine", -1) != ENGINES.index(engine):
            return
        try:
            self.step = self.recorder.resume(kept)
        except (LookupError, ValueError) as error:
            raise checkpoint.misfit(error) from error
        losses = self._silently(self.step)
        self.end = _end(losses, self.step, self.initial, self.recorder.drop_step, self.recipe)
        if label:
            print(f"{label}: goes on from step {self.step}", file=sys.stderr, flush=True)

    def _silently(self, until: int) -> Array:
        """Advance whatever the loss."""
        S = len(self.initial)
        return self.nets.advance(until, np.empty((S, 0)), np.full(S, np.inf))[0]

    def advance(self) -> Array:
        """Go on to the next snapshot at most; the losses (S, steps) on the way."""
        nets, recorder, step = self.nets, self.recorder, self.step
        # Whether and where to stop shows only afterwards: not too many steps are in vain then.
        until = min(min(p for p in self.planned if p > step), step + max(16, step // 8))
        nets.mark()
        self.bounds[recorder.drop_step >= 0] = -np.inf
        losses, crossings = nets.advance(until, self.bounds, self.limit)
        for crossing in crossings:
            recorder.event(*crossing)
        end = _end(losses, step + 1, self.initial, recorder.drop_step, self.recipe)
        if end is not None:
            losses = losses[:, : end - step]
        _check(losses, self.limit, step + 1, self.recipe)
        if end is not None and end < until:
            recorder.forget(end)
            nets.rewind()
            self._silently(end)
        self.step, self.end = (until if end is None else end), end
        if self.step in self.planned or end is not None:
            recorder.measure(self.step, losses[:, -1])
        return losses


def _check(losses: Array, limit: Array, first: int, recipe: Recipe) -> None:
    """Raise where a loss (S, steps), the first of step ``first``, is not at or below its limit."""
    bad = ~(losses <= limit[:, None])  # also true for NaN
    if bad.any():
        column = int(np.argmax(bad.any(axis=0)))
        runs = np.flatnonzero(bad[:, column]).tolist()
        raise TrainingDiverged(
            f"loss diverged at step {first + column} in runs {runs} "
            f"(loss {losses[runs[0], column]:.3g}): "
            f"learning_rate {recipe.learning_rate} is too large here",
            first + column,
        )


def _end(losses: Array, first: int, initial: Array, drop_step: Array, recipe: Recipe) -> int | None:
    """The step at which training is over before its budget is, if among those of ``losses``."""
    ends = first + np.flatnonzero((losses <= recipe.loss_target * initial[:, None]).all(axis=0))[:1]
    if recipe.stop_at_drop and (drop_step >= 0).all():
        ends = np.append(ends, max(first, drop_step.max()))
    if recipe.after_drop:
        drop = drop_step[:, recipe.drops.index(DROP)]
        planned = max(first, math.ceil(recipe.after_drop * drop.max()))
        if (drop >= 0).all() and planned < first + losses.shape[1]:
            ends = np.append(ends, planned)
    return int(ends.min()) if len(ends) else None


class _Recorder:
    """Measures at snapshots and keeps weights at events."""

    def __init__(self, nets: Networks, X: Array, W: Array, A: Array, recipe: Recipe):
        self.nets, self.recipe = nets, recipe
        (S, self.N, d), (m, k) = X.shape, A.shape[1:]
        self.rest = W[:, :, d:]
        self.rest_square = _square(self.rest)
        full = (S, len(recipe.events), m, W.shape[2])
        self.event_step = np.full(full[:2], -1, dtype=np.int64)
        self.W_events = np.full(full, np.nan)
        self.A_events = np.full((*full[:3], k), np.nan)
        self.event_step[:, 0], self.W_events[:, 0], self.A_events[:, 0] = 0, W, A
        self.drop_step = self.event_step[:, 1:-1]  # a view
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

    def event(self, run: int, drop: int, step: int, W: Array, A: Array) -> None:
        """Keep the weights of a run at a drop of the loss."""
        self.drop_step[run, drop] = step
        self.W_events[run, 1 + drop] = np.concatenate([W, self.rest[run]], axis=1)
        self.A_events[run, 1 + drop] = A

    def forget(self, end: int) -> None:
        """Forget drops after the step ``end``."""
        later = np.zeros(self.event_step.shape, dtype=bool)
        later[:, 1:-1] = self.drop_step > end
        self.event_step[later] = -1
        self.W_events[later] = self.A_events[later] = np.nan

    def _norms(self, W: Array, A: Array) -> tuple[Array, Array]:
        return np.sqrt(_square(W) + self.rest_square), np.sqrt(_square(A))

    def measure(self, step: int, losses: Array) -> None:
        """Measure all neurons at the networks' step, and their growth over the next one."""
        W, A = self.nets.weights()
        dW, dA = self.nets.gradients()
        opened, changed, pattern = self.nets.gates()
        rate = self.recipe.learning_rate
        norm_w, norm_a = self._norms(W, A)
        pull = np.sqrt(_square(dW))  # |C_j^T a_j|
        scale = pull * norm_w
        # A dead neuron is pulled nowhere: its cosine is 0.
        cos = np.divide(_dot(dW, W), scale, out=np.zeros_like(scale), where=scale > 0)
        next_w, next_a = self._norms(W + rate * dW, A + rate * dA)
        values = {
            "norm_w": norm_w,
            "norm_a": norm_a,
            "norm_D": pull / np.maximum(norm_a, np.finfo(float).tiny),
            "cos_delta": cos,
            "growth": (np.log(next_w / norm_w) + np.log(next_a / norm_a)) / rate,
            "open": opened / self.N,
            "gate_changes": changed / self.N,
            "gate_pattern": pattern,
        }
        for name, value in values.items():
            self.measured[name][:, len(self.steps)] = value
        self.steps.append(step)
        self.losses.append(losses.copy())
        if self.weights is not None:
            self.weights.append((np.concatenate([W, self.rest], axis=2), A))

    def state(self) -> dict[str, Array]:
        """All that training needs to go on from the last snapshot."""
        W, A = self.nets.weights()
        done = len(self.steps)
        state = {
            "W": W,
            "A": A,
            "steps": np.asarray(self.steps, dtype=np.int64),
            "losses": np.stack(self.losses),
            "event_step": self.event_step,
            "W_events": self.W_events,
            "A_events": self.A_events,
            **{f"measured_{name}": full[:, :done] for name, full in self.measured.items()},
        }
        if self.weights is not None:
            kept_w, kept_a = zip(*self.weights, strict=True)
            state |= {"kept_W": np.stack(kept_w), "kept_A": np.stack(kept_a)}
        return state

    def resume(self, state: dict[str, Array]) -> int:
        """Put everything as it was at the last snapshot of a state; returns its step."""
        self.steps = state["steps"].tolist()
        self.losses = list(state["losses"])
        for name in ("event_step", "W_events", "A_events"):
            getattr(self, name)[:] = state[name]
        for name, full in self.measured.items():
            full[:, : len(self.steps)] = state[f"measured_{name}"]
        if self.weights is not None:
            self.weights = list(zip(state["kept_W"], state["kept_A"], strict=True))
        self.nets.place(self.steps[-1], state["W"], state["A"])
        return self.steps[-1]

    def finish(self, engine: str) -> Runs:
        """All that was recorded; the last snapshot is the event ``end``."""
        W, A = self.nets.weights()
        self.event_step[:, -1] = self.steps[-1]
        self.W_events[:, -1] = np.concatenate([W, self.rest], axis=2)
        self.A_events[:, -1] = A
        runs = Runs(
            step=np.asarray(self.steps, dtype=np.int64),
            loss=np.stack(self.losses, axis=1),
            event_step=self.event_step,
            W_events=self.W_events,
            A_events=self.A_events,
            measured={name: full[:, : len(self.steps)] for name, full in self.measured.items()},
            engine=engine,
        )
        if self.weights is not None:
            runs.W, runs.A = (np.stack(Z, axis=1) for Z in zip(*self.weights, strict=True))
        return runs


def _dot(U: Array, V: Array) -> Array:
    """Inner products over the last axis."""
    result: Array = np.einsum("smd,smd->sm", U, V)
    return result


def _square(U: Array) -> Array:
    return _dot(U, U)
