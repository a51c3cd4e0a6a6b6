"""Runs from initial weights designed from the data, at equal compute.

Pseudocode is in ``paper_notes.md``. Every design keeps the norms of the balanced draw, neuron by
neuron, and changes directions alone; the steps it spends on them are taken off its training.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.seeds import stream
from neuron_race.models import clusters
from neuron_race.models.norms import unit
from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Arrays, Data, Parameters
from neuron_race.theory import equations

Array = NDArray[Any]
DESIGNS = ("aligned", "spread")


def spent(options: Mapping[str, Any]) -> int:
    """Steps that a condition's design takes off its training."""
    return int(options["design_steps"]) if "design" in options else 0


def begin(target: str, options: Mapping[str, Any], data: Data) -> networks.Start:
    """As :func:`networks.begin`, with designed weights where the condition asks for them."""
    start = networks.begin(target, options, data)
    plan = replace(start.plan, max_steps=start.plan.max_steps - spent(options))
    weights = _designed(target, options, start) if spent(options) else start.weights
    return replace(start, weights=weights, plan=plan)


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """The arrays of a condition's run file, see :func:`networks.train`."""
    start = begin(target, options, data)
    history = networks.run(start, f"{target}/{name}")
    return networks.recorded(history, *networks.forecasts(start, target))


def design(kind: str, W: Array, A: Array, X: Array, R: Array, steps: int) -> tuple[Array, Array]:
    """Turn neurons to target directions (E3), keeping their norms.

    Args:
        kind: ``aligned``: each neuron to the target direction that it would reach by itself;
            ``spread``: neurons dealt evenly to the distinct target directions found, fastest first.
        W: incoming weights (m, d) of a standard draw.
        A: outgoing weights (m, k).
        X: inputs (N, d).
        R: residual at f = 0, (N, k).
        steps: rounds of the power iteration, each as expensive as a step of training.

    Raises:
        ValueError: unknown kind.
    """
    if kind not in DESIGNS:
        raise ValueError(f"design: {kind!r} is none of {', '.join(DESIGNS)}")
    a = unit(A)
    w = unit(W)
    for _ in range(steps):
        pull = equations.neuron_velocity(w, a, X, R)[0]
        w = unit(w + unit(pull))  # the mean, lest gates flip to and fro
        lift = equations.neuron_velocity(w, a, X, R)[1]
        turned = a + unit(lift)
        a = np.where(turned.any(axis=1, keepdims=True), unit(turned), a)
    rate = (a * equations.neuron_velocity(w, a, X, R)[1]).sum(axis=1)
    if kind == "spread":
        labels = clusters.find(w, a, 0.99, rate > 0)
        lanes = [np.flatnonzero(labels == lane) for lane in range(clusters.count(labels))]
        best = np.array([lane[np.argmax(rate[lane])] for lane in lanes], dtype=np.int64)
        best = best[np.argsort(-rate[best], kind="stable")]
        if len(best):  # without any target direction neurons keep theirs
            dealt = best[np.arange(len(W)) % len(best)]
            w, a = w[dealt], a[dealt]
    return w * np.linalg.norm(W, axis=1)[:, None], a * np.linalg.norm(A, axis=1)[:, None]


def _designed(target: str, options: Mapping[str, Any], start: networks.Start) -> Parameters:
    """Designed weights of all runs; with ``shuffled`` the design sees permuted targets."""
    given, drawn, weights = start.given, start.weights, []
    for run, seed in enumerate(given.seeds):
        X, Y = given.X[run].double().numpy(), given.Y[run].double().numpy()
        if options.get("shuffled", False):
            Y = stream(target, seed, "shuffled labels").permutation(Y)
        R = equations.residual(np.zeros_like(Y), Y, given.loss)
        W = drawn["hidden.0.weight"][run].double().numpy()
        A = drawn["head.weight"][run].double().numpy().T
        weights.append(design(options["design"], W, A, X, R, options["design_steps"]))
    return networks.stacked_weights(weights, drawn["head.weight"].dtype)
