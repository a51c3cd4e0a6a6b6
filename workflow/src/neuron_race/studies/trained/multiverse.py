"""Universes trained, each on its tasks at once, and what is kept of them."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.data import datasets
from neuron_race.data.loader import Images
from neuron_race.theory.stability import stable_rate
from neuron_race.training import conditions
from neuron_race.training.checkpoints import Checkpoint
from neuron_race.training.recipe import Recipe, Runs, TrainingDiverged
from neuron_race.training.runs import DATASET_ARRAYS, Start

Array = NDArray[Any]
NAME = "multiverse"  # of the random streams
HALVINGS = 8  # at most, of a rate at which the loss explodes
TELL = 20


def begin(universe: Mapping[str, Any], images: Mapping[str, Images]) -> Start:
    """Data and initial weights of a universe's tasks.

    Args:
        universe: ``sample``, ``classes`` and ``options`` of it, and ``kept`` (see the settings).
        images: fetched ones, by name.
    """
    sample, options = universe["sample"], universe["options"]
    fetched = images.get(sample.get("images"))
    drawn = [
        datasets.make(NAME, {**sample, "classes": pair}, seed, fetched)
        for pair, seed in zip(universe["classes"], options["seeds"], strict=True)
    ]
    data = {name: np.stack([getattr(own, name) for own in drawn]) for name in DATASET_ARRAYS}
    return conditions.begin(NAME, options, data)


def kept_events(universe: Mapping[str, Any]) -> list[int]:
    """Indices of the events at which weights are kept: those to be judged at, and the end."""
    recipe = Recipe.of(universe["options"])
    return [*(1 + recipe.drops.index(at) for at in universe["kept"]), len(recipe.events) - 1]


def train(
    universes: Iterable[Mapping[str, Any]], images: Mapping[str, Images], folder: Path, label: str
) -> dict[str, Array]:
    """Train universes one by one; those that the folder holds are done.

    Returns:
        For each, by its number: ``step (T,)``, ``loss (S, T)``, ``event_step (S, E)``; in single
        precision ``cos_delta`` and ``norm_product (S, T, m)``, ``W (S, K, m, d')`` and ``A`` at the
        events kept; ``learning_rate`` and ``halvings``.
    """
    arrays: dict[str, Array] = {}
    universes = list(universes)
    for done, universe in enumerate(universes, 1):
        number = universe["universe"]
        own = Checkpoint(folder / f"{number}.npz")
        found = own.read()
        if found is None:
            found = _one(universe, images)
            own.write(found)
        arrays |= {f"{number}.{name}": array for name, array in found.items()}
        if done % TELL == 0 or done == len(universes):
            print(f"{label}: {done} of {len(universes)} universes", file=sys.stderr, flush=True)
    return arrays


def _one(universe: Mapping[str, Any], images: Mapping[str, Images]) -> dict[str, Array]:
    """Train one universe, at half the rate where the loss explodes."""
    start, options = begin(universe, images), universe["options"]
    rate = options["rate"] * min(stable_rate(X, options["loss"]) for X in start.X)
    for halvings in range(HALVINGS + 1):
        try:
            runs = conditions.run(start, {**options, "learning_rate": rate / 2**halvings})
        except TrainingDiverged:
            if halvings == HALVINGS:
                raise
        else:
            break
    used = {"learning_rate": rate / 2**halvings, "halvings": halvings}
    return _kept(runs, kept_events(universe)) | {k: np.asarray(v) for k, v in used.items()}


def _kept(runs: Runs, events: list[int]) -> dict[str, Array]:
    single = {
        "cos_delta": runs.measured["cos_delta"],
        "norm_product": runs.measured["norm_w"] * runs.measured["norm_a"],
        "W": runs.W_events[:, events],
        "A": runs.A_events[:, events],
    }
    whole = {"step": runs.step, "loss": runs.loss, "event_step": runs.event_step}
    return whole | {name: array.astype(np.float32) for name, array in single.items()}
