"""The configuration and the claims register, checked before anything runs."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neuron_race.common.validation import SettingsError
from neuron_race.data import datasets as data_sets
from neuron_race.settings import canonical as one_way
from neuron_race.settings import (
    claims,
    conditions,
    copies,
    criteria,
    multiverse,
    nulls,
    register,
    schema,
)
from neuron_race.settings.options import unread_options
from neuron_race.settings.reading import read_yaml
from neuron_race.settings.register import read as read_register
from neuron_race.settings.resolved import Settings, sources

__all__ = [
    "Settings",
    "SettingsError",
    "canonical",
    "check_names",
    "check_preset",
    "read",
    "read_register",
    "read_yaml",
    "sources",
]


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """A valid configuration in the one way to write it."""
    written: dict[str, Any] = one_way.canonical(config, schema.of("config"))
    return written


def read(config: Mapping[str, Any], root: Path) -> Settings:
    """Check configuration and register, and resolve them.

    Args:
        config: merged configuration.
        root: folder that the register's path starts from.

    Raises:
        SettingsError: anything wrong, before any job starts.
    """
    schema.check(config, "config", "config")
    if config.get("replicate"):
        config = copies.added(config)
        schema.check(config, "config", "config")  # what copies change is checked like all else
    config = canonical(config)
    seeds, asked = _seeds(config["seeds"]), config.get("replicate", {})
    sections = ("experiments", "extensions")
    experiments, extensions = (
        {
            name: conditions.resolved(entry, seeds, config["device"])
            for name, entry in config.get(section, {}).items()
        }
        for section in sections
    )
    if faults := _faults(config, experiments, extensions):
        raise SettingsError("\n".join(f"config: {fault}" for fault in faults))
    path, told = root / config["claims"], str(config["claims"])
    written = register.read(path, told)
    settings = Settings(
        config["preset"],
        seeds,
        config["datasets"],
        experiments,
        {
            name: conditions.resolved({"conditions": tasks}, seeds, config["device"])
            for name, tasks in config.get("weight_tickets", {}).items()
        },
        {
            name: {"id": name, **claim, "criteria": copies.criteria(claim["criteria"], asked)}
            for name, claim in written["claims"].items()
        },
        written["equations"],
        config["explorer"],
        nulls.copied(written["nulls"], asked),
        written["unopened"],
        config.get("shard", "experiment"),
        extensions,
        multiverse.resolved(config.get("multiverse"), config["device"], written["claims"]),
        nulls.copied_runs(written["redraws"], asked),
    )
    faults = [fault for own in settings.claims.values() for fault in claims.faults(settings, own)]
    faults += criteria.faults(settings)
    faults = faults or nulls.faults(settings)
    if faults := faults or settings.impossible():
        raise SettingsError(
            "\n".join(f"{register.file_of(path, told, _owner(fault))}: {fault}" for fault in faults)
        )
    return settings


def _faults(
    config: Mapping[str, Any], experiments: Mapping[str, Any], extensions: Mapping[str, Any]
) -> list[str]:
    """What is wrong with a configuration that follows its schema."""
    datasets, images = config["datasets"], config["images"]
    faults = _seed_faults(config["seeds"])
    for name, options in datasets.items():
        faults += [f"datasets.{name}.{fault}" for fault in data_sets.faults(options, images)]
    for name, own in experiments.items():
        faults += conditions.experiment_faults(name, own, datasets)
    for name, own in extensions.items():
        faults += conditions.extension_faults(name, own, datasets)
    for name, own in extensions.items():
        faults += conditions.size_faults(name, own, datasets, images)
    faults += unread_options(config, experiments, extensions)
    for name in set(experiments) & set(extensions):
        faults.append(f"extensions.{name}: an experiment has this name too")
    for name, tasks in config.get("weight_tickets", {}).items():
        faults += conditions.ticket_faults(name, tasks, datasets)
    faults += conditions.explorer_faults(config["explorer"]["conditions"], experiments)
    return [*faults, *multiverse.faults(config.get("multiverse"), images)]


def _seeds(entry: Mapping[str, Any]) -> list[int]:
    if "list" in entry:
        return list(entry["list"])
    first = entry.get("first", 0)
    return list(range(first, first + entry.get("count", 0)))


def _seed_faults(entry: Mapping[str, Any]) -> list[str]:
    if "list" in entry:
        return ["seeds: list, or first and count, not both"] if len(entry) > 1 else []
    whole = "first" in entry and "count" in entry
    return [] if whole else ["seeds: needs first and count, or list"]


def _owner(fault: str) -> str:
    """The claim that a fault is of (``claims.<claim>...``), or else the register's index."""
    section, name, *_ = re.split(r"[.:]", fault, maxsplit=2)
    return name if section == "claims" else Path(register.INDEX).stem


def check_names(settings: Settings, rules: Iterable[Path]) -> None:
    """Refuse claims that have the name of a rule: each is the name of its target.

    Args:
        settings: with the claims.
        rules: files that define rules.

    Raises:
        SettingsError: the claim, and that its name is taken.
    """
    taken = {
        name
        for path in rules
        for name in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.M)
    }
    taken |= {f"train_{name}" for name in settings.experiments}
    taken |= {f"{prefix}_{name}" for name in settings.claims for prefix in ("figure", "explain")}
    for claim in taken.intersection(settings.claims):
        raise SettingsError(
            f"claims register: claims.{claim}: a rule of the workflow has this name; taken are "
            f"{', '.join(sorted(taken))}"
        )


def check_preset(results: Path, preset: str) -> None:
    """Refuse to mix results of two presets in one folder.

    Raises:
        SettingsError: the folder's stamp names another preset, or can't be read.
    """
    stamp = results / "preset.json"
    try:
        made_by = json.loads(stamp.read_text(encoding="utf-8"))["preset"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise SettingsError(f"{stamp}: can't be read ({error}); `make clean` starts anew") from None
    if made_by != preset:
        raise SettingsError(
            f"{stamp}: the results here are of preset {made_by!r}, and preset {preset!r} would mix "
            "with them. Give it a folder of its own (--directory FOLDER), or delete these results "
            "first (make clean)."
        )
