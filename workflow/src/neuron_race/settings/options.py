"""Which options of the configuration are read by whom: none is accepted and ignored."""

import re
from collections.abc import Mapping
from typing import Any

from neuron_race.common.validation import SettingsError
from neuron_race.models.options import MODELS, SCHEMAS

# What each condition of an extension must be told, beside what its model must be.
EXTENSION_KEYS = ("dataset", "model", "width", "loss", "learning_rate", "max_steps", "precision")
# Studies of weights that only the paper's network has.
ONE_LAYER = ("schedule", "initialization", "optimizers", "sizes")
# Studies of networks of several sizes.
SIZED = ("pruning_at_init", "sizes")
# Who reads an option of an extension that not all read.
READERS = {
    "alpha": "conditions with head",
    "batch_size": "all studies but pruning_at_init",
    "design": "the study initialization",
    "design_steps": "conditions with design, in the study initialization",
    "forecast_rate": "all studies but schedule, which forecasts nothing",
    "gain": "conditions without head",
    "percents": "the studies pruning_at_init and sizes",
    "shuffled": "conditions with design, in the study initialization",
    "stride": "optimizers but adam, whose steps do not depend on the size of the gradient",
}
# Environment variables of the workflow; the last is of its tests.
VARIABLES = ("CACHE", "CHECKPOINT_SECONDS", "ROOT", "TERMINAL", "NETWORK")


def _read_by(options: Mapping[str, Any]) -> set[str]:
    """Options that a condition of an extension reads, of those that not all do."""
    study, design = options["study"], "design" in options
    read = set(MODELS[options["model"]].keys if "model" in options else SCHEMAS)
    read |= {"alpha"} if "head" in options else {"gain"}
    read |= {"batch_size"} if study != "pruning_at_init" else set()
    read |= {"percents"} if study in SIZED else set()
    read |= {"forecast_rate"} if study != "schedule" else set()
    read |= {"stride"} if options.get("optimizer") != "adam" else set()
    if study == "initialization":
        read |= {"design", *(("design_steps", "shuffled") if design else ())}
    return read


def unread_options(
    config: Mapping[str, Any], experiments: Mapping[str, Any], extensions: Mapping[str, Any]
) -> list[str]:
    """Faults: options that would be accepted and ignored.

    Those of a condition must be read by it; those for all conditions, by one that has none of its
    own.
    """
    faults = []
    for section, resolved in (("experiments", experiments), ("extensions", extensions)):
        for name, conditions in resolved.items():
            entry, at = config[section][name], f"{section}.{name}"

            def reads(condition: str, key: str, conditions: Any = conditions) -> bool:
                options = conditions[condition]
                return "study" not in options or (
                    key not in {*SCHEMAS, *READERS} or key in _read_by(options)
                )

            for condition, own in entry["conditions"].items():
                for key in own:
                    if not reads(condition, key):
                        faults.append(
                            f"{at}.conditions.{condition}.{key}: not read here; it is for "
                            f"{_readers(key)}"
                        )
            for key in sorted(set(entry) - {"conditions", "study"}):
                heirs = [name for name, own in entry["conditions"].items() if key not in own]
                if not heirs:
                    faults.append(
                        f"{at}.{key}: read by none of its conditions, each of which has its own"
                    )
                elif not any(reads(condition, key) for condition in heirs):
                    faults.append(f"{at}.{key}: not read here; it is for {_readers(key)}")
    return faults


def _readers(key: str) -> str:
    models = [name for name, model in MODELS.items() if key in model.keys]
    return READERS.get(key) or f"the model {' or '.join(models)}"


def check_environment(names: Mapping[str, str]) -> None:
    """Refuse environment variables that look like the workflow's, but are none.

    Raises:
        SettingsError: the variable, and which there are.
    """
    seconds = "NEURON_RACE_CHECKPOINT_SECONDS"
    if seconds in names and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", names[seconds]):
        raise SettingsError(
            f"environment: {seconds} is a number of seconds, such as 60, got {names[seconds]!r}"
        )
    known = [f"NEURON_RACE_{name}" for name in VARIABLES]
    for name in sorted(set(names) - set(known)):
        if name.startswith("NEURON_RACE_"):
            raise SettingsError(f"environment: {name} is none of {', '.join(known[:-1])}")
