"""What was watched, as a file: all arrays, or the race explorer on this run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import storage
from neuron_race.models.norms import unit
from neuron_race.pages import explorer, page, trajectories

if TYPE_CHECKING:
    from neuron_race.own.watching import Watch

Array = NDArray[Any]
MOST_UNITS = 300  # of a layer that the explorer draws: those of largest final norm product
MOST_READINGS = 100  # that it plays
LANDMARKS = 512


def save(race: "Watch", path: Path) -> None:
    """Write ``.npz`` or ``.html``, whole or not at all.

    Raises:
        ValueError: another ending, or nothing was read that could be written.
    """
    if path.suffix not in (".npz", ".html"):
        raise ValueError(f"{path}: a run is saved as .npz (arrays) or .html (to look at)")
    layers = {chain.name: race.layer(chain.name) for chain in race.chains if race.has(chain.name)}
    if not layers:
        raise ValueError(f"{path}: nothing was read: no forward and backward pass was watched")
    if path.suffix == ".npz":
        arrays = {f"{name}.{key}": v for name, own in layers.items() for key, v in own.items()}
        refused = np.frombuffer(json.dumps(race.refused).encode(), dtype=np.uint8)
        storage.write_arrays(path, {**arrays, "refused": refused})
    else:
        storage.write_text(path, _page(race, layers))


def _page(race: "Watch", layers: dict[str, dict[str, Array]]) -> str:
    shown, left_out = [], dict(race.refused)
    for name, own in layers.items():
        known = whole(own)
        if not len(known["step"]):
            left_out[name] = "at no reading had all of its units a gradient and finite weights"
            continue
        arrays, description = record(known, race.clusters(name))
        shown.append({"name": name, **explorer.run(arrays, description)})
    if not shown:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"there is nothing to look at: {reasons}")
    parameters = {"every": race.every, "refused": race.refused}
    provenance = storage.provenance([], parameters, {})
    return explorer.render(shown, page.OWN, {}, provenance, left_out)


def whole(own: dict[str, Array]) -> dict[str, Array]:
    """Readings of a layer at which each unit has an alignment and a size, :data:`MOST_READINGS`."""
    finite = np.isfinite(own["cos_delta"]) & np.isfinite(own["norm_product"])
    kept = np.flatnonzero(finite.all(axis=1))
    few = np.linspace(0, len(kept) - 1, min(len(kept), MOST_READINGS)).round().astype(int)
    return {key: values[kept[few]] for key, values in own.items()}


def record(
    own: dict[str, Array], labels: NDArray[np.int64]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """One layer as :func:`neuron_race.pages.explorer.run` takes it.

    What is not known of a watched network is left out: samples with their gates and targets, the
    drop with what follows from it, a forecast, and the loss, if it was not told at each reading.

    Args:
        own: result of :func:`whole`.
        labels: groups of its units (m,).
    """
    chosen = np.sort(np.argsort(-own["norm_product"][-1], kind="stable")[:MOST_UNITS])
    W, A = (own[key][:, chosen].astype(np.float64) for key in ("W", "A"))
    kept, error = directions(W, A)
    product = own["norm_product"][:, chosen]
    arrays = {
        "step": own["step"],
        "cos_delta": own["cos_delta"][:, chosen],
        "norm_product": product,
        "norm_w": own["norm_w"][0, chosen],
        "norm_a": own["norm_a"][0, chosen],
        "sign": trajectories.signs(A[0]),
        **trajectories.standings(product[-1], labels[chosen]),
        "directions": kept,
    }
    if np.isfinite(own["loss"]).all():
        arrays["loss"] = own["loss"]
    description = {
        "dataset": "yours",
        "alpha": float(np.sqrt((W[0] ** 2).mean())),
        "head": "as you trained it",
        "loss": "yours",
        "learning_rate": 1.0,  # time in steps
        "width": len(chosen),
        "units": own["norm_product"].shape[1],
        "seed": None,
        "names": [],
        "drop": None,
        "phases": [],
        "raced": False,
        "cosine_error": error,
    }
    return arrays, description


def directions(W: Array, A: Array) -> tuple[Array, float]:
    """Directions of total weight vectors in few coordinates of 8 bits, for layers of any size.

    A total weight vector has d k numbers, too many here to write out. So principal coordinates are
    taken from cosines alone, those of some landmarks with all units (Nyström's method).

    Args:
        W, A: weights (T, m, d) and (T, m, k).

    Returns:
        As :func:`neuron_race.pages.trajectories.directions`.
    """
    T, m = W.shape[:2]
    w, a = unit(W).reshape(T * m, -1), unit(A).reshape(T * m, -1)
    marks = np.unique(np.linspace(0, T * m - 1, LANDMARKS).round().astype(int))
    to_marks = (w @ w[marks].T) * (a @ a[marks].T)
    values, vectors = np.linalg.eigh(to_marks[marks])
    top = slice(-trajectories.MOST_DIRECTIONS, None)
    solid = values[top] > 1e-9 * values[-1]
    coordinates = to_marks @ (vectors[:, top][:, solid] / np.sqrt(values[top][solid]))
    kept = trajectories.quantised(coordinates).reshape(T, m, -1)
    snapshots = zip(w.reshape(T, m, -1), a.reshape(T, m, -1), strict=True)
    return kept, trajectories.largest_error(kept, ((w @ w.T) * (a @ a.T) for w, a in snapshots))
