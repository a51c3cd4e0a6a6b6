"""Merging: exact where neurons are equivalent, bounded where they nearly are, and its controls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuron_race.measures import merging
from neuron_race.models import clusters, shallow, smaller

Array = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


def random_network(seed: int, m: int, k: int, spread: float) -> tuple[Array, Array, Array]:
    """X (20, 4), and neurons W, A that scatter about common directions."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal(4) + spread * rng.standard_normal((m, 4))
    A = rng.standard_normal(k) + spread * rng.standard_normal((m, k))
    scale = np.exp(rng.standard_normal((m, 1)))
    return rng.standard_normal((20, 4)), scale * W, A / scale**2


def change(X: Array, W: Array, A: Array, merged: tuple[Array, Array]) -> Array:
    return np.linalg.norm(shallow.forward(X, W, A) - shallow.forward(X, *merged), axis=1)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(seed=SEEDS, k=st.sampled_from([1, 2]), spread=st.floats(0, 3), groups=st.integers(1, 5))
def test_e7_bound_holds_for_any_grouping(seed: int, k: int, spread: float, groups: int) -> None:
    X, W, A = random_network(seed, 7, k, spread)
    labels = np.random.default_rng(seed).integers(groups, size=7)
    labels = np.unique(labels, return_inverse=True)[1]
    error = change(X, W, A, smaller.merge(W, A, labels))
    scale = np.linalg.norm(X, axis=1) * np.sum(
        np.linalg.norm(W, axis=1) * np.linalg.norm(A, axis=1)
    )
    assert np.all(error <= merging.bound(X, W, A, labels) + 1e-12 * scale)


def test_e7_bound_is_tight_enough_to_be_worth_having() -> None:
    # Two neurons on either side of x: one of them closed, the merged one in between.
    X = np.array([[0.0, 1.0]])
    W, A = np.array([[1.0, 0.5], [1.0, -0.5]]), np.ones((2, 1))
    labels = np.zeros(2, dtype=np.int64)
    error, bound = change(X, W, A, smaller.merge(W, A, labels)), merging.bound(X, W, A, labels)
    assert 0.4 * bound[0] < error[0] < bound[0]


def test_e7_bound_by_hand() -> None:
    X, W = np.array([[0.0, 2.0]]), np.array([[3.0, 0.0], [0.0, 3.0]])
    A, labels = np.array([[1.0], [1.0]]), np.zeros(2, dtype=np.int64)
    gap = np.linalg.norm(np.array([1.0, 0.0]) - np.array([1.0, 1.0]) / np.sqrt(2))
    np.testing.assert_allclose(merging.bound(X, W, A, labels), [2 * 2 * 3 * gap])


@pytest.mark.parametrize("k", [1, 3])
def test_equivalent_neurons_merge_exactly_and_their_naive_average_does_not(k: int) -> None:
    rng = np.random.default_rng(0)
    X, direction, head = (
        rng.standard_normal((30, 5)),
        rng.standard_normal((2, 5)),
        rng.standard_normal((2, k)),
    )
    labels = np.array([0, 1, 0, 0, 1])
    W = direction[labels] * np.array([[1.0], [0.2], [3.0], [0.5], [2.0]])
    A = head[labels] * np.array([[0.3], [1.0], [2.0], [0.1], [0.7]])
    merged = smaller.merge(W, A, labels)
    assert merged[0].shape == (2, 5) and merged[1].shape == (2, k)
    np.testing.assert_allclose(change(X, W, A, merged), 0, atol=1e-12)
    np.testing.assert_allclose(merging.bound(X, W, A, labels), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(merged[1], axis=1), 1)
    naive = merging.naive_average(W, A, labels)
    assert change(X, W, A, naive).max() > 0.1 * np.abs(shallow.forward(X, W, A)).max()


def test_naive_average_is_right_only_for_equal_neurons() -> None:
    X = np.random.default_rng(1).standard_normal((20, 3))
    W, A = np.ones((4, 3)) * 0.7, np.full((4, 1), -0.4)
    labels = np.zeros(4, dtype=np.int64)
    np.testing.assert_allclose(change(X, W, A, merging.naive_average(W, A, labels)), 0, atol=1e-14)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_merged_head_keeps_the_sign(sign: float) -> None:
    W, A = np.array([[1.0, 2.0], [2.0, 4.0]]), sign * np.array([[0.5], [3.0]])
    merged_W, merged_A = smaller.merge(W, A, np.zeros(2, dtype=np.int64))
    np.testing.assert_allclose(merged_W, [[6.5, 13.0]])
    np.testing.assert_allclose(merged_A, [[sign]])


def test_singletons_stay_what_they_do() -> None:
    X, W, A = random_network(5, 6, 2, 2.0)
    labels = np.arange(6)
    np.testing.assert_allclose(change(X, W, A, smaller.merge(W, A, labels)), 0, atol=1e-12)
    np.testing.assert_allclose(change(X, W, A, merging.naive_average(W, A, labels)), 0, atol=1e-12)


def test_dead_neurons_are_dropped_and_cost_nothing_on_the_data() -> None:
    X = np.abs(np.random.default_rng(2).standard_normal((15, 3)))
    W = np.array([[1.0, 0.0, 1.0], [-1.0, -2.0, -1.0], [2.0, 0.0, 2.0], [-3.0, -1.0, 0.0]])
    A = np.array([[1.0], [5.0], [2.0], [-9.0]])
    labels = clusters.find(W, A, 0.99, clusters.active(X, W))
    assert labels.tolist() == [0, -1, 0, -1]
    merged = smaller.merge(W, A, labels)
    assert len(merged[0]) == 1
    np.testing.assert_allclose(change(X, W, A, merged), 0, atol=1e-12)
    np.testing.assert_allclose(merging.bound(X, W, A, labels), 0, atol=1e-6)


def test_nothing_to_merge_gives_no_neurons() -> None:
    W, A = np.ones((3, 2)), np.ones((3, 1))
    merged = smaller.merge(W, A, np.full(3, -1))
    assert merged[0].shape == (0, 2) and merged[1].shape == (0, 1)


def test_a_mirror_image_is_not_merged_away() -> None:
    # The pair a relu(w.x) - a relu(-w.x) = a w.x is a linear function, which no one neuron is.
    X = np.random.default_rng(3).standard_normal((30, 3))
    W, A = np.array([[1.0, 2.0, 0.0], [-1.0, -2.0, 0.0]]), np.array([[1.0], [-1.0]])
    labels = clusters.find(W, A, 0.99, clusters.active(X, W))
    np.testing.assert_allclose(change(X, W, A, smaller.merge(W, A, labels)), 0, atol=1e-12)
    together = smaller.merge(W, A, np.zeros(2, dtype=np.int64))
    assert change(X, W, A, together).max() > 1


def test_shuffled_membership_keeps_sizes_and_the_dead_and_moves_the_rest() -> None:
    labels = np.array([0] * 20 + [1] * 10 + [-1] * 5 + [2] * 5)
    shuffled = merging.shuffle_membership(np.random.default_rng(4), labels)
    np.testing.assert_array_equal(shuffled == -1, labels == -1)
    np.testing.assert_array_equal(np.bincount(shuffled[shuffled >= 0]), [20, 10, 5])
    assert (shuffled != labels).sum() > 5
    np.testing.assert_array_equal(labels, [0] * 20 + [1] * 10 + [-1] * 5 + [2] * 5)


def test_shuffled_membership_destroys_the_function() -> None:
    rng = np.random.default_rng(6)
    X, directions, labels = (
        rng.standard_normal((40, 5)),
        rng.standard_normal((3, 5)),
        np.repeat(range(3), 6),
    )
    W = directions[labels] * rng.uniform(0.5, 2, (18, 1))
    A = np.array([1.0, -1.0, 1.0])[labels, None] * rng.uniform(0.5, 2, (18, 1))
    shuffled = merging.shuffle_membership(rng, labels)
    assert change(X, W, A, smaller.merge(W, A, labels)).max() < 1e-12
    assert change(X, W, A, smaller.merge(W, A, shuffled)).max() > 1
