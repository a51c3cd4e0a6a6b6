"""Content against a JSON schema: what is wrong is said by file, key and what is allowed."""

import math
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from neuron_race.common.imports import without

MAX_DEPTH = 50
MAX_ENTRIES = 200_000  # of a configuration; the full preset has some 2,000


class SettingsError(ValueError):
    """Config or register is wrong: the message names file, key, and what is allowed."""


@cache
def validator() -> Any:
    """Class of validators; imported by those who ask alone, for it is slow to import.

    JSON Schema takes 3.0 for an integer; as a width or a number of seeds it is none.
    """
    # One of jsonschema's optional checkers, of a format that no schema here has, compiles a grammar
    # at import (1 s).
    with without("rfc3987_syntax"):
        from jsonschema import Draft202012Validator, validators
    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return validators.extend(Draft202012Validator, type_checker=checker)


@cache
def schema(path: Path) -> Any:
    """A schema of the package, read once; not to be changed."""
    import yaml

    # The compiled parser, which wheels of PyYAML have, is much faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


def validate(content: Any, rules: Mapping[str, Any], where: str, part: str = "") -> None:
    """Check content against a JSON schema, or against one of its ``$defs``.

    Raises:
        SettingsError: one line per fault, with file, key, and what is allowed.
    """
    if (entries := _entries(content)) > MAX_ENTRIES:
        raise SettingsError(f"{where}: more than {MAX_ENTRIES} entries (aliases can blow up)")
    if entries < 0:
        raise SettingsError(f"{where}: nested too deeply")
    defs = rules.get("$defs", {})
    own = {"$ref": f"#/$defs/{part}", "$defs": defs} if part else rules
    faults = [f"{key}: {value} is not a finite number" for key, value in _not_finite(content)]
    errors = validator()(own).iter_errors(content)
    for error in sorted(errors, key=lambda e: list(map(str, e.path))):
        faults += _explain(error, content, defs)
    if faults:
        raise SettingsError("\n".join(f"{where}: {fault}" for fault in dict.fromkeys(faults)))


def _entries(content: Any) -> int:
    """Number of values in nested content, counted no further than the limit; -1 if too deep."""
    stack, count = [(content, 0)], 0
    while stack and count <= MAX_ENTRIES:
        value, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            return -1
        if isinstance(value, Mapping):
            stack += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            stack += [(item, depth + 1) for item in value]
    return count


def _not_finite(content: Any, key: str = "") -> list[tuple[str, float]]:
    """Keys of all numbers that are NaN or infinite, which a JSON schema can't refuse."""
    if isinstance(content, float) and not math.isfinite(content):
        return [(key, content)]
    if isinstance(content, int) and abs(content) > sys.float_info.max:
        return [(key, math.inf)]
    items: Any = ()
    if isinstance(content, Mapping):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    return [fault for k, v in items for fault in _not_finite(v, f"{key}.{k}".lstrip("."))]


def _place(content: Any, path: Iterable[Any]) -> str:
    """Where something is in content: entries of lists by their names, if they have any."""
    words: list[str] = []
    in_group = False
    for step in path:
        content = content[step]
        if in_group and step in ("group", "of"):
            in_group = False
            continue
        group = content.get("of") if isinstance(content, Mapping) else None
        in_group = isinstance(step, int) and isinstance(group, list) and bool(group)
        named = group[0] if in_group and group else content
        name = named.get("name") if isinstance(named, Mapping) else None
        if isinstance(step, int) and isinstance(name, str):
            words.append(f"group of {name}" if in_group else name)
        else:
            words.append(str(step))
    return ".".join(words) or "top level"


def _explain(error: Any, content: Any, defs: Mapping[str, Any]) -> list[str]:
    """Words for an error; ``defs`` are those of the schema."""
    key = _place(content, error.absolute_path)
    if error.validator == "oneOf" and isinstance(error.instance, dict) and "kind" in error.instance:
        # Of the alternatives, only that of the kind in question says anything useful.
        kind = error.instance["kind"]
        own = [e for e in error.context if _kind(error.schema["oneOf"][e.schema_path[0]]) == kind]
        return [line for e in own for line in _explain(e, content, defs)]
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known: set[str] = set(error.schema.get("properties", {}))
        if "allOf" in error.schema:
            shared = error.schema["allOf"][0]["$ref"].rsplit("/", 1)[-1]
            known |= set(defs[shared]["properties"])
        unknown = sorted(map(str, set(error.instance) - known))
        if not unknown:  # a known key with a bad value, which has an error of its own
            return []
        if known:
            names = ", ".join(unknown)
            return [f"{key}: unknown key {names}; allowed are {', '.join(sorted(known))}"]
    if error.validator == "pattern" and error.schema.get("description", "").startswith("Names"):
        return [f"{key}: name {error.instance!r}: {error.schema['description']}"]
    return [f"{key}: {error.message}"]


def _kind(rules: Mapping[str, Any]) -> Any:
    """The one kind that a schema takes."""
    return rules["properties"]["kind"]["const"]


def unknown(name: str, known: Iterable[str], listed: Iterable[str] = ()) -> str:
    """A name is none of those known: the nearest of them, and all, or how they are listed."""
    known = list(known)
    nearest = get_close_matches(name, known)
    also = f"; nearest: {', '.join(nearest)}" if nearest else ""
    return f"{name!r} is none of {', '.join(listed or known)}{also}"
