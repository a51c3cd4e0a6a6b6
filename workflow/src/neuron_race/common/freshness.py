"""Is a result of the data, settings and code at hand? Its record says so, whatever its date.

The fingerprint of a job is a checksum of all that decides what it writes: its script and the
modules of the package that this uses, its parameters, the versions of the libraries, and of each
input the fingerprint of the job that makes it or, for a source file, its contents. So it is known
before anything runs, and a change anywhere reaches all that comes after it, also where a job in
between failed. A job that is done leaves a record: its fingerprint, and checksums of its outputs.
A job that reads these looks at the record first, so that none builds on, shows or judges what
other settings made, whoever put it there.
"""

import ast
import functools
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from neuron_race.common import storage

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[2]
# Read when the graph is made: what they decide reaches jobs as parameters. And what prints, checks,
# or leaves out imports decides no result.
APART = {
    *(f"settings/{name}" for name in ("additions", "canonical", "claims", "commandline")),
    *(f"settings/{name}" for name in ("conditions", "configuration", "copies", "criteria")),
    *(f"settings/{name}" for name in ("multiverse", "nulls", "options", "reading", "register")),
    *(f"settings/{name}" for name in ("resolved", "schema")),
    "common/validation",
    *(f"common/{name}" for name in ("freshness", "homes", "imports", "leftovers", "progress")),
    *("common/terminal", "operations/planning"),
}
APART_FILES = {PACKAGE / f"{name}.py" for name in APART}
# Folders of tools, of what an interrupted job leaves to its next attempt, of what only checks,
# and of logs, which tell what jobs have cost.
OWN = {".venv", ".snakemake", ".git", "__pycache__", "checkpoints", "schemas", "logs"}
# Names of files that a module reads beside itself.
BESIDE = re.compile(r"[\"'](\w+\.(c|h|html|css|js|woff))[\"']")
# Libraries that results, figures and pages depend on.
LIBRARIES = (
    *storage.RECORDED_PACKAGES,
    *("matplotlib", "jinja2", "mistune", "latex2mathml", "rocrate"),
    *("sphinx", "myst-parser", "furo"),
)
# On a cluster a file system may show what another machine wrote with delay.
PATIENCE = 30.0  # seconds


class StaleError(Exception):
    """A file is not what the data, settings and code at hand make: the message says what to do."""


@functools.cache
def checksum(path: str | Path) -> str:
    """SHA-256 of a file, read once.

    Raises:
        StaleError: it is missing or can't be read.
    """
    try:
        return storage.checksum(Path(path))
    except OSError as error:
        raise StaleError(f"{path}: {error.strerror or error}") from error


@functools.cache
def _uses(path: Path) -> frozenset[Path]:
    """Files of the package that a Python file uses, wherever it names them.

    These are the modules that it imports, and what lies beside it and is no Python (kernel.c).

    Raises:
        StaleError: the file is missing or no Python, or names one that the package lacks.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError) as error:
        raise StaleError(f"{path}: can't be read as Python ({error})") from error
    found: set[Path] = set()
    # Most name none beside, so that what is inside their statements need not be looked at.
    beside = {name for name, _ in BESIDE.findall(text)}
    for node in ast.walk(tree) if beside else _statements(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            found.update(file for names in _imported(node) for file in _modules(path, *names))
        elif isinstance(node, ast.Constant) and node.value in beside:
            found.add(path.with_name(str(node.value)))
    for file in found:
        if not file.is_file():
            raise StaleError(f"{path}: uses {name_of(file)}, which there is not")
    return frozenset(found)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements of a file, those inside others too."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for inside in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, inside, [])
        yield node


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str, str]]:
    """Level, module and name of all that an import names; the name may be empty."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", alias.name
        else:
            yield 0, alias.name, ""


def _modules(importer: Path, level: int, module: str, name: str) -> list[Path]:
    """Files of the project that an import reads, with the ``__init__`` of their folders.

    Modules are looked for where jobs find them: in ``workflow/src`` and beside the importer.
    """
    parts = [part for part in module.split(".") if part]
    if level:
        starts = [importer.parents[level - 1]]
    else:
        starts = [start for start in (PACKAGE.parent, importer.parent) if _found(start, parts[0])]
    if not starts:
        return []  # a library
    inside = starts[0].joinpath(*parts)
    found = [folder / "__init__.py" for folder in (inside, *inside.parents) if _within(folder)]
    if not inside.is_dir():
        return [inside.with_suffix(".py"), *filter(Path.is_file, found)]
    found = [file for file in found if file.is_file()]
    start, own = inside / "__init__.py", inside / f"{name}.py"
    if not name or own.is_file():
        return [*found, *([own] if name else [])]
    defined = re.findall(r"\w+", start.read_text(encoding="utf-8")) if start.is_file() else []
    return found if name in defined else [*found, own]


def _found(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def _within(folder: Path) -> bool:
    return folder == PACKAGE or PACKAGE in folder.parents


@functools.cache
def code(*starts: Path) -> dict[str, str]:
    """Files that these Python files use, through any number of imports, and themselves.

    Returns:
        Path as :func:`name_of` has it -> checksum, sorted.

    Raises:
        StaleError: one of them is missing or can't be read.
    """
    done: set[Path] = set()
    waiting = set(starts)
    while waiting:
        path = waiting.pop()
        done.add(path)
        if path.suffix == ".py":
            waiting |= _uses(path) - APART_FILES - done
    return dict(sorted((name_of(path), checksum(path)) for path in done))


def name_of(path: str | Path) -> str:
    """A file's path from the project's folder, wherever that and the working directory are."""
    path = Path(os.path.abspath(path))
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()


def made_of(
    code: Mapping[str, str],
    parameters: Mapping[str, Any],
    records: Mapping[str, str],
    sources: Mapping[str, str],
    record: str,
) -> dict[str, Any]:
    """All that a job is made of, and its fingerprint.

    Args:
        code: result of :func:`code`.
        parameters: whatever the script is told; compared as values, in any order.
        records: of each job that makes an input, where its record is -> its fingerprint.
        sources: of each input that no job makes, :func:`name_of` -> checksum of its contents.
        record: where the job's own record goes.
    """
    parts = {
        "code": dict(code),
        "parameters": parameters,
        "records": dict(records),
        "sources": dict(sources),
        "versions": storage.versions(LIBRARIES),
    }
    text = json.dumps(parts, sort_keys=True, default=repr)
    return {
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
        "record": record,
        "records": dict(sorted(records.items())),
        "code": dict(code),
        "sources": dict(sorted(sources.items())),
    }


def known(made: Mapping[str, Any]) -> bool:
    """Whether a job has left the record of just this."""
    return _read(made["record"]).get("fingerprint") == made["fingerprint"]


def check(made: Mapping[str, Any], inputs: Iterable[str]) -> None:
    """Refuse inputs that are not what the jobs before this one make of what is at hand.

    Args:
        made: result of :func:`made_of`.
        inputs: the job's input files.

    Raises:
        StaleError: an input's record is missing or has another fingerprint, or the file is not what
            was recorded.
    """
    end = time.monotonic() + (PATIENCE if os.getenv("SLURM_JOB_ID") else 0.0)
    while faults := _faults(made["records"], set(map(str, inputs))):
        if time.monotonic() >= end:
            raise StaleError("; ".join(faults))
        time.sleep(1.0)


def _faults(records: Mapping[str, str], inputs: set[str]) -> list[str]:
    faults = []
    for path, fingerprint in records.items():
        record = _read(path)
        if record.get("fingerprint") != fingerprint:
            job = Path(path).with_suffix("").as_posix().removeprefix("results/records/")
            faults.append(
                f"what {job} made is not of the data, settings and code at hand (or its record "
                f"{path} is gone): delete its outputs, or run with --forceall, and it is made anew"
            )
            continue
        for file in sorted(inputs & set(record["outputs"])):
            if storage.checksum(Path(file)) != record["outputs"][file]:
                faults.append(f"{file}: not what was written; delete it, and it is made anew")
    return faults


def _read(path: str) -> dict[str, Any]:
    """A record; an empty one if it is missing, or is none."""
    try:
        record = storage.read_json(Path(path))
    except storage.ResultError:
        return {}
    whole = isinstance(record, dict) and isinstance(record.get("outputs"), dict)
    return record if whole else {}


def unchanged(made: Mapping[str, Any]) -> None:
    """Refuse to go on with other code than that which the fingerprint is of.

    Raises:
        StaleError: code or a source file was edited after the run had begun, so that nobody knows
            which of the two states makes the outputs.
    """
    for path, before in [*made["code"].items(), *made["sources"].items()]:
        if not (ROOT / path).is_file() or storage.checksum(ROOT / path) != before:
            raise StaleError(f"{path} was edited while the run was going on: run again")


class Watch:
    """Which files this process opens to read, from now on: a fingerprint must know of them all.

    Attributes:
        read: paths as they were opened.
        written: those opened to write.
    """

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.written: set[str] = set()
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(args[0], str | os.PathLike):
            return
        path, mode, flags = args
        writes = flags & os.O_ACCMODE != os.O_RDONLY if mode is None else set(mode) & set("wax+")
        (self.written if writes else self.read).add(os.path.abspath(path))

    def unknown(self, made: Mapping[str, Any], inputs: Iterable[str]) -> list[str]:
        """Files of the project that were read and that no fingerprint covers, by name.

        Those that the process wrote itself, and what it keeps for a next attempt, are no sources.

        Args:
            made: result of :func:`made_of`.
            inputs: the job's input files, and its outputs.
        """
        here = Path.cwd()
        covered = {os.path.abspath(path) for path in [*inputs, *made["records"], made["record"]]}
        covered |= {str(ROOT / name) for name in [*made["code"], *made["sources"]]}
        # A manifest holds the checksums of the files beside it.
        listed = {Path(path).parent for path in covered if Path(path).name == "manifest.json"}
        return [
            name_of(path)
            for path in sorted(self.read - self.written - covered)
            if any(Path(path).is_relative_to(folder) for folder in (ROOT, here))
            and not OWN & set(Path(path).parts)
            and Path(path).parent not in listed
            and not (Path(path).suffix == ".py" and _within(Path(path).parent))
            and os.path.isfile(path)
        ]


def keep(
    made: Mapping[str, Any],
    outputs: Iterable[str],
    inputs: Iterable[str] = (),
    watch: Watch | None = None,
) -> None:
    """Leave the record of a job that is done, if it has outputs.

    Args:
        made: result of :func:`made_of`.
        outputs: the job's output files.
        inputs: its input files.
        watch: what it has read; any, if None.

    Raises:
        StaleError: see :func:`unchanged`; or it has outputs, and has read what is no input of its,
            so that nobody would see when that changes.
    """
    unchanged(made)
    written = {str(path): storage.checksum(Path(path)) for path in outputs}
    if written and watch and (unknown := watch.unknown(made, [*inputs, *written])):
        raise StaleError(
            f"{', '.join(unknown)}: read, but no input of this job, so that a change would not be "
            "seen; make it one in the rule"
        )
    if written:
        content = {"fingerprint": made["fingerprint"], "outputs": written}
        storage.write_json(Path(made["record"]), content)
