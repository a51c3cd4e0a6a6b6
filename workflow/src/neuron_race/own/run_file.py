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
        ValueError: another ending, or nothing was read.
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
    shown = []
    for name, own in layers.items():
        arrays, description = record(name, own, race.clusters(name))
        shown.append({"name": name, **explorer.run(arrays, description)})
    parameters = {"every": race.every, "refused": race.refused}
    provenance = storage.provenance([], parameters, {})
    return explorer.render(shown, page.OWN, {}, provenance)


def record(
    name: str, own: dict[str, Array], labels: NDArray[np.int64]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """One layer as :func:`neuron_race.pages.explorer.run` takes it.

    Args:
        name: of the layer; stands in the place of a data set.
        own: its readings, see :meth:`neuron_race.own.watching.Watch.layer`.
        labels: groups of its units (m,).
    """
    T = len(own["step"])
    times = np.unique(np.linspace(0, T - 1, min(T, MOST_READINGS)).round().astype(int))
    chosen = np.sort(np.argsort(-own["norm_product"][-1], kind="stable")[:MOST_UNITS])
    W, A = (own[key][times][:, chosen].astype(np.float64) for key in ("W", "A"))
    kept, error = directions(W, A)
    product = own["norm_product"][times][:, chosen]
    loss = own["loss"][times]
    one = A.shape[-1] == 1
    arrays = {
        "step": own["step"][times],
        "loss": np.where(np.isfinite(loss), loss, 0.0),
        "cos_delta": np.nan_to_num(own["cos_delta"][times][:, chosen]),
        "norm_product": product,
        "norm_w": own["norm_w"][0, chosen],
        "norm_a": own["norm_a"][0, chosen],
        "sign": np.sign(A[0, :, 0]).astype(np.int8) if one else np.zeros(len(chosen), np.int8),
        "cluster": labels[chosen].astype(np.int16),
        "final_rank": trajectories.ranks(product[-1]),
        "forecast_rank": np.zeros(len(chosen), dtype=np.int64),
        "directions": kept,
    }
    description = {
        "dataset": name,
        "alpha": float(np.sqrt((W[0] ** 2).mean())),
        "head": "as you trained it",
        "loss": "yours",
        "learning_rate": 1.0,  # time in steps
        "width": len(chosen),
        "seed": "yours",
        "drop": None,
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
    scale = trajectories.SCALE
    kept = np.round(coordinates * scale).clip(-scale, scale).astype(np.int8).reshape(T, m, -1)
    errors = []
    for now, (own_w, own_a) in zip(kept, zip(unit(W), unit(A), strict=True), strict=True):
        error = np.abs((now / scale) @ (now / scale).T - (own_w @ own_w.T) * (own_a @ own_a.T))
        np.fill_diagonal(error, 0.0)
        errors.append(float(error.max()))
    return kept, max(errors)
