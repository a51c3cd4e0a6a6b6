"""What killed processes have left behind: told from what living ones use, and tidied up."""

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SCRATCH = "neuron_race-"
DAY = 86400.0  # seconds


def owner() -> str:
    """This process, among those of all machines that may share a folder; short, for file names."""
    return f"{os.getpid()}@{_machine()}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def ended(owner: str) -> bool:
    """Whether that is a process of this machine that is no more; others can't be seen from here."""
    process, _, machine = owner.partition("@")
    if machine != _machine() or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's, which lives
        pass
    return False


def tidy(left: Iterable[Path]) -> None:
    """Delete those files and folders that nothing has touched for a day: no job takes as long.

    Processes that were killed have left them.
    """
    for path in left:
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - path.stat().st_mtime > DAY:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def own(folder: Path) -> Path:
    """Mark a temporary folder as this process's, for :func:`tidy_owned`; the folder."""
    (folder / f".{SCRATCH}{owner()}").touch()
    return folder


def tidy_owned(folders: Iterable[Path]) -> None:
    """Delete those folders that are marked as of a process of this machine that is no more."""
    for folder in folders:
        for mark in folder.glob(f".{SCRATCH}*@*"):
            if ended(mark.name.removeprefix(f".{SCRATCH}")):
                with contextlib.suppress(OSError):  # another user's
                    shutil.rmtree(folder)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, gone afterwards; what killed processes left of theirs is tidied up."""
    others = list(Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"))
    tidy_owned(others)
    tidy(others)  # killed before they could mark it
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
        yield own(Path(folder))
