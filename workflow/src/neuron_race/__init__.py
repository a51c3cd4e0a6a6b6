"""How gradient descent adapts a network's capacity: one neuron at a time.

Folders follow the flow of the data, and each imports only from those before it: common, data,
models, training, settings, theory, measures, studies, evidence, figures, pages, own, operations.
Nothing here knows of Snakemake but the words that it tells its users.

For a network of your own there are ``neuron_race.watch``, ``merge`` and ``prune``.
"""

import sys
import zlib
from importlib import import_module
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from typing import Any

__version__ = "0.1.0"

# Modules of what users call by the package's name; loaded at first use, for they need torch.
_FOR_USERS = {"watch": "watching", "merge": "smaller", "prune": "smaller"}


def __getattr__(name: str) -> Any:
    if name not in _FOR_USERS:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.own.{_FOR_USERS[name]}"), name)


class _ByContents(SourceFileLoader):
    """Takes compiled modules for those of a source by its contents.

    Python itself goes by date in seconds and size, which an edit may leave as they were; then the
    code that runs is not the code at hand.
    """

    def path_stats(self, path: Any) -> dict[str, int]:
        source = self.get_data(path)
        return {"mtime": zlib.crc32(source), "size": len(source)}


def _finder(path: str) -> FileFinder:
    if not any(path == own or path.startswith(f"{own}/") for own in __path__):
        raise ImportError("not of this package")
    return FileFinder(path, (_ByContents, SOURCE_SUFFIXES))


sys.path_hooks.insert(0, _finder)
