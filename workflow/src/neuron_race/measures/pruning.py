"""Which neurons to keep: by norm product, at random, by cluster, after merging, or greedily."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def number_kept(fraction: float, units: int) -> int:
    """How many of the units a fraction is, at least one; pruning to all of them removes nothing."""
    return max(1, round(fraction * units))


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
    names, sizes = np.unique(labels, return_counts=True)
    share = kept * sizes / len(labels)
    quota = np.floor(share).astype(int)
    extra = np.lexsort((-sizes, -(share - quota)))[: kept - quota.sum()]
    quota[extra] += 1
    mask = np.zeros(len(score), dtype=bool)
    for name, size in zip(names, quota, strict=True):
        members = np.flatnonzero(labels == name)
        mask[members[np.argsort(-score[members], kind="stable")[:size]]] = True
    return mask


def greedy_order(
    contribution: Array, Y: Array, loss: Callable[[Array, Array], Array]
) -> NDArray[np.int64]:
    """Oracle: add neurons one at a time, each the one that lowers the training loss the most.

    Args:
        contribution: output of each neuron, (m, N, k).
        Y: targets (N, k).
        loss: maps outputs (..., N, k) and targets to losses (...).

    Returns:
        Neurons in the order in which they were chosen (m,).
    """
    left = list(range(len(contribution)))
    output = np.zeros_like(Y)
    order = []
    while left:
        best = left.pop(int(np.argmin(loss(output + contribution[left], Y))))
        output = output + contribution[best]
        order.append(best)
    return np.asarray(order, dtype=np.int64)
