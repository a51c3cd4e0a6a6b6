"""Settings as people write them on a command line: ``experiments.pair.alpha=1e-3``."""

import re
from collections.abc import Mapping
from typing import Any

from neuron_race.common.validation import SettingsError, unknown
from neuron_race.settings import reading, schema

# A space ends a setting only where another begins, so that values may have spaces: [1, 2].
BETWEEN = re.compile(r"\s+(?=[\w.]+=)")


def overlay(text: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay of a configuration that settings ask for.

    Args:
        text: ``key=value``, several with spaces between them; a key is a path with dots, a value is
            read as in a file, with ``1e-3`` a number.
        config: the configuration, whose keys there are.

    Raises:
        SettingsError: no ``key=value``, a key given twice, or one that there is not, with the
            nearest of those that there are.
    """
    found: dict[str, Any] = {}
    seen = set()
    for entry in filter(None, BETWEEN.split(text.strip())):
        key, equals, value = entry.partition("=")
        if not equals or not value.strip():
            raise SettingsError(f"SET: {entry!r}: write key=value, such as seeds.count=5")
        if key in seen:
            raise SettingsError(f"SET: {key} is given twice")
        seen.add(key)
        steps = key.split(".")
        _check(steps, config)
        content = reading.parse(value, f"SET: {key}")
        for step in reversed(steps):
            content = {step: content}
        found = reading.override(found, content)
    return found


def _check(steps: list[str], config: Mapping[str, Any]) -> None:
    """Refuse a path of keys that the configuration has not, and its schema would not take."""
    here: Any = config
    for at, step in enumerate(steps):
        known = [*here] if isinstance(here, Mapping) else []
        if step in known:
            here = here[step]
            continue
        place = ".".join(steps[:at])
        if at == len(steps) - 1 and step in (more := _options(steps[:at])):
            return
        if not known:
            raise SettingsError(f"SET: {place} is {here!r}, which has no {step!r} below it")
        known += more if at == len(steps) - 1 else []
        raise SettingsError(f"SET: {place or 'top level'}: {unknown(step, dict.fromkeys(known))}")


def _options(place: list[str]) -> list[str]:
    """Options that a place takes though the configuration has none of them there."""
    named = {"experiments": "options", "extensions": "extension_options"}
    whole = schema.of("config")
    match place:
        case [section]:
            return list(whole["properties"][section].get("properties", {}))
        case [section, _] | [section, _, "conditions", _] if section in named:
            return list(whole["$defs"][named[section]]["properties"])
        case _:
            return []
