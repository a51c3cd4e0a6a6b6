"""The schemas of configuration, register and verdicts.

What can be said of data sets, images, models and optimizers is told by those whose it is, and so is
which statistics the multiverse has.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from neuron_race.common import validation
from neuron_race.data import datasets, images
from neuron_race.models.options import MODELS, SCHEMAS
from neuron_race.settings.dictionary.multiverse import CLAIMED
from neuron_race.training.optimizers import OPTIMIZERS, SCHEDULES

FOLDER = Path(__file__).with_name("schemas")


@cache
def of(name: str) -> Any:
    """JSON schema of ``config``, ``claims`` or ``verdict``; not to be changed."""
    rules = validation.schema(FOLDER / f"{name}.schema.yaml")
    return _with_kinds(rules) if name == "config" else rules


def _with_kinds(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the configuration with all that others say may stand in it."""
    kinds = datasets.schemas()
    data = rules["properties"]["datasets"]
    one_of = {
        **data["additionalProperties"],
        "properties": {"kind": {"enum": [own["properties"]["kind"]["const"] for own in kinds]}},
        "oneOf": kinds,
    }
    options = rules["$defs"]["extension_options"]["properties"]
    known: dict[str, Mapping[str, Any]] = {
        "model": MODELS,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
    }
    named = {key: {"enum": list(names)} for key, names in known.items()}
    universes = rules["properties"]["multiverse"]
    lent = {
        **universes["properties"]["criteria"],
        "required": list(CLAIMED),
        "properties": {statistic: {"type": "string"} for statistic in CLAIMED},
    }
    return {
        **rules,
        "properties": {
            **rules["properties"],
            "datasets": {**data, "additionalProperties": one_of},
            "multiverse": {
                **universes,
                "properties": {**universes["properties"], "criteria": lent},
            },
        },
        "$defs": {
            **rules["$defs"],
            **images.schemas(),
            "extension_options": {"properties": {**options, **SCHEMAS, **named}},
        },
    }


def check(content: Any, name: str, where: str, part: str = "") -> None:
    """Check content against a schema, or against one of its ``$defs``.

    Raises:
        SettingsError: one line per fault, with file, key, and what is allowed.
    """
    validation.validate(content, of(name), where, part)
