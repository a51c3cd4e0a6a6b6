"""Files and options of the command line that hold settings, read as people write them.

YAML 1.1, which Snakemake reads, takes ``1e-4`` for text, ``0600`` for an octal number, ``1:30`` for
ninety, and the last of two equal keys. Here the first is a number, and the others are refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from neuron_race.common.validation import MAX_DEPTH, SettingsError

MAX_YAML_BYTES = 2_000_000
# The register takes seconds to parse in pure Python; wheels of PyYAML have the compiled parser.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

OCTAL = re.compile(r"[-+]?0[0-9_]+")
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
# What a word without quotes stands for; all else is text.
WORDS: list[tuple[re.Pattern[str], Callable[[str], Any]]] = [
    (re.compile(r"|~|null|Null|NULL"), lambda word: None),
    (re.compile(r"yes|Yes|YES|true|True|TRUE|on|On|ON"), lambda word: True),
    (re.compile(r"no|No|NO|false|False|FALSE|off|Off|OFF"), lambda word: False),
    (re.compile(r"[-+]?[0-9][0-9_]*"), lambda word: int(word.replace("_", ""))),
    (re.compile(r"[-+]?0x[0-9a-fA-F][0-9a-fA-F_]*"), lambda word: int(word.replace("_", ""), 16)),
    (re.compile(r"[-+]?0b[01][01_]*"), lambda word: int(word.replace("_", ""), 2)),
    (
        re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"),
        lambda word: float(word.replace("_", "")),
    ),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda word: float(word.replace(".", "").lower())),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda word: float("nan")),
]

# Two ways to say the same: of files that override each other, the later one's way counts.
INSTEAD = {"seeds": ({"list"}, {"first", "count"})}


def read_yaml(path: Path) -> Any:
    """Read a YAML or JSON file; aliases, tags, deep and oversized files are refused.

    Keys are text, whatever they look like.

    Raises:
        SettingsError: missing, too large, too deep, aliases (they can blow up), no YAML, a key
            given twice, or a number that YAML would read as another one; with file, line and key.
    """
    try:
        if not path.is_file() and path.exists():  # a device may never end
            raise SettingsError(f"{path}: no regular file")
        with open(path, encoding="utf-8") as stream:
            text = stream.read(MAX_YAML_BYTES + 1)
    except SettingsError:
        raise
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: can't be read ({error})") from error
    return parse(text, str(path))


def parse(text: str, where: str) -> Any:
    """What a YAML or JSON text says; ``where`` names it in messages.

    Raises:
        SettingsError: see :func:`read_yaml`.
    """
    if len(text) > MAX_YAML_BYTES:
        raise SettingsError(f"{where}: larger than {MAX_YAML_BYTES} characters")
    try:
        reader = _Reader(yaml.parse(text, Loader=LOADER))
        content = reader.document()
    except _Refused as error:
        raise SettingsError(f"{where}: {error}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{where}: can't be read ({error})") from error
    if reader.faults:
        raise SettingsError("\n".join(f"{where}: {fault}" for fault in reader.faults))
    return content


def read_overlay(path: Path) -> dict[str, Any]:
    """Read a configuration file as it is, without what Snakemake would make of it.

    Snakemake reads one with ``__use_yte__`` as a template, whose expressions it executes.

    Raises:
        SettingsError: as :func:`read_yaml`; a template; no keys at top level.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: needs keys at top level, got {content!r:.80}")
    if "__use_yte__" in content:
        raise SettingsError(f"{path}: __use_yte__ would execute what the file says")
    return content


def merged(files: Iterable[Path], options: Iterable[str] = ()) -> dict[str, Any]:
    """The configuration that files and options of the command line make together.

    Args:
        files: configuration files; later ones override earlier ones key by key.
        options: ``key=value`` as given to ``--config``, which override the files; a value is read
            as it would be in a file.

    Raises:
        SettingsError: see :func:`read_overlay`; an option of another form.
    """
    parts = [read_overlay(Path(path)) for path in files]
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise SettingsError(f"--config {option}: write key=value")
        parts.append({key: parse(value, f"--config {key}")})
    config: dict[str, Any] = {}
    for part in parts:
        for section, (one, other) in INSTEAD.items():
            old, new = config.get(section), part.get(section)
            if isinstance(old, Mapping) and isinstance(new, Mapping):
                gone = [*(other if one & set(new) else ()), *(one if other & set(new) else ())]
                config[section] = {key: old[key] for key in old if key not in gone}
        config = override(config, part)
    return config


def override(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged key by key; those of the old one come first, in its order."""
    return {
        **old,
        **{
            key: override(old[key] if isinstance(old.get(key), Mapping) else {}, value)
            if isinstance(value, Mapping)
            else value
            for key, value in new.items()
        },
    }


class _Refused(Exception):
    """A text that is not read any further."""


class _Reader:
    """Builds values from the events of a YAML parser.

    Attributes:
        faults: what is wrong, with line and key.
    """

    def __init__(self, events: Iterator[Any]):
        self.events = events
        self.faults: list[str] = []

    def document(self) -> Any:
        """The only document; None if there is none."""
        content, documents = None, 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Refused(f"can't be read (line {_line(event)}: a second document)")
                content = self.value(next(self.events), "", 0)
        return content

    def value(self, event: Any, key: str, depth: int) -> Any:
        """The value that starts with an event."""
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("YAML aliases are not allowed here")
        if event.tag is not None:
            raise _Refused(
                f"can't be read (line {_line(event)}: no tags here, such as {event.tag})"
            )
        if isinstance(event, yaml.ScalarEvent):
            return self.word(event, key) if event.implicit[0] else event.value
        if depth == MAX_DEPTH:
            raise _Refused("nested too deeply")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(key, depth + 1)
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, f"{key}.{len(items)}".lstrip("."), depth + 1))
        return items

    def mapping(self, key: str, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise _Refused(f"can't be read (line {_line(event)}: a key that is no text)")
            name, line = event.value, _line(event)
            inner = f"{key}.{name}".lstrip(".")
            if name in lines:
                self.faults.append(
                    f"line {line}: {inner} is there already, on line {lines[name]}; keep one"
                )
            lines.setdefault(name, line)
            result[name] = self.value(next(self.events), inner, depth)
        return result

    def word(self, event: Any, key: str) -> Any:
        """What a scalar without quotes stands for."""
        word, at = event.value, f"line {_line(event)}: {key or 'top level'}"
        if OCTAL.fullmatch(word):
            plain = re.sub(r"^([-+]?)[0_]+(?=[0-9])", r"\1", word)
            self.faults.append(
                f"{at}: YAML takes {word} for an octal number; write {plain}, or '{word}' for text"
            )
        elif SEXAGESIMAL.fullmatch(word):
            self.faults.append(
                f"{at}: YAML takes {word} for a number to the base of sixty; write it in decimal "
                f"digits, or '{word}' for text"
            )
        else:
            for pattern, read in WORDS:
                if pattern.fullmatch(word):
                    return read(word)
        return word


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
