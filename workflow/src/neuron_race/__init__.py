"""How gradient descent adapts a network's capacity: one neuron at a time.

Folders follow the flow of the data, and each imports only from those before it: common, data,
models, training, settings, theory, measures, studies, evidence, figures, pages, operations. Nothing
here knows of Snakemake but the words that it tells its users.
"""

import sys
import zlib
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from typing import Any

__version__ = "0.1.0"


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
