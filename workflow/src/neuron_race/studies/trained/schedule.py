"""Runs under learning-rate schedules, with the norm products on the way; nothing is forecast."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Arrays, Data, begin
from neuron_race.training import any_model, recipe

SNAPSHOTS = 40


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """The arrays of a condition's run file.

    Beside those of :mod:`networks`: ``course`` (T, S, m), norm products at ``course_step`` (T,).
    """
    start = begin(target, options, data)
    steps = recipe.snapshot_steps(options["max_steps"], SNAPSHOTS).tolist()
    history = networks.run(start, f"{target}/{name}", steps)
    course = [products(start, own) for own in history.snapshots.values()]
    return {
        **networks.recorded(history),
        "course_step": np.asarray(list(history.snapshots), dtype=np.int64),
        "course": np.stack(course),
    }


def products(start: networks.Start, stacked: any_model.Stacked) -> networks.Array:
    """Norm products (S, m) of the only hidden layer."""
    runs = range(len(start.given.seeds))
    return np.stack([networks.norm_products(start.model, stacked, run)[0] for run in runs])
