"""Training of many runs of one model at once: parameters stacked, outputs by vmap.

The counterpart of :mod:`neuron_race.training.engine` for any model, optimizer and schedule. On a
network with one hidden layer it takes the same steps.
"""

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call, vmap

from neuron_race.common.devices import choose_device
from neuron_race.common.progress import Progress
from neuron_race.common.seeds import stream
from neuron_race.models.losses import mean_loss, residual
from neuron_race.training import checkpoints
from neuron_race.training.recipe import TrainingDiverged

Tensor = torch.Tensor
Stacked = dict[str, Tensor]
SCHEDULES = ("constant", "warmup", "cosine", "step_decay")
OPTIMIZERS = ("gd", "momentum", "adam")


@dataclass(frozen=True)
class Plan:
    """How runs are trained.

    Attributes:
        loss: ``squared`` (1/2N sum of squares) or ``logistic``.
        optimizer: ``gd`` (plain steps), ``momentum`` (heavy ball, 0.9) or ``adam`` (PyTorch's
            defaults).
        learning_rate: step size at its largest.
        max_steps: step budget.
        schedule: ``constant``; ``warmup``, linear over the first tenth; ``cosine``, down to zero;
            ``step_decay``, a tenth at half and a hundredth at three quarters of the budget.
        batch_size: samples per step, drawn without replacement; 0 for all of them.
        weight_decay: coefficient of the penalty's gradient (L2, also with Adam).
        freeze_residual: the residual stays as at f = 0, which makes a forecast of the plateau.
        stop_at_drop: stop once every run has passed the drop.
        drop: fraction of the initial loss whose loss defines the drop.
        stride: until a run's drop, lengthen its step so that it moves the weights by this fraction
            of their norm; 0 for no such thing. With L layers the plateau lasts as long as
            alpha^(1 - L), and at a constant rate nobody could wait for its end. The flow's path
            does not depend on the clock, which is all that this changes.
        forecast_rate: learning rate of the forecast, which is by plain steps; 0 for the same.
        device: where it is computed, see :func:`neuron_race.common.devices.choose_device`.
    """

    loss: str = "squared"
    optimizer: str = "gd"
    learning_rate: float = 0.25
    max_steps: int = 1000
    schedule: str = "constant"
    batch_size: int = 0
    weight_decay: float = 0.0
    freeze_residual: bool = False
    stop_at_drop: bool = False
    drop: float = 0.1
    stride: float = 0.0
    forecast_rate: float = 0.0
    device: str = "cpu"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Plan":
        """Take from a condition's options those that belong to training."""
        return cls(**{f.name: options[f.name] for f in fields(cls) if f.name in options})


@dataclass
class History:
    """S trained runs.

    Attributes:
        loss: training loss before each step and after the last (S, T + 1).
        drop_step: step of the loss drop (S,); -1 where there was none.
        init, drop, end: stacked parameters at these moments (``drop`` is NaN where there was none).
        snapshots: stacked parameters at the steps asked for.
        total: sum over all steps of what was asked for; None if nothing was.
    """

    loss: NDArray[np.float64]
    drop_step: NDArray[np.int64]
    init: Stacked
    drop: Stacked
    end: Stacked
    snapshots: dict[int, Stacked] = field(default_factory=dict)
    total: Tensor | None = None


def one(stacked: Mapping[str, Tensor], run: int) -> Stacked:
    """Parameters of one run."""
    return {name: value[run] for name, value in stacked.items()}


def _moved(stacked: Mapping[str, Tensor], device: torch.device | str) -> Stacked:
    return {name: value.to(device) for name, value in stacked.items()}


def _forward(model: nn.Module) -> Callable[[Stacked, Tensor], Tensor]:
    return vmap(lambda p, x: functional_call(model, p, (x,)))


def outputs(model: nn.Module, stacked: Mapping[str, Tensor], X: Tensor) -> Tensor:
    """Outputs (S, N, k) of all runs, each on its own inputs ``X (S, N, d)``."""
    with torch.no_grad():
        return _forward(model)(dict(stacked), X)


def factor(schedule: str, step: int, max_steps: int) -> float:
    """Fraction of the learning rate at a step.

    Raises:
        ValueError: unknown schedule.
    """
    progress = step / max_steps
    if schedule == "constant":
        return 1.0
    if schedule == "warmup":
        return min(1.0, (step + 1) / max(1, max_steps // 10))
    if schedule == "cosine":
        return float(0.5 * (1 + np.cos(np.pi * progress)))
    if schedule == "step_decay":
        return 0.01 if progress >= 0.75 else 0.1 if progress >= 0.5 else 1.0
    raise ValueError(f"schedule: {schedule!r} is none of {', '.join(SCHEDULES)}")


def gradients(model: nn.Module, loss: str, freeze_residual: bool = False) -> Callable[..., Any]:
    """Map stacked parameters, X (S, N, d) and Y (S, N, k) to stacked gradients.

    Beside them come the losses (S,) and the mean squares of the outputs (S,).
    """
    forward = _forward(model)

    def differentiate(
        stacked: Mapping[str, Tensor], X: Tensor, Y: Tensor
    ) -> tuple[Stacked, tuple[Tensor, Tensor]]:
        leaves = {name: own.detach().requires_grad_() for name, own in stacked.items()}
        F = forward(leaves, X)
        value = mean_loss(F, Y, loss)
        aim = value
        if freeze_residual:  # the loss whose residual is that at f = 0, wherever f is
            aim = -(residual(torch.zeros_like(Y), Y, loss) * F).sum(dim=(1, 2)) / Y.shape[1]
        # No run's loss depends on another's parameters: the gradients of the sum are theirs.
        slopes = torch.autograd.grad(aim.sum(), list(leaves.values()))
        size = F.detach().square().mean(dim=(1, 2))
        return dict(zip(leaves, slopes, strict=True)), (value.detach(), size)

    return differentiate


def _optimizer(plan: Plan, leaves: list[Tensor]) -> torch.optim.Optimizer | None:
    """None for plain steps, which need none: torch's import its compiler, a second per job."""
    if plan.optimizer == "gd" and not plan.weight_decay:
        return None
    common: dict[str, Any] = {"lr": plan.learning_rate, "weight_decay": plan.weight_decay}
    if plan.optimizer == "adam":
        return torch.optim.Adam(leaves, foreach=False, **common)
    if plan.optimizer in ("gd", "momentum"):
        momentum = 0.9 if plan.optimizer == "momentum" else 0.0
        return torch.optim.SGD(leaves, momentum=momentum, foreach=False, **common)
    raise ValueError(f"optimizer: {plan.optimizer!r} is none of {', '.join(OPTIMIZERS)}")


class _Course:
    """All that changes while runs are trained, step by step."""

    def __init__(self, start: Mapping[str, Tensor], plan: Plan):
        self.start = start
        self.step, self.over = 0, False
        self.stacked = {name: value.clone() for name, value in start.items()}
        self.optimizer = _optimizer(plan, list(self.stacked.values()))
        self.losses: list[NDArray[np.float64]] = []
        self.drop_step = np.full(len(next(iter(start.values()))), -1, dtype=np.int64)
        self.drop = {name: torch.full_like(value, torch.nan) for name, value in start.items()}
        self.kept: dict[int, Stacked] = {}
        self.total: Tensor | None = None

    def descend(self, slopes: Stacked, rate: float) -> None:
        """Take one step."""
        if self.optimizer is None:
            for name, own in self.stacked.items():
                own.add_(slopes[name], alpha=-rate)
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            for name, own in self.stacked.items():
                own.grad = slopes[name]
            self.optimizer.step()
            self.optimizer.zero_grad()
        self.step += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays; parts of names are separated by ``/``."""
        memory = {} if self.optimizer is None else self.optimizer.state_dict()["state"]
        tensors = {
            **{f"own/{name}": value for name, value in self.stacked.items()},
            **{f"drop/{name}": value for name, value in self.drop.items()},
            **{
                f"kept/{step}/{name}": value
                for step, own in self.kept.items()
                for name, value in own.items()
            },
            **{
                f"optimizer/{number}/{key}": value
                for number, held in memory.items()
                for key, value in held.items()
                if value is not None
            },
            **({} if self.total is None else {"total": self.total}),
        }
        return {
            "step": np.asarray(self.step),
            "over": np.asarray(self.over),
            "losses": np.stack(self.losses),
            "drop_step": self.drop_step,
            **{name: tensor.numpy(force=True) for name, tensor in tensors.items()},
        }

    def resume(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Put all of it as it was.

        Raises:
            LookupError, ValueError: the state has other arrays or shapes. That it is of the same
                training otherwise, the checkpoint's name must see to.
        """
        self.step, self.over = int(state["step"]), bool(state["over"])
        self.losses, self.drop_step[:] = list(state["losses"]), state["drop_step"]
        for part, own in (("own", self.stacked), ("drop", self.drop)):
            for name, value in own.items():
                if (there := state[f"{part}/{name}"]).shape != value.shape:
                    raise ValueError(f"{name} has shape {there.shape}, not {tuple(value.shape)}")
                value.copy_(torch.as_tensor(there))
        place = next(iter(self.stacked.values())).device
        memory: dict[int, dict[str, Tensor]] = {}
        for name, there in state.items():
            part, _, rest = name.partition("/")
            number, _, key = rest.partition("/")
            if part == "kept":
                self.kept.setdefault(int(number), {})[key] = torch.as_tensor(there, device=place)
            elif part == "optimizer":
                memory.setdefault(int(number), {})[key] = torch.as_tensor(there)
        if self.optimizer is not None:
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": memory})
        total = state.get("total")
        self.total = None if total is None else torch.as_tensor(total, device=place)

    def history(self) -> History:
        """What was recorded, in the computer's own memory."""
        losses = np.stack(self.losses, axis=1)
        start, drop, end = (_moved(own, "cpu") for own in (self.start, self.drop, self.stacked))
        kept = {step: _moved(own, "cpu") for step, own in self.kept.items()}
        total = None if self.total is None else self.total.cpu()
        return History(losses, self.drop_step, start, drop, end, kept, total)


def train(
    model: nn.Module,
    start: Mapping[str, Tensor],
    X: Tensor,
    Y: Tensor,
    plan: Plan,
    seeds: Sequence[int] = (),
    label: str = "",
    snapshots: Sequence[int] = (),
    summed: Callable[[Stacked, Stacked, float], Tensor] | None = None,
) -> History:
    """Train all runs.

    Optimizers act on each number alone, so that one optimizer on the stacked parameters is one per
    run. Within :func:`checkpoints.kept_in`, an interrupted training goes on with the same bits.

    Args:
        model: the architecture.
        start: stacked initial parameters.
        X: inputs (S, N, d).
        Y: targets (S, N, k).
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
    N = X.shape[1]
    if plan.batch_size >= N:
        raise ValueError(f"batch_size: {plan.batch_size} is no part of {N} samples; 0 is for all")
    place = choose_device(plan.device)
    if place.type != "cpu":
        model = copy.deepcopy(model).to(place)  # its buffers; parameters are those of the runs
    X, Y = X.to(place), Y.to(place)
    course = _Course(_moved(start, place), plan)
    checkpoint = checkpoints.following()
    if checkpoint and (state := checkpoint.read()):
        try:
            course.resume(state)
        except (LookupError, ValueError) as error:
            raise checkpoint.misfit(error) from error
        if label:
            where = "kept from" if course.over else f"goes on from step {course.step} of"
            print(f"{label}: {where} an interrupted run", file=sys.stderr, flush=True)
    differentiate = gradients(model, plan.loss, plan.freeze_residual)
    draws = [stream(label, seed, "batches") for seed in seeds] if plan.batch_size else []
    for rng in draws:
        for _ in range(course.step):
            rng.permutation(N)
    progress = Progress(label, plan.max_steps)
    while not course.over:
        step, stacked = course.step, course.stacked
        slopes, (value, size) = differentiate(stacked, X, Y)
        if draws:  # the loss is that of all samples, the step that of a few
            rows = np.stack([rng.permutation(N)[: plan.batch_size] for rng in draws])
            index = torch.as_tensor(rows, device=place)[..., None]
            slopes, _ = differentiate(
                stacked, X.take_along_dim(index, 1), Y.take_along_dim(index, 1)
            )
        losses = course.losses
        losses.append(value.to(torch.float64).numpy(force=True).copy())
        _check(losses, plan, label)
        progress.tell(step, losses[-1].mean())
        fallen = (losses[-1] <= (1 - plan.drop) * losses[0]) & (losses[0] > 0)
        if plan.freeze_residual:  # where no drop comes, a plateau ends as outputs reach the targets
            targets = Y.square().mean(dim=(1, 2))
            fallen |= ((size >= targets) & (targets > 0)).numpy(force=True)
        crossing = fallen & (course.drop_step < 0)
        if crossing.any():
            course.drop_step[crossing] = step
            runs = torch.as_tensor(crossing, device=place)
            for name, own in stacked.items():
                course.drop[name][runs] = own[runs]
        if step in snapshots:
            course.kept[step] = {name: own.clone() for name, own in stacked.items()}
        waiting = course.drop_step < 0
        course.over = step == plan.max_steps or (plan.stop_at_drop and not waiting.any())
        if not course.over:
            rate = plan.learning_rate * factor(plan.schedule, step, plan.max_steps)
            if summed is not None:
                more = summed(stacked, slopes, rate)
                course.total = more if course.total is None else course.total + more
            longer = _lengthen(stacked, slopes, plan, rate, waiting)
            if longer is not None:
                slopes = {n: _per_run(longer, slope) * slope for n, slope in slopes.items()}
            course.descend(slopes, rate)
        if checkpoint and (checkpoint.worth() if course.over else checkpoint.due()):
            checkpoint.write(course.state())
    return course.history()


def _per_run(value: Tensor, like: Tensor) -> Tensor:
    return value.reshape(-1, *[1] * (like.ndim - 1))


def _lengthen(
    stacked: Stacked, slopes: Stacked, plan: Plan, rate: float, waiting: NDArray[np.bool_]
) -> Tensor | None:
    """Factor (S,) by which each run's step is longer than the learning rate, at least 1."""
    if not plan.stride:
        return None
    sizes, pulls = (
        sum(value.flatten(1).square().sum(dim=1) for value in part.values()) ** 0.5
        for part in (stacked, slopes)
    )
    wanted = plan.stride * sizes / (rate * pulls)
    moves = torch.as_tensor(waiting, device=pulls.device) & (
        pulls > 0
    )  # a network without any signal stays
    return torch.where(moves, wanted, 1.0).clamp(min=1.0)


def _check(losses: list[NDArray[np.float64]], plan: Plan, label: str) -> None:
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
