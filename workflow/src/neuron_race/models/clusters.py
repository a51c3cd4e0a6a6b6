"""Groups of neurons whose total weight vectors point the same way."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.defined import ratio
from neuron_race.models.norms import unit

Array = NDArray[np.float64]
BLOCK = 4096  # neurons


def cosines(W: Array, A: Array) -> Array:
    """Cosine between total weight vectors a_j w_j^T, (m, m): cos(a, a') cos(w, w')."""
    return (unit(W) @ unit(W).T) * (unit(A) @ unit(A).T)


def rotation(before: Array, after: Array) -> float:
    """Mean absolute cosine between directions (m, d) before and after; NaN if one has none."""
    unit_before, unit_after = unit(before), unit(after)
    cosine = np.abs((unit_before * unit_after).sum(axis=1))
    known = unit_before.any(axis=1) & unit_after.any(axis=1)
    return float(np.where(known, cosine, np.nan).mean())


def per_neuron(labels: NDArray[np.int64], among: NDArray[np.bool_]) -> float:
    """Clusters over the number of clustered neurons; NaN where there are none."""
    return float(ratio(count(labels), among.sum()))


def effective(labels: NDArray[np.int64], c: Array) -> float:
    """Participation ratio (sum c)^2 / sum c^2 of the clusters' norm products; NaN without any."""
    share = np.bincount(labels[labels >= 0], weights=c[labels >= 0])
    return float(ratio(share.sum() ** 2, (share**2).sum()))


def active(X: Array, W: Array) -> NDArray[np.bool_]:
    """Neurons (m,) whose gate is open on at least one sample of ``X (N, d)``."""
    return np.asarray((X @ W[:, : X.shape[1]].T > 0).any(axis=0))


def find(W: Array, A: Array, cosine: float, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cluster neurons by one smallest cosine, see :func:`find_each`."""
    return find_each(W, A, [cosine], among)[cosine]


def find_each(
    W: Array, A: Array, least: Sequence[float], among: NDArray[np.bool_]
) -> dict[float, NDArray[np.int64]]:
    """Cluster neurons: within a cluster, every two have at least the given cosine.

    Complete linkage, so that a cluster can't grow by a chain of neighbours: its diameter is what
    the merge bound (E7) speaks of.

    Args:
        W: incoming weights (m, d).
        A: outgoing weights (m, k).
        least: smallest cosines between total weight vectors within a cluster, one or more.
        among: mask (m,) of the neurons to cluster.

    Returns:
        For each of them labels (m,): 0 is the largest cluster (ties: the one with the first
        neuron), -1 marks neurons left out.
    """
    labels = {cosine: np.full(len(W), -1, dtype=np.int64) for cosine in least}
    chosen = np.flatnonzero(among)
    if len(chosen) < 2:
        for own in labels.values():
            own[chosen] = 0
        return labels
    from scipy.cluster.hierarchy import fcluster, linkage  # slow to import

    tree = linkage(_distances(unit(W[chosen]), unit(A[chosen])), "complete")
    for cosine, own in labels.items():
        raw = fcluster(tree, 1.0 - cosine, "distance")
        names, first, sizes = np.unique(raw, return_index=True, return_counts=True)
        order = np.lexsort((first, -sizes))
        rank = np.empty(len(names), dtype=np.int64)
        rank[order] = np.arange(len(names))
        own[chosen] = rank[np.searchsorted(names, raw)]
    return labels


def _distances(w: Array, a: Array) -> Array:
    """One minus the cosine of each pair of neurons, in the order of SciPy's ``pdist``.

    Pairs are compared a block at a time: of wide networks the pairs alone take gigabytes, and no
    copies of them may be added.

    Args:
        w, a: directions of incoming (m, d) and outgoing (m, k) weights.
    """
    m = len(w)
    found = np.empty(m * (m - 1) // 2)
    parts = [slice(first, min(first + BLOCK, m)) for first in range(0, m, BLOCK)]
    for rows, columns in combinations_with_replacement(parts, 2):
        # Rounding can take a cosine beyond 1, and a pair from the same in the other order.
        there = back = _apart(w[rows], a[rows], w[columns], a[columns])
        if rows != columns:
            back = _apart(w[columns], a[columns], w[rows], a[rows])
        block = np.maximum(np.maximum(there, back.T), 0.0)
        for row, i in enumerate(range(rows.start, rows.stop)):
            first = max(columns.start, i + 1)
            at = i * m - i * (i + 1) // 2 - i - 1
            found[at + first : at + columns.stop] = block[row, first - columns.start :]
    return found


def _apart(w: Array, a: Array, v: Array, b: Array) -> Array:
    """One minus the cosines of neurons (w, a) with others (v, b); 2 where gates are opposite, for
    a neuron and its mirror image (-w, -a) have one total weight vector."""
    gates = w @ v.T
    return np.where(gates <= 0, 2.0, 1.0 - gates * (a @ b.T))


def count(labels: NDArray[np.int64]) -> int:
    """Number of clusters K."""
    return int(labels.max(initial=-1)) + 1
