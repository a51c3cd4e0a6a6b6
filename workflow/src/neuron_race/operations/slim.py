"""Results without trained networks: all that readers and checks need, in a tenth of the space."""

from collections.abc import Iterable
from pathlib import Path

from neuron_race.common import storage

# Weights and measured courses of all networks: large, and read by jobs that are done.
NETWORKS = ("results/runs/*/*.npz", "results/multiverse/shard_*.npz")
KEPT = "results/checkpoints/runs/*/*/*"  # second names of the same, and their sidecars
MARK = Path("results/slim.json")
WORTH_TELLING = 500e6  # bytes


def left(paths: Iterable[str]) -> list[str]:
    """Of a whole run's files those that are asked for: no networks that were deleted.

    Networks that were trained again since are, as before.
    """
    if not MARK.exists():
        return list(paths)
    networks = {path for path in paths if any(Path(path).match(own) for own in NETWORKS)}
    return [path for path in paths if path not in networks or Path(path).exists()]


def _files() -> list[Path]:
    return [path for own in (*NETWORKS, KEPT) for path in Path().glob(own) if path.is_file()]


def _networks() -> dict[int, int]:
    """Bytes of each network's file by its inode: two names of one file take its space once."""
    return {stat.st_ino: stat.st_size for stat in map(Path.stat, _files())}


def told() -> str:
    """What networks below the working directory take, in words; empty where it is little."""
    size = sum(_networks().values())
    if size < WORTH_TELLING:
        return ""
    return (
        f"Trained networks take {size / 1e9:.1f} GB. They spare whoever changes a measure the "
        "training; `make slim` deletes them."
    )


def slim() -> int:
    """Delete trained networks below the working directory, and leave a mark that says so.

    Returns:
        Bytes that are free now, as far as this folder held them alone.
    """
    free = sum(_networks().values())
    storage.write_json(MARK, {"deleted": [*NETWORKS, KEPT]})
    for path in _files():
        path.unlink()
    return free
