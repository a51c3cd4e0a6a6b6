"""How many runs of one model are trained, how far they are, and what is kept of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.training import optimizers

Tensor = torch.Tensor
Stacked = dict[str, Tensor]


@dataclass(frozen=True)
class Plan:
    """How runs are trained.

    Attributes:
        loss: ``squared`` (1/2N sum of squares) or ``logistic``.
        optimizer: one of :data:`neuron_race.training.optimizers.OPTIMIZERS`.
        learning_rate: step size at its largest.
        max_steps: step budget.
        schedule: one of :data:`neuron_race.training.optimizers.SCHEDULES`.
        batch_size: samples per step, drawn without replacement; 0 for all of them.
        weight_decay: coefficient of the penalty's gradient (L2, also with Adam).
        freeze_residual: the residual stays as at f = 0, which makes a forecast of the plateau.
        stop_at_drop: stop once every run has passed the drop.
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


def moved(stacked: Mapping[str, Tensor], device: torch.device | str) -> Stacked:
    """Parameters of all runs on a device."""
    return {name: value.to(device) for name, value in stacked.items()}


class Course:
    """All that changes while runs are trained, step by step."""

    def __init__(self, start: Mapping[str, Tensor], plan: Plan):
        self.start = start
        self.step, self.over = 0, False
        self.stacked = {name: value.clone() for name, value in start.items()}
        self.optimizer = optimizers.optimizer(
            plan.optimizer, list(self.stacked.values()), plan.learning_rate, plan.weight_decay
        )
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
        start, drop, end = (moved(own, "cpu") for own in (self.start, self.drop, self.stacked))
        kept = {step: moved(own, "cpu") for step, own in self.kept.items()}
        total = None if self.total is None else self.total.cpu()
        return History(losses, self.drop_step, start, drop, end, kept, total)

    def keep_at(self, steps: Sequence[int]) -> None:
        """Keep parameters, if this is one of the steps asked for."""
        if self.step in steps:
            self.kept[self.step] = {name: own.clone() for name, own in self.stacked.items()}

    @property
    def waiting(self) -> NDArray[np.bool_]:
        """Which runs (S,) have not passed the drop."""
        return self.drop_step < 0

    def pass_drops(self, fallen: NDArray[np.bool_]) -> None:
        """Keep parameters of the runs (S,) that have fallen to the drop, and had not before."""
        crossing = fallen & self.waiting
        if crossing.any():
            self.drop_step[crossing] = self.step
            runs = torch.as_tensor(crossing, device=next(iter(self.stacked.values())).device)
            for name, own in self.stacked.items():
                self.drop[name][runs] = own[runs]
