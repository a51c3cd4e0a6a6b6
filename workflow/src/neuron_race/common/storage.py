"""Reading and writing of results: whole or not at all, never pickled."""

import contextlib
import csv
import functools
import glob
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from neuron_race.common import leftovers

if TYPE_CHECKING:  # slow to import, and jobs without tables do without
    import pandas as pd

RECORDED_PACKAGES = ("numpy", "scipy", "pandas", "torch", "scikit-learn")


class ResultError(Exception):
    """A result file that can't be used: the message names the file and the cause."""


@contextlib.contextmanager
def part(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A hidden name beside a file, to write it under and then rename it; gone afterwards.

    Processes that were killed while they wrote could not tidy up: what they left goes, too.

    Args:
        path: the file that will be made.
        shared: other processes may be writing it, too, each under a name of its own.
    """
    temporary = path.with_name(f".{path.name}.{leftovers.owner()}.part")
    try:
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            owner = left.name.removesuffix(".part").removeprefix(f".{path.name}.")
            if not shared or leftovers.ended(owner):
                with contextlib.suppress(OSError):  # another user's
                    left.unlink(missing_ok=True)
        yield temporary
    finally:
        with contextlib.suppress(OSError):  # a folder that can't be written to holds none
            temporary.unlink(missing_ok=True)


def _write(path: Path, write: Callable[[BinaryIO], Any], *, shared: bool = False) -> None:
    """Write under a temporary name in the same folder, then rename: no reader sees half a file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part(path, shared=shared) as temporary:
            with open(temporary, "wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    except OSError as error:
        # A full disk or a folder that can't be written to: say which file it was about.
        error.filename = error.filename or str(path)
        raise


def copy(source: Path, target: Path) -> None:
    """Give a file a second name, whole or not at all."""
    with open(source, "rb") as stream:
        _write(target, lambda new: shutil.copyfileobj(stream, new))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as ``.npz``; the same arrays give the same bytes."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{path}: array {name} holds objects, which would have to be pickled")

    def write(stream: BinaryIO) -> None:
        # numpy.savez stamps the time of day into the archive; a fixed date keeps bytes equal.
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                with archive.open(entry, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    _write(path, write)


def read_arrays(path: Path, names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read arrays of an ``.npz`` file: those named, or all.

    Raises:
        ResultError: if the file is missing, truncated, holds objects, or lacks a named array.
    """
    try:
        # Opened here, for numpy leaves a damaged file open.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            _check_sizes(path, archive.zip)
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise ResultError(
                    f"{path}: no array {', '.join(missing)}; it has {', '.join(archive.files)}"
                )
            arrays = {name: archive[name] for name in (names or archive.files)}
    except FileNotFoundError as error:
        raise ResultError(f"{path}: no such file") from error
    except ResultError:
        raise
    except Exception as error:
        # A damaged file makes zipfile and numpy raise almost anything: KeyError, struct.error,
        # zlib.error, MemoryError, NotImplementedError, ...
        why = str(error) or type(error).__name__
        raise ResultError(f"{path}: not a readable .npz file ({why})") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
            raise ResultError(f"{path}: {name} is no array of numbers")
    return arrays


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse entries that claim to be larger than the file, as a compressed bomb does."""
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ResultError(f"{path}: {entry.filename} is compressed, which results never are")
        if entry.file_size > Path(path).stat().st_size:
            raise ResultError(f"{path}: {entry.filename} claims {entry.file_size} bytes")


def write_json(path: Path, content: Any, *, shared: bool = False) -> None:
    """Write JSON with stable order; NaN becomes null, for JSON has no NaN.

    Args:
        path: the file.
        content: mappings, lists, arrays, paths, plain values.
        shared: as for :func:`part`.
    """
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    _write(path, lambda stream: stream.write(text.encode()), shared=shared)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        ResultError: if the file is missing or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: not a readable JSON file ({error})") from error


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write a tidy table as CSV, numbers to 10 significant digits."""
    text = table.to_csv(index=False, float_format="%.10g", quoting=csv.QUOTE_MINIMAL)
    _write(path, lambda stream: stream.write(text.encode()))


def join_tables(path: Path, parts: Iterable[Path]) -> None:
    """Write the rows of tables one after another, as they are; one part is held at a time.

    Raises:
        ResultError: a part is missing, or has other columns than the first.
    """

    def write(stream: BinaryIO) -> None:
        columns = b""
        for part in map(Path, parts):
            try:
                own, _, rows = part.read_bytes().partition(b"\n")
            except OSError as error:
                raise ResultError(f"{part}: not a readable table ({error})") from error
            if not columns:
                columns = own
                stream.write(columns + b"\n")
            if own != columns:
                raise ResultError(
                    f"{part}: has the columns {own.decode()}, the tables before it "
                    f"{columns.decode()}"
                )
            stream.write(rows)

    _write(path, write)


def read_table(path: Path) -> "pd.DataFrame":
    """Read a tidy table.

    Raises:
        ResultError: if the file is missing or is no table.
    """
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: not a readable table ({error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write any file."""
    _write(path, lambda stream: stream.write(content))


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.cache
def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Versions of Python and of these libraries; not to be changed."""
    own = {name: importlib.metadata.version(name) for name in libraries}
    return {"python": platform.python_version(), **own}


def provenance(
    inputs: Iterable[Path], parameters: Mapping[str, Any], code: Mapping[str, str]
) -> dict[str, Any]:
    """What made a result: parameters, checksums of its inputs and of the code, versions.

    Nothing in it depends on the time, the folder or the number of cores, so two runs of the same
    code on the same data agree in every byte.
    """
    return {
        "parameters": dict(parameters),
        "inputs": {Path(path).name: checksum(path) for path in inputs},
        "code": dict(code),
        "versions": versions(RECORDED_PACKAGES),
    }
