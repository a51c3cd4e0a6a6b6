"""How the settings at hand differ from those of the preset whose name they bear."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

# What is shown or where files lie decides no verdict.
SHOWN = ("preset", "explorer", "shard", "image_cache", "multiverse")


def preset(name: str, root: Path) -> dict[str, Any]:
    """Configuration of a preset: ``config/config.yaml`` and, over it, the file with this name.

    A name that no file has is the user's own: then it is ``config/config.yaml`` alone.

    Raises:
        SettingsError: a configuration file can't be read, or two of them have the name.
    """
    # What reads schemas is slow to import, and those who only tell changes need it not.
    from neuron_race.settings import configuration, reading

    base = root / "config/config.yaml"
    files = [base]
    if reading.read_yaml(base)["preset"] != name:
        for path in sorted((root / "config").glob("*.yaml")):
            content = reading.read_yaml(path)
            if isinstance(content, Mapping) and content.get("preset") == name:
                if len(files) > 1:
                    raise configuration.SettingsError(
                        f"{path}: preset {name!r} is the name of {files[1]} too; give it its own"
                    )
                files = [base, path]
    return configuration.canonical(reading.merged(files))


def changes(before: Any, after: Any, at: str = "") -> dict[str, list[Any]]:
    """Keys in which two configurations differ -> both values; None where there is none."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return {} if before == after else {at: [before, after]}
    keys = [*before, *(key for key in after if key not in before)]
    return {
        name: values
        for key in keys
        for name, values in changes(
            before.get(key), after.get(key), f"{at}.{key}" if at else str(key)
        ).items()
    }


def overlay(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What must be laid over one configuration to give the other, as a file would have it."""
    found = {}
    for key, value in after.items():
        inner = before.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            if below := overlay(inner, value):
                found[key] = below
        elif key not in before or inner != value:
            found[key] = value
    return found


def concerning(
    found: Mapping[str, list[Any]], names: Mapping[str, Collection[str]]
) -> dict[str, list[Any]]:
    """Those changes that may change a verdict.

    Args:
        found: result of :func:`changes`.
        names: entries that the verdict rests on, by section (``experiments``, ...);
            of other sections any change counts.
    """
    kept = {}
    for key, values in found.items():
        section, _, rest = key.partition(".")
        if section not in SHOWN and (
            section not in names or rest.partition(".")[0] in names[section]
        ):
            kept[key] = values
    return kept


def words(found: Mapping[str, Sequence[Any]]) -> str:
    """Changes as people read them: ``experiments.pair.alpha 0.1 (preset: 0.0001)``."""
    return "; ".join(
        f"{key} {_told(here)} (preset: {_told(there)})" for key, (there, here) in found.items()
    )


def _told(value: Any) -> str:
    return "none" if value is None else str(value)
