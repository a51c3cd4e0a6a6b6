"""A user's own samples, from a file: ``.npz`` with ``X`` and ``y``, or ``.csv`` with a label.

Inputs are taken as they are, one row per sample; centring and scaling come afterwards, as for all
kinds, and for all columns together: columns of different units should be made comparable before.
Targets: two classes become ±1, the first of them, in order, +1; a one-hot ``y`` of three classes or
more stays. Nothing is unpickled. The file is an input of the data set, with its checksum.
"""

import csv
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuron_race.data.kind import Array, DatasetError, Kind, Options, Sample, one_or_each, targets

ENDINGS = ".npz, .csv"
ARRAYS = "X (samples, ...) and y (samples,), or one-hot (samples, classes)"
MOST_INPUTS = 100_000


class Table(NamedTuple):
    """All samples of a file.

    Attributes:
        X: inputs (n, d).
        which: number of each sample's class (n,).
        classes: names of the classes, in order.
        columns: names of the inputs, or none.
    """

    X: Array
    which: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[str, ...]


def read(path: str, label: str | None = None) -> Table:
    """All samples of a file.

    Args:
        path: absolute, or from the working directory, or with ``~``.
        label: column of a ``.csv`` that holds the classes; the last by default.

    Raises:
        DatasetError: missing, of another format, a value that is no finite number, one class, or
            three and more without one-hot; the message names file, place and what is possible.
    """
    full = os.path.abspath(os.path.expanduser(path))
    try:
        seen = os.stat(full)
    except OSError as error:
        raise DatasetError(f"path: {path}: can't be read ({error.strerror})") from None
    if not os.path.isfile(full):
        raise DatasetError(f"path: {path}: is no regular file")
    try:
        return _read(full, label, seen.st_mtime_ns, seen.st_size)
    except DatasetError as error:
        raise DatasetError(f"path: {path}: {error}") from None


@lru_cache(maxsize=4)
def _read(path: str, label: str | None, changed: int, size: int) -> Table:
    """Read once, however often asked, as long as the file is the same."""
    no_names: tuple[str, ...] = ()
    match Path(path).suffix.lower():
        case ".npz":
            if label is not None:
                raise DatasetError("label: names a column of a .csv; an .npz has y")
            (X, y), columns = _npz(path), no_names
        case ".csv":
            X, y, columns = _csv(path, label)
        case other:
            raise DatasetError(f"ends in {other or 'nothing'}; allowed are {ENDINGS}")
    if X.shape[0] < 4:
        raise DatasetError(
            f"{X.shape[0]} samples; at least 4 are needed, two to train, two to test"
        )
    if not 1 <= X.shape[1] <= MOST_INPUTS:
        raise DatasetError(f"{X.shape[1]} inputs per sample; 1 to {MOST_INPUTS} are possible")
    return Table(X, *_targets(y), columns)


def _npz(path: str) -> tuple[Array, NDArray[Any]]:
    """Inputs (n, d) and what the file says of classes."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("X", "y") if name not in arrays]
            if missing:
                there = ", ".join(arrays.files) or "nothing"
                raise DatasetError(f"holds {there}; needed are {ARRAYS}")
            X, y = arrays["X"], arrays["y"]
    except DatasetError:
        raise
    except Exception as error:  # whatever a spoilt archive makes NumPy and zipfile raise
        raise DatasetError(f"can't be read as .npz ({error}); needed are {ARRAYS}") from None
    if X.dtype.kind not in "buif" or X.ndim < 2:
        raise DatasetError(f"X is {X.dtype} of shape {X.shape}; needed are numbers, {ARRAYS}")
    if len(y.shape) not in (1, 2) or len(y) != len(X):
        raise DatasetError(f"y has shape {y.shape} and X {X.shape}; needed are {ARRAYS}")
    if y.dtype.kind not in "buifUS":
        raise DatasetError(f"y is {y.dtype}; needed are numbers or text")
    X = X.reshape(len(X), -1).astype(np.float64)
    if not (finite := np.isfinite(X)).all():
        row, column = np.argwhere(~finite)[0]
        raise DatasetError(f"X[{row}], input {column}: {X[row, column]}; finite numbers are needed")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DatasetError(f"y[{np.argwhere(~np.isfinite(y))[0][0]}]: no finite number")
    return X, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _csv(path: str, label: str | None) -> tuple[Array, NDArray[Any], tuple[str, ...]]:
    """Inputs (n, d), classes as text (n,), names of the inputs; the first line may be a header."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            rows = [(i, row) for i, row in enumerate(csv.reader(stream), 1) if any(row)]
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"can't be read as .csv ({error})") from None
    if not rows or len(rows[0][1]) < 2:
        raise DatasetError("no columns; a .csv has comma-separated inputs and a label in each line")
    first = [cell.strip() for cell in rows[0][1]]
    header = not all(map(_is_number, first[:-1])) or (label is not None and label in first)
    if label is not None and (not header or label not in first):
        named = f"columns are {', '.join(first)}" if header else "the file has no header"
        raise DatasetError(f"label: {label!r} is no column; {named}")
    at = len(first) - 1 if label is None else first.index(label)
    X, y = [], []
    for line, row in rows[header:]:
        if len(row) != len(first):
            raise DatasetError(f"line {line}: {len(row)} columns, where the first has {len(first)}")
        for column, cell in enumerate(row):
            if column != at and not (_is_number(cell) and np.isfinite(float(cell))):
                name = first[column] if header else column + 1
                raise DatasetError(f"line {line}, column {name}: {cell!r} is no finite number")
        if not row[at].strip():
            raise DatasetError(f"line {line}: no label")
        X.append([float(cell) for column, cell in enumerate(row) if column != at])
        y.append(row[at].strip())
    columns = tuple(name for column, name in enumerate(first) if column != at) if header else ()
    return np.array(X).reshape(len(X), len(first) - 1), np.array(y, dtype=str), columns


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _targets(y: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number of each sample's class, and the classes' names."""
    if y.ndim == 2:
        if y.dtype.kind not in "buif" or not _one_hot(y):
            raise DatasetError(f"y of shape {y.shape} is not one-hot: one 1 in each row, else 0")
        which, names = y.argmax(axis=1), tuple(map(str, range(y.shape[1])))
    else:
        values, which = np.unique(y, return_inverse=True)
        names = tuple(map(str, values.tolist()))
        if len(names) > 2:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise DatasetError(
                f"{len(names)} classes ({shown}); a label has two, and more are given as one-hot y "
                "of an .npz"
            )
    sizes = np.bincount(which, minlength=len(names))
    if len(names) < 2 or sizes.min() < 2:
        told = ", ".join(f"{n} of {name}" for n, name in zip(sizes.tolist(), names, strict=True))
        raise DatasetError(f"{told}; two classes are needed, with two samples at least of each")
    return which.astype(np.int64), names


def _one_hot(y: NDArray[Any]) -> bool:
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def order(rng: np.random.Generator, which: NDArray[np.int64]) -> NDArray[np.int64]:
    """A shuffle of the samples (n,) of which any first part has the classes in their shares.

    Which sample comes where in its class is random; which class comes where is not.
    """
    key = np.empty(len(which))
    for number in range(which.max() + 1):
        own = rng.permutation(np.flatnonzero(which == number))
        key[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.lexsort((which, key))


def draw(rng: np.random.Generator, options: Options) -> Sample:
    """Both splits are disjoint parts of one shuffle, each with the classes in their shares."""
    table = read(options["path"], options.get("label"))
    chosen = order(rng, table.which)
    Y = targets(table.which[chosen], len(table.classes))
    n, both = options["n_train"], options["n_train"] + options["n_test"]
    X = table.X[chosen]
    return Sample(X[:n], Y[:n], X[n:both], Y[n:both])


def faults(options: Options) -> Iterator[str]:
    """What is wrong with the file, more samples than it has, or a class left out of a split."""
    try:
        table = read(options["path"], options.get("label"))
    except DatasetError as error:
        yield str(error)
        return
    n, both = options["n_train"], options["n_train"] + options["n_test"]
    if both > len(table.X):
        there = f"{options['path']} has {len(table.X)} samples"
        yield f"n_train: n_train + n_test = {both}, but {there}"
        return
    # Which class comes where is the same for every shuffle.
    which = table.which[order(np.random.default_rng(0), table.which)]
    for split, part in {"n_train": which[:n], "n_test": which[n:both]}.items():
        for number, name in enumerate(table.classes):
            if number not in part:
                yield (
                    f"{split}: {len(part)} samples of {options['path']} in their shares have none "
                    f"of class {name} ({(table.which == number).sum()} of {len(table.X)}); more "
                    "would"
                )


def inputs(options: Options) -> int | None:
    """Columns of the file but for the label; None if it can't be read."""
    try:
        return int(read(options["path"], options.get("label")).X.shape[1])
    except DatasetError:
        return None


def outputs(options: Options) -> int:
    """One for two classes, and one each for more; one where the file can't be read."""
    try:
        return one_or_each({"classes": read(options["path"], options.get("label")).classes})
    except DatasetError:
        return 1


TEXT = {"type": "string", "minLength": 1}
KIND = Kind(draw, {"path": TEXT}, faults, inputs, outputs=outputs, optional={"label": TEXT})
