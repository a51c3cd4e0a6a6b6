"""How runs are trained and what is recorded of them: no arithmetic, and no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.defined import DROP

Array = NDArray[Any]

LOSSES = ("squared", "logistic")
FREEZE = ("gates", "residual", "head")
PRECISIONS = {"double": "float64", "single": "float32"}
MEASURED = (
    "norm_w",  # |w_j|
    "norm_a",  # |a_j|
    "norm_D",  # |C_j^T a_j| / |a_j|: strength of the pull on w_j (|D_j| for one output)
    "cos_delta",  # cosine between w_j and that pull: the alignment
    "growth",  # d log c_j / dt over the next step, measured
    "open",  # fraction of samples with an open gate
    "gate_changes",  # fraction of samples whose gate differs from the initial one
    "gate_pattern",  # 64-bit hash of the gate pattern
)


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or exploded: the message names the step, the runs and the remedy.

    Attributes:
        step: the first at which it did, or -1 where that was not told.
    """

    def __init__(self, message: str, step: int = -1):
        super().__init__(message)
        self.step = step


@dataclass(frozen=True)
class Recipe:
    """How a condition trains.

    Attributes:
        loss: ``squared`` (1/2N sum of squares) or ``logistic``.
        learning_rate: step size; time is t = learning_rate * step.
        max_steps: step budget.
        loss_target: stop once all runs are at or below this fraction of their initial loss.
        snapshots: number of log-spaced snapshots (the first and the last step included).
        drops: definitions of the loss drop, as fractions of the initial loss that are lost.
        stop_at_drop: stop once all runs have passed the drop at the largest fraction.
        after_drop: stop once all runs are at this many times the step of their drop at 10 %, so
            that a budget fits its task; 0: never. ``max_steps`` stays the most.
        freeze: ablations. ``gates``: gates stay as at init; ``residual``: the residual stays as at
            f = 0; ``head``: outgoing weights stay as at init.
        precision: of the steps, ``double`` or ``single``, which is twice as fast. What is recorded
            is in double precision: of the weights as they are.
        max_weight_bytes: weights of all snapshots are kept if they fit into this, and otherwise
            only those at the events.
    """

    loss: str = "squared"
    learning_rate: float = 0.25
    max_steps: int = 4000
    loss_target: float = 0.0
    snapshots: int = 60
    drops: tuple[float, ...] = (0.05, 0.1, 0.2)
    stop_at_drop: bool = False
    after_drop: float = 0.0
    freeze: tuple[str, ...] = ()
    precision: str = "double"
    max_weight_bytes: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss: {self.loss!r} is none of {', '.join(LOSSES)}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision: {self.precision!r} is none of {', '.join(PRECISIONS)}")
        for name in self.freeze:
            if name not in FREEZE:
                raise ValueError(f"freeze: {name!r} is none of {', '.join(FREEZE)}")
        if self.after_drop and DROP not in self.drops:
            raise ValueError(f"after_drop: drops {self.drops} lack {DROP}, which it counts from")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Recipe":
        """Take from a condition's options those that belong to training."""
        values: dict[str, Any] = {}
        for known in fields(cls):
            if known.name in options:
                value = options[known.name]
                values[known.name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the moments at which weights are always kept."""
        return ("init", *(f"drop_{round(100 * drop):02d}" for drop in self.drops), "end")


@dataclass
class Runs:
    """Trained runs: S runs, T snapshots, E events, m neurons, d' coordinates, k outputs.

    Attributes:
        step: snapshot steps (T,).
        loss: training loss (S, T).
        measured: arrays (S, T, m) by name, see :data:`MEASURED`.
        event_step: step of each event (S, E); -1 where a run never got there.
        W_events, A_events: weights (S, E, m, d') and (S, E, m, k); NaN where never reached.
        W, A: weights at all snapshots, (S, T, m, d') and (S, T, m, k), or None.
        engine: what trained, ``compiled`` or ``torch``.
    """

    step: Array
    loss: Array
    event_step: Array
    W_events: Array
    A_events: Array
    measured: dict[str, Array] = field(default_factory=dict)
    W: Array | None = None
    A: Array | None = None
    engine: str = ""

    def reached(self, event: int) -> Array:
        """Steps (S,) of an event by its index, NaN where a run never got there."""
        step = self.event_step[:, event]
        return np.where(step >= 0, step, np.nan)


def snapshot_steps(max_steps: int, snapshots: int) -> Array:
    """Distinct log-spaced steps from 0 to ``max_steps``."""
    steps = np.geomspace(1, max_steps, max(snapshots - 1, 1)).round().astype(np.int64)
    return np.unique(np.concatenate([[0], steps]))


def snapshot_at(step: Array, wanted: float) -> int:
    """Index of the snapshot nearest to a step, on the log scale of the snapshots."""
    return int(np.argmin(np.abs(np.log1p(step) - np.log1p(wanted))))
