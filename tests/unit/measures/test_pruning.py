"""Which neurons each arm keeps: exactly as many as asked for."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuron_race.measures import pruning
from neuron_race.models import norms, shallow, smaller

Array = NDArray[np.float64]
SCORES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=30)


def squared(F: Array, Y: Array) -> Array:
    return shallow.loss(F, Y, "squared")


def test_norm_product_by_hand() -> None:
    W, A = (
        np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]),
        np.array([[1.0, 0.0], [2.0, 2.0], [0.0, -7.0]]),
    )
    np.testing.assert_allclose(norms.norm_product(W, A), [5, 0, 7])
    np.testing.assert_allclose(
        norms.norm_product(np.stack([W, 2 * W]), np.stack([A, A]))[1], [10, 0, 14]
    )


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(score=SCORES, data=st.data())
def test_exactly_the_asked_number_is_kept_with_any_ties(
    score: list[float], data: st.DataObject
) -> None:
    values = np.array(score)
    kept = data.draw(st.integers(0, len(values)))
    labels = np.array(
        data.draw(st.lists(st.integers(-1, 3), min_size=len(values), max_size=len(values)))
    )
    for mask in (
        smaller.keep_largest(values, kept),
        smaller.keep_largest(-values, kept),
        smaller.keep_stratified(values, labels, kept),
    ):
        assert mask.dtype == bool and mask.shape == values.shape and mask.sum() == kept
    mask = smaller.keep_largest(values, kept)
    if 0 < kept < len(values):
        assert values[mask].min() >= values[~mask].max()


def test_ties_go_to_the_first_neuron() -> None:
    assert smaller.keep_largest(np.array([1.0, 1, 2, 1]), 2).tolist() == [True, False, True, False]
    assert smaller.keep_largest(np.zeros(4), 3).tolist() == [True, True, True, False]
    stratified = smaller.keep_stratified(np.zeros(4), np.array([0, 0, 1, 1]), 2)
    assert stratified.tolist() == [True, False, True, False]


@pytest.mark.parametrize("kept", [-1, 5])
def test_an_impossible_number_is_refused(kept: int) -> None:
    score = np.arange(4.0)
    with pytest.raises(ValueError, match=f"can't keep {kept} of 4"):
        smaller.keep_largest(score, kept)
    with pytest.raises(ValueError, match=f"can't keep {kept} of 4"):
        smaller.keep_stratified(score, np.zeros(4, dtype=np.int64), kept)


def test_stratified_keeps_each_cluster_in_proportion_and_the_largest_of_each() -> None:
    labels = np.array([0] * 10 + [1] * 6 + [2] * 4)
    score = np.concatenate([np.arange(10), 100 + np.arange(6), 0.1 * np.arange(4)]).astype(float)
    mask = smaller.keep_stratified(score, labels, 10)
    assert np.bincount(labels[mask]).tolist() == [5, 3, 2]
    assert np.flatnonzero(mask).tolist() == [5, 6, 7, 8, 9, 13, 14, 15, 18, 19]
    # Plain pruning by score would have removed a whole cluster.
    assert 2 not in labels[smaller.keep_largest(score, 10)]


@pytest.mark.parametrize(
    ("kept", "sizes"), [(3, [2, 1, 0]), (7, [4, 2, 1]), (1, [1, 0, 0]), (14, [8, 4, 2])]
)
def test_stratified_shares_are_rounded_by_largest_remainder(kept: int, sizes: list[int]) -> None:
    labels = np.repeat([0, 1, 2], [8, 4, 2])
    mask = smaller.keep_stratified(np.arange(14.0), labels, kept)
    assert np.bincount(labels[mask], minlength=3).tolist() == sizes


def test_equal_remainders_go_to_the_larger_cluster() -> None:
    labels = np.repeat([0, 1], [2, 6])  # shares of 4: 1 and 3; of 2: .5 and 1.5
    mask = smaller.keep_stratified(np.arange(8.0), labels, 2)
    assert np.bincount(labels[mask], minlength=2).tolist() == [0, 2]


def test_greedy_is_the_best_subset_where_contributions_do_not_interact() -> None:
    # Each neuron serves one sample of its own, so the best subset of every size is nested.
    Y = np.array([[1.0], [-3.0], [2.0], [0.5], [-1.5]])
    contribution = np.zeros((5, 5, 1))
    for neuron, sample in enumerate([3, 0, 4, 1, 2]):
        contribution[neuron, sample] = Y[sample]
    order = pruning.greedy_order(contribution, Y, squared)
    assert order.tolist() == [3, 4, 2, 1, 0]
    for kept in range(1, 6):
        losses = {
            chosen: float(squared(contribution[list(chosen)].sum(axis=0), Y))
            for chosen in combinations(range(5), kept)
        }
        assert set(min(losses, key=losses.__getitem__)) == set(order[:kept].tolist())


@pytest.mark.parametrize("k", [1, 2])
def test_greedy_takes_at_each_step_what_lowers_the_loss_the_most(k: int) -> None:
    rng = np.random.default_rng(0)
    contribution, Y = rng.standard_normal((6, 8, k)), rng.standard_normal((8, k))
    order = pruning.greedy_order(contribution, Y, squared).tolist()
    assert sorted(order) == list(range(6))
    for taken in range(6):
        before = contribution[order[:taken]].sum(axis=0)
        losses = {
            j: float(squared(before + contribution[j], Y))
            for j in set(range(6)) - set(order[:taken])
        }
        assert order[taken] == min(losses, key=losses.__getitem__)
    first_by_norm = int(np.argmax(np.linalg.norm(contribution, axis=(1, 2))))
    assert order[0] != first_by_norm  # this case tells loss from size


@pytest.mark.parametrize("k", [1, 3])
def test_greedy_by_inner_products_takes_the_same_neurons(k: int) -> None:
    rng = np.random.default_rng(k)
    contribution, Y = rng.standard_normal((30, 40, k)), 3 * rng.standard_normal((40, k))
    order = pruning.greedy_order_squared(contribution, Y)
    assert order.tolist() == pruning.greedy_order(contribution, Y, squared).tolist()


def test_greedy_leaves_its_input_alone() -> None:
    rng = np.random.default_rng(1)
    contribution, Y = rng.standard_normal((4, 5, 1)), rng.standard_normal((5, 1))
    copies = contribution.copy(), Y.copy()
    pruning.greedy_order(contribution, Y, squared)
    np.testing.assert_array_equal(contribution, copies[0])
    np.testing.assert_array_equal(Y, copies[1])
