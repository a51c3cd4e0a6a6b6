"""A few runs again, with the weights of all snapshots: what the race explorer draws.

Training keeps weights at events only. The runs shown are trained once more from the recorded start
with denser snapshots, and must pass through the recorded weights; so nothing new is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.models.norms import unit
from neuron_race.training import conditions
from neuron_race.training.runs import Trained

Array = NDArray[Any]
MOST_DIRECTIONS = 64
SCALE = 127  # of coordinates in [-1, 1], kept in 8 bits
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


def directions(W: Array, A: Array) -> tuple[Array, float]:
    """Directions of total weight vectors in few coordinates of 8 bits.

    Coordinates are along the principal directions of the whole trajectory, the first
    :data:`MOST_DIRECTIONS` of them, times :data:`SCALE`. Cosines between neurons are inner
    products; those of a neuron with itself are 1.

    Args:
        W, A: weights at all snapshots, (T, m, d) and (T, m, k).

    Returns:
        Coordinates (T, m, r) as int8, and the largest error of a cosine over all pairs and
        snapshots.
    """
    T, m = W.shape[:2]
    U = unit(A)[..., :, None] * unit(W)[..., None, :]
    U = U.reshape(T, m, -1)
    principal = np.linalg.svd(U.reshape(T * m, -1), full_matrices=False)[2][:MOST_DIRECTIONS]
    kept = np.round(U @ principal.T * SCALE).clip(-SCALE, SCALE).astype(np.int8)
    errors = [_largest_error(u, q / SCALE) for u, q in zip(U, kept, strict=True)]
    return kept, max(errors)


def _largest_error(U: Array, kept: Array) -> float:
    error = np.abs(kept @ kept.T - U @ U.T)
    np.fill_diagonal(error, 0.0)
    return float(error.max())


def ranks(values: Array) -> Array:
    """Ranks (m,) from 1, the largest; 0 where the value is not finite."""
    known = np.isfinite(values)
    order = pd.Series(np.where(known, values, -np.inf)).rank(ascending=False, method="first")
    return np.where(known, order, 0).astype(np.int64)


def record(
    again: Trained, s: int, neurons: pd.DataFrame, forecast: Array | None
) -> tuple[dict[str, Array], dict[str, Any]]:
    """What the explorer needs of one run.

    Args:
        again: result of :func:`repeat`.
        s: which of its runs.
        neurons: rows of this run in the table of neurons (:mod:`neuron_race.measures.dynamics`).
        forecast: forecast norm products (m,), or None where there is no forecast.

    Returns:
        Arrays ``step, loss (T,)``; ``cos_delta, norm_product (T, m)``; ``norm_w, norm_a`` at init,
        ``sign, cluster, final_rank, forecast_rank (m,)``; ``directions (T, m, r)``. And a
        description: the run's condition in words and numbers, ``drop``, and ``cosine_error``.
    """
    made, options = again.runs, again.options
    assert made.W is not None and made.A is not None
    measured = {name: array[s] for name, array in made.measured.items()}
    product = measured["norm_w"] * measured["norm_a"]
    kept, error = directions(made.W[s], made.A[s])
    m = product.shape[1]
    arrays = {
        "step": made.step,
        "loss": made.loss[s],
        "cos_delta": measured["cos_delta"],
        "norm_product": product,
        "norm_w": measured["norm_w"][0],
        "norm_a": measured["norm_a"][0],
        "sign": np.sign(made.A[s, 0, :, 0]).astype(np.int8)
        if made.A.shape[-1] == 1
        else np.zeros(m, dtype=np.int8),
        "cluster": neurons.sort_values("neuron")["cluster_99"].to_numpy(dtype=np.int16),
        "final_rank": ranks(product[-1]),
        "forecast_rank": ranks(np.full(m, np.nan) if forecast is None else forecast),
        "directions": kept,
    }
    drop = int(made.event_step[s, again.event("drop_10")])
    description = {
        **{key: options[key] for key in ("dataset", "alpha", "head", "loss", "learning_rate")},
        "width": m,
        "seed": int(again.start.seed[s]),
        "drop": drop if drop >= 0 else None,
        "cosine_error": error,
    }
    return arrays, description


def name(condition: str, seed: int, array: str) -> str:
    """Name of an array in the explorer's files."""
    return f"{condition}.{seed}.{array}"


def read(arrays: Mapping[str, Array], condition: str, seed: int) -> dict[str, Array]:
    """Arrays of one run in the explorer's files."""
    start = name(condition, seed, "")
    return {key.removeprefix(start): v for key, v in arrays.items() if key.startswith(start)}
