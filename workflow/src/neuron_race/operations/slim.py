"""Results without trained networks: all that readers and checks need, in a tenth of the space."""

from collections.abc import Iterable
from pathlib import Path

from neuron_race.common import storage

# Weights and measured courses of all networks: large, and read by jobs that are done.
NETWORKS = ("results/runs/*/*.npz", "results/multiverse/shard_*.npz")
KEPT = "results/checkpoints/runs/*/*/*"  # second names of the same, and their sidecars
MARK = Path("results/slim.json")


def left(paths: Iterable[str]) -> list[str]:
    """Of a whole run's files those that are asked for: no networks that were deleted.

    Networks that were trained again since are, as before.
    """
    if not MARK.exists():
        return list(paths)
    networks = {path for path in paths if any(Path(path).match(own) for own in NETWORKS)}
    return [path for path in paths if path not in networks or Path(path).exists()]


def slim() -> int:
    """Delete trained networks below the working directory, and leave a mark that says so.

    Returns:
        Bytes that are free now, as far as this folder held them alone.
    """
    found = [path for own in (*NETWORKS, KEPT) for path in Path().glob(own) if path.is_file()]
    # Two names of one file free its space once.
    sizes = {path.stat().st_ino: path.stat().st_size for path in found}
    storage.write_json(MARK, {"deleted": [*NETWORKS, KEPT]})
    for path in found:
        path.unlink()
    return sum(sizes.values())
