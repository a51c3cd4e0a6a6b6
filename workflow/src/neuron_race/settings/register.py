"""The claims register as it is written: a folder with a file for each claim, or one file.

What the folder's files may say is told in ``config/claims/README.md``.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_race.common.validation import SettingsError
from neuron_race.settings import criteria, schema
from neuron_race.settings.canonical import canonical
from neuron_race.settings.reading import read_yaml

INDEX = "_register.yaml"  # no claim can have this name
HOLDS = f"a folder of claims holds <claim>.yaml for each, {INDEX} and README.md"


@dataclass(frozen=True)
class Part:
    """One file of a register.

    Attributes:
        where: how messages name it.
        content: what it says, as a register of its own would say it: a claim below ``claims``.
        schema: what of ``claims.schema.yaml`` it follows, by the name in ``$defs``; "" for all.
    """

    where: str
    content: Any
    schema: str = ""


def files(path: Path) -> list[Path]:
    """Files of a register: itself, or those that the folder holds, the claims' after the index.

    Hidden files and what editors keep (``racing.yaml~``) are none.

    Raises:
        SettingsError: a folder that holds something else, or lacks something.
    """
    if not path.is_dir():
        return [path]
    try:
        there = sorted(entry for entry in path.iterdir() if not _passed_over(entry.name))
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error})") from error
    others = [entry for entry in there if entry.suffix != ".yaml"]
    if others:
        raise SettingsError("\n".join(f"{entry}: is no claim; {HOLDS}" for entry in others))
    index = path / INDEX
    if there in ([], [index]):
        raise SettingsError(f"{path}: no claims here; {HOLDS}")
    if index not in there:
        raise SettingsError(f"{index}: is missing; {HOLDS}")
    return [index, *(entry for entry in there if entry != index)]


def _passed_over(name: str) -> bool:
    return name == "README.md" or name.startswith(".") or name.endswith("~")


def parts(path: Path, where: str) -> list[Part]:
    """What the files of a register say, unchecked; ``where`` names the register in messages.

    Raises:
        SettingsError: see :func:`files` and :func:`neuron_race.settings.reading.read_yaml`.
    """
    if not path.is_dir():
        return [Part(where, read_yaml(path))]
    index, *claims = files(path)
    return [
        Part(f"{where}/{INDEX}", read_yaml(index), "index"),
        *(Part(file_of(path, where, own.stem), alone(own.stem, read_yaml(own))) for own in claims),
    ]


def alone(claim: str, content: Any) -> dict[str, Any]:
    """The register that has this claim alone."""
    return {"equations": {}, "claims": {claim: content}}


def file_of(path: Path, where: str, claim: str) -> str:
    """How messages name the file that holds a claim."""
    return f"{where}/{claim}.yaml" if path.is_dir() else where


def complete(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A claim whose criteria have all their keys: of its own, of its group, and the defaults."""
    criteria: list[dict[str, Any]] = []
    for entry in claim["criteria"]:
        shared = {**claim.get("defaults", {}), **entry.get("group", {})}
        criteria += [_criterion(shared, own) for own in entry.get("of", [entry])]
    kept = {key: value for key, value in claim.items() if key != "defaults"}
    return {**kept, "criteria": criteria}


def _criterion(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A criterion with what it inherits; its ``case`` completes the meaning that a group shares."""
    whole = {**shared, **own}
    if "case" in whole and "{case}" in whole.get("meaning", ""):
        whole["meaning"] = whole["meaning"].replace("{case}", whole.pop("case"))
    return whole


@functools.lru_cache(maxsize=256)
def _checked(text: str, where: str, part: str) -> dict[str, Any]:
    """Claims of a file with all that they inherit, checked once for the same text.

    Nearly all of the time that a register takes is spent on its schema, and each start of the
    workflow reads it twice: for its settings, and for those that costs were measured with.

    Args:
        text: what the file says, as JSON.
        where: see :class:`Part`.
        part: its ``schema``.

    Returns:
        Not to be changed.

    Raises:
        SettingsError: see :func:`read`.
    """
    content = json.loads(text)
    schema.check(content, "claims", where, part)
    own = {name: complete(claim) for name, claim in content.get("claims", {}).items()}
    schema.check({"claims": own}, "claims", where, "complete")
    return own


def read(path: Path, where: str | None = None) -> dict[str, Any]:
    """The claims register: the sections of its index, and ``claims`` with all that they inherit.

    Args:
        path: its folder, or its file.
        where: how messages name it, the path by default.

    Raises:
        SettingsError: one line per fault, with file, claim, criterion, key, and what is allowed.
    """
    where = str(path) if where is None else where
    files = parts(path, where)
    claims: dict[str, Any] = {}
    for part in files:
        claims |= _checked(json.dumps(part.content), part.where, part.schema)
    first = files[0].content
    order = first.get("order", [])
    faults = [criteria.unknown(name, claims) for name in order if name not in claims]
    if faults:
        raise SettingsError("\n".join(f"{files[0].where}: order: {fault}" for fault in faults))
    whole = {
        "equations": first["equations"],
        "nulls": first.get("nulls", {}),
        "redraws": first.get("redraws", {}),
        "unopened": first.get("unopened", []),
        "claims": {name: claims[name] for name in dict.fromkeys([*order, *claims])},
    }
    ordered: dict[str, Any] = canonical(whole, schema.of("claims"))
    return ordered
