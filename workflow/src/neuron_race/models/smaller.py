"""Smaller networks of the same neurons: some of them kept, or each cluster merged into one (E7)."""

import numpy as np
from numpy.typing import NDArray

from neuron_race.models.norms import unit

Array = NDArray[np.float64]


def number_kept(fraction: float, units: int) -> int:
    """How many of the units a fraction is: rounded, and at least one. Everywhere the same rule.

    Pruning to all of them removes nothing.
    """
    return max(1, round(fraction * units))


def held(score: Array, fraction: float) -> float:
    """Part of the summed scores that the largest :func:`number_kept` have; NaN if the sum is 0."""
    total = score.sum()
    largest = np.sort(score)[::-1][: number_kept(fraction, len(score))]
    return float(largest.sum() / total) if total > 0 else np.nan


def keep_largest(score: Array, kept: int) -> NDArray[np.bool_]:
    """Mask of exactly ``kept`` neurons with the largest score; ties go to the first neuron.

    Raises:
        ValueError: more kept than there are, or a negative number.
    """
    if not 0 <= kept <= len(score):
        raise ValueError(f"can't keep {kept} of {len(score)} neurons")
    mask = np.zeros(len(score), dtype=bool)
    mask[np.argsort(-score, kind="stable")[:kept]] = True
    return mask


def keep_stratified(score: Array, labels: NDArray[np.int64], kept: int) -> NDArray[np.bool_]:
    """Keep ``kept`` neurons, each cluster in proportion to its size, the largest scores in each.

    Clusters have one sign each, so signs are kept in proportion too. Shares are rounded by largest
    remainder (ties: the larger cluster).
    """
    if not 0 <= kept <= len(score):
        raise ValueError(f"can't keep {kept} of {len(score)} neurons")
    _, cluster, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    share = kept * sizes / len(labels)
    quota = np.floor(share).astype(int)
    extra = np.lexsort((-sizes, -(share - quota)))[: kept - quota.sum()]
    quota[extra] += 1
    order = np.lexsort((-score, cluster))  # cluster by cluster, the largest first
    place = np.empty(len(score), dtype=np.int64)
    place[order] = np.arange(len(score)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place < quota[cluster]


def merge(W: Array, A: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
    """Merge each cluster into one neuron (E7).

    A cluster G becomes w = sum_G |a_j| w_j with a = the unit vector along sum_G c_j a_j/|a_j|
    (for one output: the sign). Neurons labelled -1 (gates closed on all data) are dropped.

    Args:
        W: incoming weights (m, d).
        A: outgoing weights (m, k).
        labels: cluster of each neuron (m,), 0..K-1 or -1.

    Returns:
        Merged weights (K, d) and (K, k).
    """
    member = membership(labels)
    norm_a = np.linalg.norm(A, axis=1, keepdims=True)
    norm_w = np.linalg.norm(W, axis=1, keepdims=True)
    return member @ (norm_a * W), unit(member @ (norm_w * A))


def membership(labels: NDArray[np.int64]) -> Array:
    """Matrix (K, m) with a one where the neuron is in the cluster."""
    return (labels == np.arange(labels.max(initial=-1) + 1)[:, None]).astype(float)
