"""Optimizers and schedules of the learning rate, by the names that the settings have for them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # slow to import, and the settings want the names alone
    import torch

Make = Callable[..., "torch.optim.Optimizer"]


def _sgd(leaves: list[Any], **options: Any) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.SGD(leaves, foreach=False, **options)


def _momentum(leaves: list[Any], **options: Any) -> "torch.optim.Optimizer":
    return _sgd(leaves, momentum=0.9, **options)


def _adam(leaves: list[Any], **options: Any) -> "torch.optim.Optimizer":
    import torch

    return torch.optim.Adam(leaves, foreach=False, **options)


# ``gd`` is plain steps, ``momentum`` the heavy ball, ``adam`` has PyTorch's defaults. Each takes
# tensors, the rate ``lr`` and the coefficient ``weight_decay``.
OPTIMIZERS: dict[str, Make] = {
    "gd": _sgd,
    "momentum": _momentum,
    "adam": _adam,
}


def optimizer(
    name: str, leaves: list[Any], rate: float, decay: float
) -> "torch.optim.Optimizer | None":
    """An optimizer of tensors, with a weight decay (L2, also with Adam).

    None for plain steps, which need none: torch's import its compiler, a second per job.

    Raises:
        ValueError: unknown optimizer.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer: {name!r} is none of {', '.join(OPTIMIZERS)}")
    if name == "gd" and not decay:
        return None
    return OPTIMIZERS[name](leaves, lr=rate, weight_decay=decay)


# Name -> fraction of the learning rate at a step, of a budget of steps: ``warmup`` is linear over
# the first tenth, ``cosine`` goes down to zero, ``step_decay`` is a tenth at half and a hundredth
# at three quarters of the budget.
SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": lambda step, budget: 1.0,
    "warmup": lambda step, budget: min(1.0, (step + 1) / max(1, budget // 10)),
    "cosine": lambda step, budget: float(0.5 * (1 + np.cos(np.pi * (step / budget)))),
    "step_decay": lambda step, budget: (
        0.01 if step / budget >= 0.75 else 0.1 if step / budget >= 0.5 else 1.0
    ),
}


def factor(schedule: str, step: int, max_steps: int) -> float:
    """Fraction of the learning rate at a step.

    Raises:
        ValueError: unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule: {schedule!r} is none of {', '.join(SCHEDULES)}")
    return SCHEDULES[schedule](step, max_steps)
