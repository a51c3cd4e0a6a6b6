"""A few runs again, with the weights of all snapshots: what the race explorer draws.

Training keeps weights at events only. The runs shown are trained once more from the recorded start
with denser snapshots, and must pass through the recorded weights; so nothing new is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.models.norms import unit
from neuron_race.pages import phases, pictures
from neuron_race.training import conditions
from neuron_race.training.runs import Trained

Array = NDArray[Any]
MOST_DIRECTIONS = 64
# Of coordinates in [-1, 1], kept as whole numbers. At twice the scale a page is a fifth larger, and
# its cosines differ by less than a colour shows.
SCALE = 63
TOLERANCE = 1e-6  # relative; on a CPU the repetition has the same bits


def repeat(trained: Trained, seeds: Sequence[int], snapshots: int) -> Trained:
    """Train some runs of a condition again, and keep the weights of all snapshots.

    Args:
        trained: the condition's runs as recorded.
        seeds: those to repeat.
        snapshots: how many log-spaced ones to ask for.

    Raises:
        ValueError: a seed was not trained.
        ArithmeticError: the repetition does not pass through the recorded weights.
    """
    known = trained.start.seed.tolist()
    missing = [seed for seed in seeds if seed not in known]
    if missing:
        raise ValueError(f"seeds {missing} are none of {known}")
    which = [known.index(seed) for seed in seeds]
    start = trained.start.part(which)
    options = {**trained.options, "snapshots": snapshots, "max_weight_bytes": 2**62}
    again = Trained(start, conditions.run(start, options), options)
    difference = deviation(trained.runs.W_events[which], again.runs.W_events)
    if not difference <= TOLERANCE:
        raise ArithmeticError(
            f"the repeated runs differ from the recorded ones by {difference:.2g} (relative)"
        )
    return again


def deviation(recorded: Array, repeated: Array) -> float:
    """Largest difference over largest size; infinite if one has a NaN where the other has not."""
    missing = np.isnan(recorded)
    if not np.array_equal(missing, np.isnan(repeated)):
        return float("inf")
    difference = np.abs(recorded - repeated)[~missing].max(initial=0.0)
    return float(difference / np.abs(recorded[~missing]).max(initial=1e-300))


def directions(W: Array, A: Array) -> tuple[Array, Array, float]:
    """Directions of total weight vectors in few coordinates of 8 bits.

    Coordinates are along the principal directions of the whole trajectory, the first
    :data:`MOST_DIRECTIONS` of them, times :data:`SCALE`. Cosines between neurons are inner
    products; those of a neuron with itself are 1.

    Args:
        W, A: weights at all snapshots, (T, m, d) and (T, m, k).

    Returns:
        Coordinates (T, m, r) as int8; the principal directions (r, k d); and the largest error of
        a cosine over all pairs and snapshots.
    """
    T, m = W.shape[:2]
    U = unit(A)[..., :, None] * unit(W)[..., None, :]
    U = U.reshape(T, m, -1)
    principal = np.linalg.svd(U.reshape(T * m, -1), full_matrices=False)[2][:MOST_DIRECTIONS]
    kept = quantised(U @ principal.T)
    return kept, principal, largest_error(kept, (u @ u.T for u in U))


def quantised(coordinates: Array) -> Array:
    """Coordinates in [-1, 1] as int8, :data:`SCALE` times as large."""
    return np.round(coordinates * SCALE).clip(-SCALE, SCALE).astype(np.int8)


def largest_error(kept: Array, cosines: Iterable[Array]) -> float:
    """Largest error of a cosine between two neurons.

    Args:
        kept: result of :func:`quantised`, (T, m, r).
        cosines: the true ones of each snapshot, (m, m).
    """
    errors = []
    for now, true in zip(kept / SCALE, cosines, strict=True):
        error = np.abs(now @ now.T - true)
        np.fill_diagonal(error, 0.0)
        errors.append(float(error.max()))
    return max(errors)


def ranks(values: Array) -> Array:
    """Ranks (m,) from 1, the largest; 0 where the value is not finite."""
    known = np.isfinite(values)
    order = pd.Series(np.where(known, values, -np.inf)).rank(ascending=False, method="first")
    return np.where(known, order, 0).astype(np.int64)


def ranks_within(values: Array, group: Array) -> Array:
    """Ranks (m,) from 1 within each group; 0 where the group is negative, which is none."""
    found = np.zeros(len(values), dtype=np.int64)
    for one in np.unique(group[group >= 0]):
        found[group == one] = ranks(values[group == one])
    return found


def gates(X: Array, W: Array) -> Array:
    """On which samples neurons are on, w.x > 0: bits (T, m, ceil(N/8)), the first sample highest.

    Args:
        X: inputs (N, d), in the span of the data if the runs were reduced to it.
        W: weights at all snapshots (T, m, d'), the first d of which are those of inputs.
    """
    seen = W[..., : X.shape[1]]
    return np.stack([np.packbits(w @ X.T > 0, axis=1) for w in seen])


def pixels(again: Trained, s: int, principal: Array) -> dict[str, Array]:
    """Inputs and principal directions as pictures, where inputs are square images; else nothing.

    Args:
        again: result of :func:`repeat`.
        s: which of its runs.
        principal: see :func:`directions`.

    Returns:
        ``inputs (N, s²)`` and ``principal (r, s²)`` in 8 bits; each has a scale of its own.
    """
    start = again.start
    X = start.X[s]
    if start.basis is not None:
        back = start.basis[s].T
        X, principal = X @ back[: X.shape[1]], principal @ back[: principal.shape[1]]
    if again.options.get("bias", False):
        X, principal = X[:, :-1], principal[:, :-1]
    square = pictures.shape(X.shape[1])
    if square is None or principal.shape[1] != X.shape[1]:  # directions of several outputs
        return {}
    shown = {"inputs": X, "principal": principal}
    return {key: pictures.small(pictures.shrink(rows, *square)) for key, rows in shown.items()}


def record(
    again: Trained, s: int, neurons: pd.DataFrame, forecast: Array | None, images: bool = False
) -> tuple[dict[str, Array], dict[str, Any]]:
    """What the explorer needs of one run.

    Args:
        again: result of :func:`repeat`.
        s: which of its runs.
        neurons: rows of this run in the table of neurons (:mod:`neuron_race.measures.dynamics`).
        forecast: forecast norm products (m,), or None where there is no forecast.
        images: whether inputs are images, to be drawn if they are square.

    Returns:
        Arrays ``step, loss (T,)``; ``cos_delta, norm_product (T, m)``; ``norm_w, norm_a`` at init,
        ``sign, cluster, forecast, late`` and the ranks ``final_rank, lane_rank, drop_rank,
        forecast_rank (m,)``; ``directions (T, m, r)``; :func:`gates`, the targets' ``sign_y (N,)``,
        and :func:`pixels`. And a description: the run's condition in words and numbers, ``drop``,
        ``phases`` and ``raced`` (:func:`neuron_race.pages.phases.phases`), and ``cosine_error``.
    """
    made, options = again.runs, again.options
    assert made.W is not None and made.A is not None
    measured = {name: array[s] for name, array in made.measured.items()}
    product = measured["norm_w"] * measured["norm_a"]
    kept, principal, error = directions(made.W[s], made.A[s])
    drop = int(made.event_step[s, again.event("drop_10")])
    dropped = None if drop < 0 else drop
    own = neurons.sort_values("neuron")
    cluster = own["cluster_99"].to_numpy(dtype=np.int16)
    at_drop = own["norm_product_drop"].to_numpy(dtype=float)
    places = standings(product[-1], cluster, at_drop, forecast)
    arrays = {
        "step": made.step,
        "loss": made.loss[s],
        "cos_delta": measured["cos_delta"],
        "norm_product": product,
        "norm_w": measured["norm_w"][0],
        "norm_a": measured["norm_a"][0],
        "sign": signs(made.A[s, 0]),
        **places,
        "directions": kept,
        "gates": gates(again.start.X[s], made.W[s]),
        "sign_y": signs(again.start.Y[s]),
        **(pixels(again, s, principal) if images else {}),
    }
    parts, raced = phases.phases(made.step, measured["cos_delta"], product, dropped, places["late"])
    description = {
        **{key: options[key] for key in ("dataset", "alpha", "head", "loss", "learning_rate")},
        "width": product.shape[1],
        "samples": again.start.X.shape[1],
        "seed": int(again.start.seed[s]),
        "drop": dropped,
        "phases": parts,
        "raced": raced,
        "cosine_error": error,
    }
    return arrays, description


def standings(
    final: Array, cluster: Array, at_drop: Array | None = None, forecast: Array | None = None
) -> dict[str, Array]:
    """Clusters, forecast, late winners and ranks of the neurons of a run.

    Args:
        final: norm products at the end (m,).
        cluster: of each neuron (m,), or -1.
        at_drop: norm products at the drop (m,), or None where it is not known.
        forecast: forecast norm products (m,), or None where there is no forecast.
    """
    unknown = np.full(len(final), np.nan)
    at_drop, forecast = (unknown if one is None else one for one in (at_drop, forecast))
    return {
        "cluster": cluster,
        "forecast": forecast,
        "late": phases.late_winners(forecast, at_drop, final),
        "final_rank": ranks(final),
        "lane_rank": ranks_within(final, cluster),
        "drop_rank": ranks(at_drop),
        "forecast_rank": ranks(forecast),
    }


def signs(values: Array) -> Array:
    """Signs (n,) of values (n, 1); of several outputs, which have none, zeros."""
    if values.shape[1] == 1:
        return np.sign(values[:, 0]).astype(np.int8)
    return np.zeros(len(values), dtype=np.int8)


def name(condition: str, seed: int, array: str) -> str:
    """Name of an array in the explorer's files."""
    return f"{condition}.{seed}.{array}"


def read(arrays: Mapping[str, Array], condition: str, seed: int) -> dict[str, Array]:
    """Arrays of one run in the explorer's files."""
    start = name(condition, seed, "")
    return {key.removeprefix(start): v for key, v in arrays.items() if key.startswith(start)}
