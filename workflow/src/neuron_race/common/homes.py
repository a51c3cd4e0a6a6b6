"""Folders that libraries write to: others, where those in the home folder can't be written to."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

# The variable that names a library's folder, and the folder in the home folder if it is not set.
KEPT = {
    "MPLCONFIGDIR": ".config/matplotlib",
    "IPYTHONDIR": ".ipython",
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_DATA_DIR": ".local/share/jupyter",
    "JUPYTER_RUNTIME_DIR": ".local/share/jupyter/runtime",
}


def takes_files(folder: Path) -> bool:
    """Whether a folder can be written to, or made; it is tried, and nothing is left of that.

    Permissions alone do not tell: root has all of them, on folders that take no files, too.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryDirectory(dir=there):
            return True
    except OSError:
        return False


def instead(environment: Mapping[str, str], base: Path) -> dict[str, str]:
    """Variables, unset so far, that lead libraries elsewhere if their usual folder takes no files.

    Args:
        environment: variables as they are; what is set there is the user's wish, and stays.
        base: folder to hold the others, each under the name of its variable.
    """
    try:
        home = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
    except RuntimeError:  # a user without a home folder
        home = None
    return {
        variable: str(base / variable.lower())
        for variable, usual in KEPT.items()
        if variable not in environment and not (home and takes_files(home.absolute() / usual))
    }
