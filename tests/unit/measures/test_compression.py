"""Merging and pruning of trained nets: what survives, and what must not."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from small_runs import DIGITS, OPTIONS, digits, lazy, train_on

from neuron_race.measures import compression, merging
from neuron_race.models import clusters, shallow, smaller
from neuron_race.models.norms import norm_product
from neuron_race.training import conditions
from neuron_race.training.runs import Trained

Array = NDArray[np.float64]
ARMS = ("lowest_first", "random", "highest_first", "stratified", "greedy", "merge_then_prune")


@cache
def tables(init: str = "small") -> dict[str, pd.DataFrame]:
    return compression.tables(digits() if init == "small" else lazy())


def summary(init: str = "small") -> pd.Series:
    return tables(init)["runs"].iloc[0]


def weights(trained: Trained) -> tuple[Array, Array]:
    return trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]


# --- Merging ------------------------------------------------------------------------------------


def test_merging_keeps_the_function_and_its_controls_do_not() -> None:
    row = summary()
    assert row["merged_per_neuron"] < 0.4
    assert abs(row["merge_loss_change"]) < 0.02 and abs(row["merge_test_change"]) <= 0.5
    assert row["merge_bound_used"] <= 1
    assert row["shuffled_membership_loss_change"] > 0.02
    assert row["naive_average_loss_change"] > 0.02


def test_a_lazy_net_has_nothing_to_merge_and_that_is_no_success() -> None:
    row = summary("lazy")
    assert row["merged_per_neuron"] > 0.95
    vacuous = [f"{rule}_{what}_change" for rule in merging.RULES for what in ("loss", "test")]
    assert row[[*vacuous, "merge_bound_used"]].isna().all()
    # Unmerged, nothing changed: the number that would have been a false success.
    merged = tables("lazy")["merging"].set_index("rule")
    assert merged.loc["merge", "loss"] == pytest.approx(merged.loc["merge", "loss_before"])


def test_dropping_dead_neurons_is_no_merging() -> None:
    trained = train_on({**DIGITS, "centre": False}, (0,), alpha=1.0, learning_rate=0.02)
    alive = clusters.active(trained.start.X[0], weights(trained)[0]).sum()
    row = compression.tables(trained)["runs"].iloc[0]
    assert row["merged_per_neuron"] == alive / 60 < 0.9
    assert np.isnan(row["merge_loss_change"])


def sabotage_merge(how: str) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
    """A wrong merge, which a test of the verdict must notice."""
    right = smaller.merge

    def merge(W: Array, A: Array, labels: Array) -> tuple[Array, Array]:
        if how == "average":
            return merging.naive_average(W, A, labels)
        if how == "shuffled":
            return right(W, A, merging.shuffle_membership(np.random.default_rng(0), labels))
        if how == "sign":
            merged_W, merged_A = right(W, A, labels)
            return merged_W, np.abs(merged_A)
        merged_W, merged_A = right(W, A, labels)
        merged_A[0] = 0  # a cluster is lost
        return merged_W, merged_A

    return merge


@pytest.mark.parametrize("how", ["average", "shuffled", "sign", "lost"])
def test_a_wrong_merge_moves_the_statistic_that_the_verdict_uses(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(smaller, "merge", sabotage_merge(how))
    wrong = compression.Network(digits(), 0).merging()[0]
    change = wrong["loss"] / wrong["loss_before"] - 1
    assert abs(change) > 0.02 > abs(summary()["merge_loss_change"])


def test_the_table_of_merges_agrees_with_direct_computation() -> None:
    trained = digits()
    W, A = weights(trained)
    X, Y = trained.start.X[0], trained.start.Y[0]
    labels = clusters.find(W, A, 0.99, clusters.active(X, W))
    row = tables()["merging"].set_index("rule").loc["merge"]
    F = shallow.forward(X, *smaller.merge(W, A, labels))
    assert row["neurons"] == clusters.count(labels) and row["neurons_before"] == 60
    assert row["loss"] == pytest.approx(float(((F - Y) ** 2).mean() / 2))
    assert row["loss_before"] == pytest.approx(trained.runs.loss[0, -1])


def test_a_violated_bound_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = merging.bound
    monkeypatch.setattr(merging, "bound", lambda *args: 1e-5 * bound(*args))
    assert compression.Network(digits(), 0).merging()[0]["bound_used"] > 1


def test_mirror_images_are_kept_apart_on_a_symmetric_task() -> None:
    # A linear target on symmetric data: all total weight vectors align, on two sides of the origin.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4)) / 2
    X = np.concatenate([X, -X])[None]
    Y = X[..., :1] * 2
    options = {**OPTIONS, "seeds": [0], "max_steps": 3000}
    start = conditions.begin("mirror", options, {"X": X, "Y": Y, "X_test": X, "Y_test": Y})
    trained = Trained(start, conditions.run(start, options), options)
    row = compression.tables(trained)["runs"].iloc[0]
    assert row["merged_per_neuron"] == 2 / 60 and row["merge_test_change"] == 0
    merged = compression.tables(trained)["merging"].set_index("rule")["loss"]
    assert merged["merge"] < 1e-6 < 1e-3 < merged["naive_average"]


# --- Pruning ------------------------------------------------------------------------------------


def test_every_arm_keeps_exactly_as_many_neurons_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = compression.Network(digits(), 0)
    seen: list[int] = []
    scores = network.scores

    def counting(W: Array, A: Array, kept: Array) -> pd.DataFrame:
        seen.extend(kept.sum(axis=1).tolist())
        return scores(W, A, kept)

    monkeypatch.setattr(network, "scores", counting)
    table = network.pruning()
    merged = clusters.count(network.labels)
    expected = []
    for kept in table["kept"].unique():
        masks = network.masks(kept)
        assert all(mask.sum() == kept for arm in masks.values() for mask in arm)
        draws = 3 + compression.DRAWS + 1  # three single arms, random draws, greedy
        expected += [kept] * draws + [min(kept, merged)]
    assert sorted(seen) == sorted(expected)
    assert table["kept"].unique().tolist() == [max(1, round(f * 60)) for f in compression.FRACTIONS]
    assert set(table["arm"]) == set(ARMS)


def test_keeping_all_is_the_full_network_for_every_arm() -> None:
    whole = tables()["pruning"].query("fraction == 1.0")
    np.testing.assert_allclose(
        whole.query("arm != 'merge_then_prune'")["loss"], summary()["full_loss"]
    )


def test_curves_agree_with_direct_computation() -> None:
    trained = digits()
    W, A = weights(trained)
    X, Y = trained.start.X[0], trained.start.Y[0]
    order = np.argsort(-norm_product(W, A))
    table = tables()["pruning"].set_index(["arm", "kept"])
    for kept in (3, 12, 30):
        for arm, chosen in (("lowest_first", order[:kept]), ("highest_first", order[-kept:])):
            F = shallow.forward(X, W[chosen], A[chosen])
            assert table.loc[(arm, kept), "loss"] == pytest.approx(float(((F - Y) ** 2).mean() / 2))
            assert table.loc[(arm, kept), "accuracy"] == (F * Y > 0).mean()


def test_the_order_of_arms_is_as_it_must_be() -> None:
    table = tables()["pruning"].pivot(index="fraction", columns="arm", values="loss")
    part = table.loc[0.05:0.5]
    assert (part["greedy"] <= part[["lowest_first", "random", "stratified"]].min(axis=1)).all()
    assert (part["lowest_first"] < part["highest_first"]).all()
    row = summary()
    assert row["lowest_first_area"] > 0 > row["highest_first_area"] and row["random_area"] == 0
    assert row["greedy_loss_area"] > row["lowest_first_loss_area"] > row["highest_first_loss_area"]


def test_swapped_arms_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "norm_product", lambda W, A: -norm_product(W, A))
    row = compression.tables(digits())["runs"].iloc[0]
    assert row["lowest_first_loss_share"] > 0.5 > summary()["lowest_first_loss_share"]


def test_statistics_at_the_declared_fraction_by_hand() -> None:
    row, table = summary(), tables()["pruning"].query("fraction == 0.2").set_index("arm")
    at_zero = 0.5  # half the mean square of ±1
    for arm in ARMS:
        share = (table.loc[arm, "loss"] - row["full_loss"]) / (at_zero - row["full_loss"])
        assert row[f"{arm}_loss_share"] == pytest.approx(share)
        change = 100 * (table.loc[arm, "accuracy"] - row["full_accuracy"])
        assert row[f"{arm}_accuracy_change"] == pytest.approx(change)


def test_area_between_curves_is_the_trapezoid() -> None:
    curve = pd.Series([0.0, 1.0, 1.0], index=[0.0, 0.5, 1.0])
    assert compression._area(curve) == pytest.approx(0.75)


def test_a_lazy_net_cannot_be_pruned_by_norm() -> None:
    assert summary("lazy")["lowest_first_loss_share"] > 0.2
    assert summary()["lowest_first_loss_share"] < summary("lazy")["lowest_first_loss_share"]


# --- All of it ----------------------------------------------------------------------------------


def test_same_runs_same_tables() -> None:
    again = compression.tables(digits())
    for name, table in tables().items():
        pd.testing.assert_frame_equal(again[name], table)


THREE: dict[str, Any] = {"kind": "digits", "classes": [0, 4, 9], "n_train": 60, "n_test": 30}


def test_three_classes_and_logistic_loss_pass() -> None:
    made = compression.tables(train_on(THREE, (0, 1), loss="logistic", max_steps=300))
    assert made["runs"]["seed"].tolist() == [0, 1] and len(made["merging"]) == 6
    # The oracle, which tries every neuron at every step, is for one output alone.
    assert set(made["pruning"]["arm"]) == set(ARMS) - {"greedy"}
    assert len(made["pruning"]) == 2 * len(compression.FRACTIONS) * 5
    assert (made["merging"].query("rule == 'merge'")["bound_used"] <= 1).all()
    assert np.isfinite(made["pruning"].select_dtypes("number")).all(axis=None)
