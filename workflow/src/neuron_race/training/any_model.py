"""Training of many runs of one model at once, on stacked parameters.

The counterpart of :mod:`neuron_race.training.engine` for any model, optimizer and schedule. On a
network with one hidden layer it takes the same steps.
"""

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call, vmap

from neuron_race.common.defined import DROP
from neuron_race.common.devices import choose_device
from neuron_race.common.progress import Progress
from neuron_race.common.seeds import stream
from neuron_race.models.deep import Network
from neuron_race.models.losses import mean_loss, residual
from neuron_race.training import checkpoints, compiled_passes
from neuron_race.training.compiled_passes import Passes
from neuron_race.training.course import Course, History, Plan, Stacked, Tensor, moved, one
from neuron_race.training.optimizers import factor
from neuron_race.training.recipe import TrainingDiverged

Summed = Callable[[Stacked, Stacked, float], Tensor]
Gradients = Callable[..., tuple[Tensor, Tensor, Stacked]]


def _outputs(model: nn.Module) -> Callable[[Mapping[str, Tensor], Tensor], Tensor]:
    return vmap(lambda p, x: functional_call(model, p, (x,)))


def outputs(model: nn.Module, stacked: Mapping[str, Tensor], X: Tensor) -> Tensor:
    """Outputs (S, N, k) of all runs, each on its own inputs ``X (S, N, d)``."""
    with torch.no_grad():
        return _outputs(model)(dict(stacked), X)


def gradients(
    model: nn.Module,
    loss: str,
    freeze_residual: bool = False,
    device: torch.device | None = None,
) -> Gradients:
    """Map stacked parameters, X (S, N, d) and Y (S, N, k) to losses, outputs and gradients.

    The losses (S,), the outputs (S, N, k) and the stacked gradients, unless it is told not to
    ``learn``. On a CPU (None) by compiled code, if the model lists its operations; then they are
    overwritten by the next call with as many samples.
    """
    if isinstance(model, Network) and model.operations and compiled_passes.usable(device):
        return _compiled(model, loss, freeze_residual)
    forward = _outputs(model)

    def differentiate(
        stacked: Mapping[str, Tensor], X: Tensor, Y: Tensor, learn: bool = True
    ) -> tuple[Tensor, Tensor, Stacked]:
        leaves = {name: own.detach().requires_grad_(learn) for name, own in stacked.items()}
        F = forward(leaves, X)
        slopes: Sequence[Tensor] = ()
        if learn:
            # No run's loss depends on another's parameters: the gradients of the sum are theirs.
            at = torch.zeros_like(Y) if freeze_residual else F.detach()
            slope = -residual(at, Y, loss) / Y.shape[1]
            slopes = torch.autograd.grad(F, list(leaves.values()), slope)
        F = F.detach()
        return mean_loss(F, Y, loss), F, dict(zip(leaves, slopes, strict=learn))

    return differentiate


def _compiled(model: Network, loss: str, freeze_residual: bool) -> Gradients:
    kept: dict[torch.Size, Passes] = {}

    def differentiate(
        stacked: Mapping[str, Tensor], X: Tensor, Y: Tensor, learn: bool = True
    ) -> tuple[Tensor, Tensor, Stacked]:
        if X.shape not in kept:
            kept[X.shape] = Passes(model, stacked, X, Y, loss, freeze_residual)
        return kept[X.shape].run(stacked, X, Y, learn)

    return differentiate


def train(
    model: nn.Module,
    start: Mapping[str, Tensor],
    X: Tensor,
    Y: Tensor,
    plan: Plan,
    seeds: Sequence[int] = (),
    label: str = "",
    snapshots: Sequence[int] = (),
    summed: Summed | None = None,
) -> History:
    """Train all runs.

    An optimizer acts on each number alone: one on stacked parameters is one per run. Within
    :func:`checkpoints.kept_in`, an interrupted training goes on with the same bits.

    Args:
        model: the architecture.
        start: stacked initial parameters.
        X, Y: inputs (S, N, d) and targets (S, N, k).
        plan: how to train.
        seeds: seeds of the runs, for mini-batches.
        label: experiment and condition: names the streams of mini-batches, errors, and progress,
            which goes to standard error; silent if empty.
        snapshots: steps at which parameters are kept.
        summed: function of parameters, gradients and learning rate before a step, of which the
            history tells the sum over all steps.

    Returns:
        What was recorded, on the CPU wherever it was computed.

    Raises:
        TrainingDiverged: NaN or a loss beyond a thousand times the initial one.
        ResultError: a checkpoint of another training.
        ValueError: a batch that is not smaller than the data.
    """
    place = choose_device(plan.device)
    if place.type != "cpu":
        model = copy.deepcopy(model).to(place)  # its buffers; parameters are those of the runs
    X, Y = X.to(place), Y.to(place)
    course, checkpoint = Course(moved(start, place), plan), checkpoints.following()
    _resume(course, checkpoint, label)
    differentiate = gradients(model, plan.loss, plan.freeze_residual, place)
    batches = _Batches(label, seeds, plan.batch_size, course.step, X, Y)
    progress = Progress(label, plan.max_steps)
    while not course.over:
        value, F, slopes = differentiate(course.stacked, X, Y, learn=not batches.draws)
        if batches.draws:  # the loss is that of all samples, the step that of a few
            _, _, slopes = differentiate(course.stacked, *batches.next())
        _record(course.losses, value, plan, label)
        progress.tell(course.step, course.losses[-1])
        course.pass_drops(_fallen(course.losses, F, Y, plan))
        course.keep_at(snapshots)
        done = plan.stop_at_drop and not course.waiting.any()
        course.over = course.step == plan.max_steps or done
        if not course.over:
            _descend(course, slopes, plan, summed)
        if checkpoint and (checkpoint.worth() if course.over else checkpoint.due()):
            checkpoint.write(course.state())
    return course.history()


def _resume(course: Course, checkpoint: checkpoints.Checkpoint | None, label: str) -> None:
    """Go on where an interrupted training stopped, if there was one; say so if it has a label."""
    if checkpoint is None or not (state := checkpoint.read()):
        return
    try:
        course.resume(state)
    except (LookupError, ValueError) as error:
        raise checkpoint.misfit(error) from error
    if label:
        where = "kept from" if course.over else f"goes on from step {course.step} of"
        print(f"{label}: {where} an interrupted run", file=sys.stderr, flush=True)


class _Batches:
    """Mini-batches of all runs, drawn without replacement, from a step on; none for size 0."""

    def __init__(
        self, label: str, seeds: Sequence[int], size: int, step: int, X: Tensor, Y: Tensor
    ):
        if size >= X.shape[1]:
            raise ValueError(f"batch_size: {size} is no part of {X.shape[1]} samples; 0 is for all")
        self.draws = [stream(label, seed, "batches") for seed in seeds] if size else []
        self.size, self.X, self.Y = size, X, Y
        for rng in self.draws:
            for _ in range(step):
                rng.permutation(X.shape[1])

    def next(self) -> tuple[Tensor, Tensor]:
        """Inputs (S, B, d) and targets (S, B, k)."""
        rows = np.stack([rng.permutation(self.X.shape[1])[: self.size] for rng in self.draws])
        index = torch.as_tensor(rows, device=self.X.device)[..., None]
        return self.X.take_along_dim(index, 1), self.Y.take_along_dim(index, 1)


def _fallen(
    losses: list[NDArray[np.float64]], F: Tensor, Y: Tensor, plan: Plan
) -> NDArray[np.bool_]:
    """Which runs (S,) with outputs F are at or past the drop."""
    fallen = (losses[-1] <= (1 - DROP) * losses[0]) & (losses[0] > 0)
    if plan.freeze_residual:  # where no drop comes, a plateau ends as outputs reach the targets
        size, targets = (Z.square().mean(dim=(1, 2)) for Z in (F, Y))
        fallen |= ((size >= targets) & (targets > 0)).numpy(force=True)
    return fallen


def _descend(course: Course, slopes: Stacked, plan: Plan, summed: Summed | None) -> None:
    """Take one step, and add to the sum what was asked for."""
    rate = plan.learning_rate * factor(plan.schedule, course.step, plan.max_steps)
    if summed is not None:
        more = summed(course.stacked, slopes, rate)
        course.total = more if course.total is None else course.total + more
    longer = _lengthen(course.stacked, slopes, plan, rate, course.waiting)
    if longer is not None:
        for slope in slopes.values():
            slope.mul_(longer.reshape(-1, *[1] * (slope.ndim - 1)))
    course.descend(slopes, rate)


def _lengthen(
    stacked: Stacked, slopes: Stacked, plan: Plan, rate: float, waiting: NDArray[np.bool_]
) -> Tensor | None:
    """Factor (S,) by which each run's step is longer than the learning rate, at least 1."""
    if not plan.stride:
        return None
    sizes, pulls = (
        torch.stack([value.flatten(1).norm(dim=1) for value in part.values()]).norm(dim=0)
        for part in (stacked, slopes)
    )
    wanted = plan.stride * sizes / (rate * pulls)
    # A network without any signal stays.
    moves = torch.as_tensor(waiting, device=pulls.device) & (pulls > 0)
    return torch.where(moves, wanted, 1.0).clamp(min=1.0)


def _record(losses: list[NDArray[np.float64]], value: Tensor, plan: Plan, label: str) -> None:
    """Add the losses (S,) of a step, unless one of them diverged."""
    losses.append(np.array(value.numpy(force=True), dtype=np.float64))
    if plan.freeze_residual:  # nothing holds the loss there: runs wait for one another
        return
    bad = ~(losses[-1] <= 1e3 * np.maximum(losses[0], 1.0))  # also true for NaN
    if bad.any():
        raise TrainingDiverged(
            f"{label}: loss diverged at step {len(losses) - 1} in runs "
            f"{np.flatnonzero(bad).tolist()}: learning_rate {plan.learning_rate} is too large here"
        )


def forecast(
    model: nn.Module,
    start: Mapping[str, Tensor],
    X: Tensor,
    Y: Tensor,
    plan: Plan,
    until: NDArray[np.int64] | None = None,
) -> Stacked:
    """Parameters at the end of the plateau, with the output's residual frozen at f = 0 from init.

    A function of initial weights and data alone: it ends where the network it describes would
    itself pass the drop, or its outputs become as large as the targets. With one hidden layer this
    is :func:`neuron_race.theory.forecast.forecast`. Always by plain full-batch steps at a constant
    rate,
    whatever trains the network.

    Args:
        model: the architecture.
        start: stacked initial parameters.
        X: inputs (S, N, d).
        Y: targets (S, N, k).
        plan: loss, learning rate, stride and step budget.
        until: steps (S,) at which to end instead, for forecasts from wrong targets.

    Returns:
        Stacked parameters, NaN for runs whose forecast does not end within the budget, and the
        steps (S,) of the ends under the name ``step``.
    """
    frozen = replace(
        plan,
        optimizer="gd",
        learning_rate=plan.forecast_rate or plan.learning_rate,
        schedule="constant",
        batch_size=0,
        weight_decay=0.0,
        freeze_residual=True,
        stop_at_drop=until is None,
        max_steps=plan.max_steps if until is None else max(1, int(until.max())),
    )
    if until is None:
        history = train(model, start, X, Y, frozen)
        return {**history.drop, "step": torch.as_tensor(history.drop_step)}
    history = train(model, start, X, Y, frozen, snapshots=sorted(set(until.tolist())))
    undefined = {name: torch.full_like(value, torch.nan) for name, value in start.items()}
    ends = [
        one(history.snapshots[step] if step >= 0 else undefined, run)
        for run, step in enumerate(until.tolist())
    ]
    return {name: torch.stack([end[name] for end in ends]) for name in start} | {
        "step": torch.as_tensor(until)
    }
