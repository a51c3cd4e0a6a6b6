"""Runs that nothing trained: every number is chosen, so that every column can be told from it.

Nine neurons in the plane, of angles in degrees. With positive heads, at the end, 0, 1, 4, 6, 7
(within 8.1 degrees, a cosine of .99) and 14; with negative heads 100 and 103; and one, at 225, that
no sample opens. The loss drops by a tenth at step 20, by half at step 30; time is half the step.
"""

import numpy as np
from numpy.typing import NDArray

from neuron_race.training.recipe import Runs
from neuron_race.training.runs import Start, Trained

Array = NDArray[np.float64]
OPTIONS = {"learning_rate": 0.5, "max_steps": 80, "drops": [0.1, 0.5], "loss": "squared"}
STEP = np.array([0, 1, 2, 3, 5, 10, 20, 30, 40, 60, 80])
AT = {int(step): t for t, step in enumerate(STEP)}
LOSS = 2 * np.array([1.0, 1.0, 0.99, 0.98, 0.96, 0.94, 0.9, 0.5, 0.3, 0.1, 0.04])
ANGLES = {
    "init": [100.0, 60, 10, 300, 20, 340, 90, 180, 200],
    "drop_10": [50.0, 30, 20, 10, 20, 20, 100, 110, 210],
    "drop_50": [20.0, 10, 10, 0, 10, 20, 100, 100, 220],
    "end": [0.0, 1, 4, 6, 7, 14, 100, 103, 225],
}
NORMS = {"init": np.full(9, 0.1), "end": np.array([2.0, 1.5, 1.0, 2.5, 0.5, 0.4, 1.2, 1.0, 0.1])}
HEADS = {
    "init": 0.1 * np.array([1.0, -1, 1, 1, -1, 1, 1, -1, 1]),
    "end": np.array([1.5, 1.0, 0.8, 3.0, 0.5, 0.3, -1.1, -1.0, 0.2]),
}
INPUTS, TARGETS = [(0.0, 1.0), (50.0, 1.2), (90.0, 0.8), (120.0, 1.0)], [6.0, 4.0, 1.0, -2.0]
INPUTS_TEST, TARGETS_TEST = [(10.0, 1.0), (110.0, 1.5), (80.0, 1.0)], [5.0, -1.0, -3.0]


def plane(degrees: list[float], norms: Array) -> Array:
    """Vectors (n, 2) of these angles and norms."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.asarray(norms)[:, None]


def trained(seed: int = 4) -> Trained:
    """The run; measured are random numbers, some of which are set to what an edge needs."""
    X, X_test = (plane(*map(list, zip(*own, strict=True))) for own in (INPUTS, INPUTS_TEST))
    events = [
        (plane(ANGLES[e], NORMS.get(e, np.ones(9))), HEADS.get(e, HEADS["end"])[:, None])
        for e in ("init", "drop_10", "drop_50", "end")
    ]
    W, A = (np.stack(part)[None] for part in zip(*events, strict=True))
    rng = np.random.default_rng(seed)
    T, m = len(STEP), 9
    measured = {
        "norm_w": rng.uniform(0.5, 2, (T, m)),
        "norm_a": rng.uniform(0.5, 2, (T, m)),
        "norm_D": rng.uniform(0.5, 2, (T, m)),
        "cos_delta": rng.uniform(-0.9, 0.9, (T, m)),
        "growth": rng.uniform(-0.2, 1, (T, m)),
        "open": rng.uniform(0.2, 1, (T, m)),
        "gate_changes": rng.uniform(0, 1, (T, m)),
        "gate_pattern": rng.integers(0, 5, (T, m)),
    }
    cos = measured["cos_delta"]
    cos[0] = [-0.5, 0.05, -0.1, 0.0, 0.7, -0.9, 0.4, -0.2, -0.3]  # .05 and 0 are not against
    cos[AT[20], :3] = 0.3, -0.2, 0.0  # a cosine of 0 does not grow
    cos[AT[20], 5] = 0.05
    cos[:, 8] = -np.abs(cos[:, 8])  # never turns
    measured["open"][0, 8] = 0.0  # closed at init
    measured["growth"][AT[40], 8] = 0.0  # which is no growth
    measured["gate_pattern"][0] = np.arange(9) % 6
    measured["gate_pattern"][AT[20]] = np.arange(9) % 4
    measured["gate_pattern"][AT[40]] = np.arange(9) % 2
    start = Start(
        seed=np.array([seed]),
        X=X[None],
        Y=np.array(TARGETS)[None, :, None],
        X_test=X_test[None],
        Y_test=np.array(TARGETS_TEST)[None, :, None],
        W=W[:, 0],
        A=A[:, 0],
        rank=None,
    )
    runs = Runs(
        step=STEP,
        loss=LOSS[None].copy(),
        event_step=np.array([[0, 20, 30, 80]]),
        W_events=W,
        A_events=A,
        measured={name: values[None] for name, values in measured.items()},
    )
    return Trained(start, runs, dict(OPTIONS))


def output(x: Array, W: Array, A: Array) -> float:
    """f(x) of one input and one output, neuron by neuron."""
    return sum(float(a) * max(float(w @ x), 0.0) for w, a in zip(W, A.ravel(), strict=True))


def right(W: Array, A: Array, test: bool = False) -> float:
    """Share of the samples whose output has the sign of its target."""
    inputs, targets = (INPUTS_TEST, TARGETS_TEST) if test else (INPUTS, TARGETS)
    X = plane(*map(list, zip(*inputs, strict=True)))
    found = [output(x, W, A) * y > 0 for x, y in zip(X, targets, strict=True)]
    return sum(found) / len(found)


def ranks(values: Array) -> Array:
    """Ranks of distinct numbers, from 1."""
    values = np.asarray(values)
    assert len(set(values.tolist())) == len(values)
    return np.array([1 + sum(other < own for other in values) for own in values], dtype=float)


def spearman(a: Array, b: Array) -> float:
    """1 - 6 sum d^2 / (n^3 - n), for distinct numbers."""
    n = len(a)
    return float(1 - 6 * ((ranks(a) - ranks(b)) ** 2).sum() / (n**3 - n))
