"""MNIST in its four IDX files."""

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuron_race.data.loader import Images, Loader, check_labels

SIDE = 28  # pixels
FILES = (  # in the order of the fields of Images
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


def read(source: Path | Iterable[Path]) -> Images:
    """Read MNIST's four IDX files, plain or gzip: images (n, 784), labels (n,), both uint8.

    `source` is their folder or the four paths in any order; a file is known by its name, with or
    without ``.gz``.
    """
    found: dict[str, Path] = {}
    for path in sorted(source.iterdir() if isinstance(source, Path) else source):
        name = path.name.removesuffix(".gz")
        if name in found:
            raise ValueError(f"{path}: {found[name]} is the same file")
        if name in FILES:
            found[name] = path
    if missing := [name for name in FILES if name not in found]:
        raise FileNotFoundError(f"{source}: no {', '.join(missing)} (with or without .gz)")
    arrays = []
    for images, labels in (FILES[:2], FILES[2:]):
        pixels, classes = _read_idx(found[images], 3), _read_idx(found[labels], 1)
        if pixels.shape[1:] != (SIDE, SIDE) or not len(pixels):
            raise ValueError(f"{found[images]}: dimensions {pixels.shape}, not (n, 28, 28)")
        if len(classes) != len(pixels):
            raise ValueError(f"{found[labels]}: {len(classes)} labels, {len(pixels)} images")
        check_labels(classes, str(found[labels]))
        arrays += [pixels.reshape(len(pixels), -1), classes]
    return Images(*arrays)


def fits(files: Sequence[str]) -> bool:
    """Just these four."""
    return sorted(name.removesuffix(".gz") for name in files) == sorted(FILES)


LOADER = Loader(SIDE**2, f"{', '.join(FILES)}, with or without .gz", fits, read)
