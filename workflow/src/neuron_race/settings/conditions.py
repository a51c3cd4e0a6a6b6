"""Experiments, extensions, weight tickets: conditions with all their options, and their faults."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from neuron_race.data import datasets as data_sets
from neuron_race.models.options import MODELS
from neuron_race.settings.canonical import in_order
from neuron_race.settings.dictionary import outputs
from neuron_race.settings.options import EXTENSION_KEYS, ONE_LAYER, SIZED

Options = dict[str, Any]
Entry = Mapping[str, Any]
# Options that each condition of an experiment needs.
NEEDED = ("dataset", "width", "head", "alpha", "loss", "learning_rate", "max_steps")
# Nulls whose neurons come in pairs (neuron_race.training.nulls).
TWINS = ("first_output", "gates")
# Samples per step of the protocol for tickets of single weights, which imports torch.
TICKET_BATCH = 60


def resolved(entry: Entry, seeds: list[int], device: str) -> dict[str, Options]:
    """Conditions of an experiment or extension with all their options."""
    common = {key: value for key, value in entry.items() if key != "conditions"}
    return {
        condition: in_order({**common, **overrides, "seeds": seeds, "device": device})
        for condition, overrides in entry["conditions"].items()
    }


def experiment_faults(
    name: str, conditions: Mapping[str, Options], datasets: Mapping[str, Any]
) -> Iterator[str]:
    """What is missing or wrong in the conditions of an experiment."""
    for condition, options in conditions.items():
        at = f"experiments.{name}.conditions.{condition}"
        for key in NEEDED:
            if key not in options:
                yield f"{at}: {key} is missing (set it there or in experiments.{name})"
        yield from _unknown_dataset(at, options, datasets)
        if 0.1 not in options.get("drops", [0.1]):
            yield f"{at}.drops: must include 0.1, the definition that criteria use"
        percents = [round(100 * drop) for drop in options.get("drops", [])]
        if len(set(percents)) < len(percents):
            yield f"{at}.drops: must differ when rounded to whole per cents"
        if options.get("without") in TWINS and options.get("width", 0) % 2:
            yield f"{at}.width: must be even without {options['without']}, got {options['width']}"


def _unknown_dataset(at: str, options: Entry, datasets: Mapping[str, Any]) -> Iterator[str]:
    if "dataset" in options and options["dataset"] not in datasets:
        yield f"{at}.dataset: {options['dataset']!r} is none of {', '.join(datasets)}"


def extension_faults(
    name: str, conditions: Mapping[str, Options], datasets: Mapping[str, Any]
) -> Iterator[str]:
    """What is missing or wrong in the conditions of an extension."""
    for condition, options in conditions.items():
        at = f"extensions.{name}.conditions.{condition}"
        wanted = [*EXTENSION_KEYS]
        wanted += MODELS[options["model"]].keys if "model" in options else ()
        wanted += ["alpha"] if "head" in options else ["gain"]
        wanted += ["head"] if options["study"] == "sizes" else []
        wanted += ["design_steps"] if "design" in options else []
        wanted += ["percents"] if options["study"] in SIZED else []
        for key in wanted:
            if key not in options:
                yield f"{at}: {key} is missing (set it there or in extensions.{name})"
        yield from _unknown_dataset(at, options, datasets)
        yield from _steps(at, options, datasets)
        yield from _model(at, options)
    if "constant" not in conditions and "schedule" in {o["study"] for o in conditions.values()}:
        yield f"extensions.{name}.conditions: needs constant, which others are compared to"


def _steps(at: str, options: Entry, datasets: Mapping[str, Any]) -> Iterator[str]:
    """Faults of how a condition of an extension is trained."""
    n_train = datasets.get(options.get("dataset", ""), {}).get("n_train", math.inf)
    if options.get("batch_size", 0) >= n_train:
        yield (
            f"{at}.batch_size: must be below n_train = {n_train} of {options['dataset']!r} "
            f"(without batch_size a step takes all samples), got {options['batch_size']}"
        )
    if "design" in options and options.get("design_steps", 0) >= options.get("max_steps", 1):
        yield (
            f"{at}.design_steps: must be below max_steps = {options.get('max_steps')}, which "
            f"it is taken from, got {options.get('design_steps')}"
        )


def _model(at: str, options: Entry) -> Iterator[str]:
    """Faults of the model of a condition of an extension, whatever its data."""
    one_layer = (options.get("model"), options.get("depth")) == ("perceptron", 1)
    if "head" in options and not one_layer:
        yield f"{at}.head: only for a perceptron of depth 1; others take gain"
    elif options["study"] in ONE_LAYER and not one_layer:
        yield f"{at}: the study {options['study']} is of a perceptron of depth 1"
    if isinstance(options.get("gain"), Mapping) and "model" in options:
        parts = (*MODELS[options["model"]].parts, "others")
        for part in options["gain"]:
            if part not in parts:
                yield (
                    f"{at}.gain: {part} is no part of a {options['model']}; allowed are "
                    f"{', '.join(parts)}"
                )


def size_faults(
    name: str, conditions: Mapping[str, Options], datasets: Mapping[str, Any], images: Entry
) -> Iterator[str]:
    """Sizes of models that do not fit one another or the data.

    Args:
        name: of the extension.
        conditions: of it.
        datasets: all, with kinds and options that are right.
        images: section of the settings.
    """
    for condition, options in conditions.items():
        data = datasets.get(options.get("dataset", ""))
        inputs = data_sets.inputs(data, images) if data else None
        if "model" in options:
            for fault in MODELS[options["model"]].faults(options, inputs):
                yield f"extensions.{name}.conditions.{condition}.{fault}"


def ticket_faults(protocol: str, tasks: Entry, datasets: Mapping[str, Any]) -> Iterator[str]:
    """Data sets that tickets of single weights can't be drawn on."""
    for task, options in tasks.items():
        at = f"weight_tickets.{protocol}.{task}"
        yield from _unknown_dataset(at, options, datasets)
        if (data := datasets.get(options["dataset"])) is None:
            continue
        if outputs(data) < 3:
            yield f"{at}.dataset: needs images of three classes or more"
        elif data["n_train"] <= TICKET_BATCH:
            yield (
                f"{at}.dataset: a step takes {TICKET_BATCH} samples, and n_train of "
                f"{options['dataset']!r} must be above that"
            )


def explorer_faults(
    shown: Mapping[str, list[str]], experiments: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Experiments and conditions to be shown that there are not."""
    for experiment, conditions in shown.items():
        at = f"explorer.conditions.{experiment}"
        if experiment not in experiments:
            yield f"{at}: {experiment!r} is none of {', '.join(experiments)}"
            continue
        known = experiments[experiment]
        for condition in conditions:
            if condition not in known:
                yield f"{at}: {condition!r} is none of {', '.join(known)}"
