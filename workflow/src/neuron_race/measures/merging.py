"""What a merge (E7) may change at most, and rules that should not work."""

import numpy as np
from numpy.typing import NDArray

from neuron_race.models.norms import unit
from neuron_race.models.smaller import membership, merge

Array = NDArray[np.float64]
RULES = ("merge", "naive_average", "shuffled_membership")


def naive_average(W: Array, A: Array, labels: NDArray[np.int64]) -> tuple[Array, Array]:
    """Control: mean of incoming and sum of outgoing weights, which is not the merge."""
    member = membership(labels)
    return member @ W / member.sum(axis=1, keepdims=True), member @ A


def shuffle_membership(rng: np.random.Generator, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Control: clusters of the same sizes, filled at random."""
    shuffled = labels.copy()
    inside = labels >= 0
    shuffled[inside] = rng.permutation(labels[inside])
    return shuffled


def differ(labels: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Whether two labellings of the same neurons put any two together that the other does not."""
    together, so_too = (own[:, None] == own for own in (labels, others))
    return not np.array_equal(together, so_too)


def bound(X: Array, W: Array, A: Array, labels: NDArray[np.int64]) -> Array:
    """Bound on the change of the output at each sample (N,), by E7.

    |f(x) - f_merged(x)| <= |x| sum_j c_j (|w_j/|w_j| - w_G/|w_G|| + |a_j/|a_j| - a_G|); the second
    term is zero for one output. Derivation in paper_notes.md.
    """
    merged_W, merged_A = merge(W, A, labels)
    inside = labels >= 0
    own = labels[inside]
    c = np.linalg.norm(W[inside], axis=1) * np.linalg.norm(A[inside], axis=1)
    apart = np.linalg.norm(unit(W[inside]) - unit(merged_W)[own], axis=1)
    apart += np.linalg.norm(unit(A[inside]) - merged_A[own], axis=1)
    return np.linalg.norm(X, axis=1) * (c @ apart)
