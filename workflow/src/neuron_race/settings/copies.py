"""Copies of experiments on other data sets, which ``replicate`` asks for, and their criteria."""

from collections.abc import Mapping
from typing import Any

from neuron_race.common.validation import SettingsError
from neuron_race.settings.resolved import sources


def added(config: Mapping[str, Any]) -> dict[str, Any]:
    """Add the copies of experiments and extensions on other data sets that ``replicate`` asks for.

    Raises:
        SettingsError: a copy of something that there is not.
    """
    kinds = {kind: dict(config.get(kind, {})) for kind in ("experiments", "extensions")}
    known = [name for kind in kinds.values() for name in kind]
    for name, copy in config.get("replicate", {}).items():
        for original, changes in copy["experiments"].items():
            at = f"config: replicate.{name}.experiments.{original}"
            if original not in known:
                raise SettingsError(f"{at}: is none of {', '.join(known)}")
            own = next(kind for kind in kinds.values() if original in kind)
            if any(f"{original}_{name}" in kind for kind in kinds.values()):
                raise SettingsError(f"{at}: {original}_{name} exists already")
            conditions = own[original]["conditions"]
            changed = changes.get("conditions", {})
            for unknown in sorted(set(changed) - set(conditions), key=str):
                raise SettingsError(
                    f"{at}.conditions: {unknown!r} is none of {', '.join(conditions)}"
                )
            own[f"{original}_{name}"] = {
                **own[original],
                **changes,
                "dataset": copy["dataset"],
                "conditions": {
                    condition: {**options, **changed.get(condition, {})}
                    for condition, options in conditions.items()
                },
            }
    return {**config, **kinds}


def criteria(originals: list[dict[str, Any]], copies: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Criteria, and each again for every copy of an experiment that it reads."""
    result = list(originals)
    for name, copy in copies.items():
        copied = set(copy["experiments"])
        for criterion in originals:
            if not any(runs.split("/")[0] in copied for _, runs in sources(criterion)):
                continue
            again: dict[str, Any] = {
                **criterion,
                **{
                    key: _renamed(criterion[key], copied, name)
                    for key in ("runs", "minus")
                    if key in criterion
                },
                "name": f"{criterion['name']}_{name}",
                "meaning": f"{criterion['meaning']} ({name})",
            }
            if "trend" in criterion:
                again["trend"] = [
                    {**point, "runs": _renamed(point["runs"], copied, name)}
                    for point in criterion["trend"]
                ]
            result.append(again)
    return result


def _renamed(runs: str, copied: set[str], name: str) -> str:
    experiment, condition = runs.split("/")
    return f"{experiment}_{name}/{condition}" if experiment in copied else runs
