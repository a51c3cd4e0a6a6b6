"""Clusters of neurons by their total weight vectors."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuron_race.models import clusters
from neuron_race.models.norms import unit

Array = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


def everyone(W: Array) -> NDArray[np.bool_]:
    return np.ones(len(W), dtype=bool)


def fan(*degrees: float) -> Array:
    """Unit vectors of the plane at the given angles."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.mark.parametrize("k", [1, 3])
def test_cosines_are_those_of_the_total_weight_matrices(k: int) -> None:
    rng = np.random.default_rng(0)
    W, A = rng.standard_normal((5, 4)), rng.standard_normal((5, k))
    total = np.einsum("mk,md->mkd", A, W).reshape(5, -1)
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(clusters.cosines(W, A), total @ total.T, atol=1e-14)


def test_unit_leaves_zero_vectors_and_scales_the_rest() -> None:
    V = unit(np.array([[3.0, 4.0], [0.0, 0.0], [1e-100, 0.0]]))
    np.testing.assert_allclose(V, [[0.6, 0.8], [0, 0], [1, 0]])


def test_active_neurons_have_an_open_gate_on_some_sample() -> None:
    X = np.array([[1.0, 0.0], [0.0, 1.0]])
    W = np.array([[-1.0, -1.0], [-1.0, 0.5], [2.0, -3.0], [0.0, 0.0]])
    assert clusters.active(X, W).tolist() == [False, True, True, False]
    # Coordinates beyond the data's do not open a gate.
    wide = np.concatenate([W, np.full((4, 3), 9.0)], axis=1)
    assert clusters.active(X, wide).tolist() == [False, True, True, False]


def test_largest_cluster_first_and_ties_by_the_first_neuron() -> None:
    W, A = fan(90, 0, 1, 200, 91, 2), np.ones((6, 1))
    labels = clusters.find(W, A, 0.99, everyone(W))
    assert labels.tolist() == [1, 0, 0, 2, 1, 0]
    tied = clusters.find(W[[3, 0, 1, 4, 2]], A[:5], 0.99, everyone(W[:5]))
    assert tied.tolist() == [2, 0, 1, 0, 1]
    assert clusters.count(labels) == 3


def test_pairs_are_compared_block_by_block_and_no_copies_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    W, A = rng.standard_normal((500, 5)), rng.standard_normal((500, 2))
    w, a = unit(W), unit(A)
    square = np.where(w @ w.T <= 0, 2.0, 1.0 - clusters.cosines(W, A))
    whole = clusters._distances(w, a)
    np.testing.assert_array_equal(whole, np.maximum(square, square.T)[np.triu_indices(500, 1)])
    monkeypatch.setattr(clusters, "BLOCK", 64)
    tracemalloc.start()
    blocks = clusters._distances(w, a)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(blocks, whole, atol=1e-14)
    assert peak < 1.3 * whole.nbytes


def test_a_chain_of_neighbours_is_no_cluster() -> None:
    W, A = fan(*range(0, 48, 6)), np.ones((8, 1))  # cos 6° = .9945, cos 42° = .74
    labels = clusters.find(W, A, 0.99, everyone(W))
    assert clusters.count(labels) >= 4


@pytest.mark.parametrize(("angle", "together"), [(8.0, True), (8.2, False)])
def test_the_threshold_is_the_cosine_itself(angle: float, together: bool) -> None:
    W, A = fan(0, angle), np.ones((2, 1))  # arccos(.99) = 8.11°
    assert (clusters.count(clusters.find(W, A, 0.99, everyone(W))) == 1) is together


def test_norms_do_not_matter_and_signs_do() -> None:
    W = fan(0, 1, 2, 3) * np.array([[1e-8], [1.0], [50.0], [1e4]])
    same = clusters.find(W, np.array([[1.0], [1e-9], [3.0], [1e5]]), 0.99, everyone(W))
    assert same.tolist() == [0, 0, 0, 0]
    signs = clusters.find(W, np.array([[1.0], [-1.0], [3.0], [-2.0]]), 0.99, everyone(W))
    assert signs.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("k", [1, 2])
def test_a_mirror_image_is_not_equivalent(k: int) -> None:
    # (-w, -a) has the total weight vector of (w, a), but is open where that is closed.
    W, A = fan(0, 1, 180, 181), np.array([[1.0], [1.0], [-1.0], [-1.0]]) * np.ones((1, k))
    assert clusters.cosines(W, A).min() > 0.99
    assert clusters.find(W, A, 0.99, everyone(W)).tolist() == [0, 0, 1, 1]


def test_neurons_left_out_are_minus_one_and_do_not_link_others() -> None:
    W, A = fan(0, 7, 14), np.ones((3, 1))
    among = np.array([True, False, True])
    assert clusters.find(W, A, 0.99, among).tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("among", "labels", "count"),
    [([False, False], [-1, -1], 0), ([False, True], [-1, 0], 1), ([True, True], [0, 0], 1)],
)
def test_none_one_and_two(among: list[bool], labels: list[int], count: int) -> None:
    found = clusters.find(fan(0, 0), np.ones((2, 1)), 0.99, np.array(among))
    assert found.tolist() == labels and clusters.count(found) == count


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    seed=SEEDS, k=st.sampled_from([1, 2]), spread=st.floats(0.01, 1), cosine=st.floats(0.5, 0.999)
)
def test_every_two_of_a_cluster_have_the_cosine_and_labels_are_complete(
    seed: int, k: int, spread: float, cosine: float
) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.integers(3, size=25)
    W = rng.standard_normal((3, 4))[centre] + spread * rng.standard_normal((25, 4))
    A = rng.standard_normal((3, k))[centre] * (1 + rng.random((25, 1)))
    among = rng.random(25) < 0.8
    labels = clusters.find(W, A, cosine, among)
    np.testing.assert_array_equal(labels >= 0, among)
    similar = clusters.cosines(W, A)
    sizes = [int((labels == g).sum()) for g in range(clusters.count(labels))]
    assert min(sizes) > 0 and sizes == sorted(sizes, reverse=True)
    for g in range(len(sizes)):
        inside = np.ix_(labels == g, labels == g)
        assert similar[inside].min() >= cosine - 1e-12
        assert (unit(W) @ unit(W).T)[inside].min() > 0
    # No two clusters could be joined.
    similar[unit(W) @ unit(W).T <= 0] = -1
    for g in range(len(sizes)):
        for h in range(g):
            assert similar[np.ix_(labels == g, labels == h)].min() < cosine + 1e-12


def test_clusters_follow_a_permutation_of_the_neurons() -> None:
    rng = np.random.default_rng(3)
    W = fan(0, 40, 80)[[0, 0, 0, 1, 1, 2]] + 0.02 * rng.standard_normal((6, 2))
    A, order = np.ones((6, 1)), rng.permutation(6)
    labels = clusters.find(W, A, 0.99, everyone(W))
    np.testing.assert_array_equal(clusters.find(W[order], A, 0.99, everyone(W)), labels[order])
    assert clusters.count(labels) == 3


def test_cosines_beyond_one_by_rounding_are_no_negative_distances() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        w = rng.standard_normal(20)
        W = np.outer(rng.random(30) + 0.1, w)
        labels = clusters.find(W, np.ones((30, 1)), 0.99, np.ones(30, dtype=bool))
        assert (labels == 0).all()
