"""CIFAR-10 in its binary layout, one tar.gz."""

import gzip
import re
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from neuron_race.data.loader import Images, Loader, check_labels

CHUNK = 1 << 20  # bytes held in memory at the archive's end
INPUTS = 3 * 32 * 32
RECORD = 1 + INPUTS  # a label byte, then red, green and blue planes of 32 x 32
BATCH = re.compile(r"data_batch_([1-9]\d*)\.bin|test_batch\.bin")


def _batch(data: bytes, where: str) -> NDArray[np.uint8]:
    """Records of one batch: (n, 3073), label first."""
    if not data or len(data) % RECORD:
        raise ValueError(f"{where}: {len(data)} bytes are not records of {RECORD}")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    check_labels(records[:, 0], where)
    return records


def read(archive: Path) -> Images:
    """Read the tar.gz in CIFAR-10's binary layout: images (n, 3072), labels (n,), both uint8.

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
                if member.isdir() or not BATCH.fullmatch(path.name):
                    continue
                if path.name in batches:
                    raise ValueError(f"{where}: a second {path.name}")
                stream = tar.extractfile(member)
                assert stream is not None  # a regular file
                batches[path.name] = _batch(stream.read(), where)
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
    order = sorted(batches, key=lambda name: int(BATCH.fullmatch(name)[1]))  # type: ignore[index]
    train = np.concatenate([batches[name] for name in order])
    return Images(
        train_images=train[:, 1:].copy(),
        train_labels=train[:, 0].copy(),
        test_images=test[:, 1:].copy(),
        test_labels=test[:, 0].copy(),
    )


LOADER = Loader(INPUTS, "one archive", lambda files: len(files) == 1, lambda paths: read(paths[0]))
