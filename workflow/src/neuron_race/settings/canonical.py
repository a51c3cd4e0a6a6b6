"""Settings in the one way to write them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Mappings whose order is that of the files, for it is shown.
ORDERED = {("claims",), ("explorer", "conditions"), ("nulls",)}


def canonical(content: Any, rules: Mapping[str, Any]) -> Any:
    """Valid content in the one way to write it: Snakemake compares how parameters are written.

    Mappings are sorted by key, but for those whose order is shown; what the schema calls a number
    is a float.

    Args:
        content: what follows a JSON schema.
        rules: the schema.
    """
    return _canonical(content, [rules], rules.get("$defs", {}), ())


def _canonical(value: Any, rules: list[Any], defs: Mapping[str, Any], path: tuple[Any, ...]) -> Any:
    rules = [rule for one in rules for rule in _alternatives(one, defs)]
    if type(value) is int and any(rule.get("type") == "number" for rule in rules):
        return float(value)
    if isinstance(value, Mapping):
        keys = list(value) if path in ORDERED else sorted(value)
        return {
            key: _canonical(value[key], list(_rules_of(key, rules)), defs, (*path, key))
            for key in keys
        }
    if isinstance(value, list):
        inner = [rule["items"] for rule in rules if "items" in rule]
        return [_canonical(item, inner, defs, (*path, None)) for item in value]
    return value


def in_order(options: Mapping[str, Any]) -> dict[str, Any]:
    """In one order, wherever the options come from."""
    return {key: options[key] for key in sorted(options)}


def _alternatives(rule: Any, defs: Mapping[str, Any]) -> Iterator[Any]:
    """A rule of a schema and all that it refers to or is made of."""
    if not isinstance(rule, Mapping):
        return
    yield rule
    parts = [rule[key] for key in ("then", "else") if key in rule]
    parts += [part for key in ("allOf", "oneOf", "anyOf") for part in rule.get(key, [])]
    parts += [defs[rule["$ref"].split("/")[2]]] if rule.get("$ref", "").count("/") == 2 else []
    for part in parts:
        yield from _alternatives(part, defs)


def _rules_of(key: str, rules: Iterable[Any]) -> Iterator[Any]:
    """Rules for the value of a key."""
    for rule in rules:
        if key in rule.get("properties", {}):
            yield rule["properties"][key]
        elif "additionalProperties" in rule:
            yield rule["additionalProperties"]
