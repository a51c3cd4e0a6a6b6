"""Initial weights designed from the data, against standard ones, at equal compute.

Pseudocode is in ``paper_notes.md``. Every design keeps the norms of the balanced draw, neuron by
neuron, and changes directions alone; the steps it spends on them are taken off its training.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import ratio
from neuron_race.common.seeds import stream
from neuron_race.measures import clusters
from neuron_race.studies import architectures
from neuron_race.studies.architectures import Data
from neuron_race.theory import equations
from neuron_race.training import any_model

Array = NDArray[Any]
DESIGNS = ("aligned", "spread")


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
    a = clusters.unit(A)
    w = clusters.unit(W)
    for _ in range(steps):
        pull = equations.neuron_velocity(w, a, X, R)[0]
        w = clusters.unit(w + clusters.unit(pull))  # the mean, lest gates flip to and fro
        lift = equations.neuron_velocity(w, a, X, R)[1]
        turned = a + clusters.unit(lift)
        a = np.where(turned.any(axis=1, keepdims=True), clusters.unit(turned), a)
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


def tables(target: str, conditions: Mapping[str, Any], data: Data) -> dict[str, pd.DataFrame]:
    """Statistics of the layer as in :mod:`architectures`, and the compute up to the drop.

    Adds ``work_to_drop`` (steps to the drop, those of the design included), ``log_work``, and
    ``merged`` (number of clusters). The two and the final loss are undefined where a run never
    dropped, lest designs be compared by what they were given. ``details``: loss against work.
    """
    runs, details = [], []
    for name, options in conditions.items():
        spent = options["design_steps"] if "design" in options else 0
        model, given, start = architectures.begin(target, options, data)
        if spent:
            start = _designed(target, options, given, start, spent)
        plan = replace(any_model.Plan.of(options), max_steps=options["max_steps"] - spent)
        history = any_model.train(
            model, start, given.X, given.Y, plan, given.seeds, f"{target}/{name}"
        )
        trained = architectures.Trained(model, given, start, plan, history)
        own = architectures.rows(trained, target)
        own["work_to_drop"] = own["drop_step"] + spent
        own["log_work"] = np.log(own["work_to_drop"])
        own["merged"] = own["clusters_per_neuron"] * own["active"] * options["width"]
        own.loc[own["drop_step"].isna(), ["merged", "loss_end"]] = np.nan
        runs.append(own.assign(condition=name))
        loss = ratio(history.loss, history.loss[:, :1])
        details += [
            {"seed": seed, "condition": name, "work": spent + step, "loss": loss[run, step]}
            for run, seed in enumerate(given.seeds)
            for step in range(0, loss.shape[1], max(1, loss.shape[1] // 80))
        ]
    return {"runs": pd.concat(runs), "details": pd.DataFrame(details)}


def _designed(
    target: str,
    options: Mapping[str, Any],
    given: architectures.Problem,
    start: any_model.Stacked,
    steps: int,
) -> any_model.Stacked:
    """Designed weights of all runs; with ``shuffled`` the design sees permuted targets."""
    weights = []
    for run, seed in enumerate(given.seeds):
        X, Y = given.X[run].double().numpy(), given.Y[run].double().numpy()
        if options.get("shuffled", False):
            Y = stream(target, seed, "shuffled labels").permutation(Y)
        R = equations.residual(
            np.zeros_like(Y), Y, "squared" if given.loss == "squared" else "logistic"
        )
        W = start["hidden.0.weight"][run].double().numpy()
        A = start["head.weight"][run].double().numpy().T
        weights.append(design(options["design"], W, A, X, R, steps))
    dtype = start["head.weight"].dtype
    return architectures.stacked_weights([w for w, _ in weights], [a for _, a in weights], dtype)
