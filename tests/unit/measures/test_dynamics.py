"""What is read off recorded runs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from small_runs import DIGITS, digits, lazy, train_on

from neuron_race.common import ranks
from neuron_race.measures import dynamics
from neuron_race.measures.dynamics import DROP
from neuron_race.models import clusters
from neuron_race.training.recipe import snapshot_at
from neuron_race.training.runs import Trained

Array = NDArray[np.float64]
TWO = {
    **{"kind": "two_features", "dim": 10, "strengths": [1.0, 0.3], "overlap": 0.4, "noise": 0.1},
    **{"n_train": 80, "n_test": 20},
}


def summary(trained: Trained) -> pd.Series:
    return dynamics.tables(trained)["runs"].iloc[0]


def edited(trained: Trained, **measured: Array) -> Trained:
    """The same runs with other measurements."""
    runs = replace(trained.runs, measured={**trained.runs.measured, **measured})
    return replace(trained, runs=runs)


# --- Small functions ----------------------------------------------------------------------------


def test_rank_correlation_sees_order_alone_and_is_undefined_for_few_or_constant_values() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert ranks.rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert ranks.rank_correlation(a, np.array([2.0, 1, 4, 3, 5])) == pytest.approx(1 - 6 * 4 / 120)
    for x, y in ((a[:3], a[:3]), (a, np.ones(5)), (np.zeros(5), a)):
        assert np.isnan(ranks.rank_correlation(x, y))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [(0, 0), (1, 1), (2, 2), (8, 3), (4, 2), (5, 3), (99, 4), (1e9, 5), (30, 3), (40, 4)],
)
def test_snapshot_at_is_the_nearest_on_the_log_scale(wanted: float, index: int) -> None:
    # 4 is 1.67 times 2 and 10 is 2.2 times 4 (each plus one); 30 is nearer to 10 than to 100.
    assert snapshot_at(np.array([0, 1, 2, 10, 100, 1000]), wanted) == index


def test_stable_rank_by_hand() -> None:
    assert dynamics.stable_rank(np.outer([1.0, 2], [3.0, 4])) == pytest.approx(1)
    assert dynamics.stable_rank(np.eye(5)) == pytest.approx(5)
    assert dynamics.stable_rank(np.diag([2.0, 1, 1])) == pytest.approx(6 / 4)
    assert np.isnan(dynamics.stable_rank(np.zeros((3, 2))))


def test_predicted_growth_by_hand() -> None:
    one = {"norm_w": 2.0, "norm_a": 3.0, "norm_D": 0.5, "cos_delta": -0.4}
    measured = {name: np.full((1, 1, 1), value) for name, value in one.items()}
    # c' = (w² + a²) D cos = 13 · (-.2), and c = 6.
    assert dynamics.predicted_growth(measured).item() == pytest.approx(-2.6 / 6)


# --- A trained net ------------------------------------------------------------------------------


def test_e4_predicts_the_measured_growth_on_the_plateau() -> None:
    trained = train_on(DIGITS, (0,), learning_rate=0.01, max_steps=6000)
    measured = {name: array[0] for name, array in trained.runs.measured.items()}
    plateau = trained.runs.step < 0.25 * trained.runs.event_step[0, trained.event(DROP)]
    predicted = dynamics.predicted_growth(measured)
    assert plateau.sum() > 20
    np.testing.assert_allclose(predicted[plateau], measured["growth"][plateau], atol=5e-3)
    assert np.abs(measured["growth"][plateau]).mean() > 0.1
    row = summary(trained)
    assert row["growth_error"] < 0.005 < 0.1 < row["growth_error_permuted"]


def test_one_row_per_run_per_neuron_and_per_snapshot() -> None:
    trained = train_on(DIGITS, (0, 5), max_steps=300)
    tables = dynamics.tables(trained)
    T = len(trained.runs.step)
    assert [len(tables[n]) for n in ("runs", "neurons", "trajectory")] == [2, 120, 2 * T]
    for table in tables.values():
        assert table["seed"].unique().tolist() == [0, 5] and not table.columns.duplicated().any()
    numbers = tables["runs"].select_dtypes("number")
    assert np.isfinite(
        numbers.drop(columns=numbers.filter(regex="second_group|plateau|fallen|late"))
    ).all(axis=None)
    np.testing.assert_array_equal(tables["trajectory"]["time"], tables["trajectory"]["step"] * 0.25)
    # The runs stay apart.
    alone = dynamics.tables(train_on(DIGITS, (5,), max_steps=300))["runs"]
    assert alone["loss_end"].iloc[0] == pytest.approx(tables["runs"]["loss_end"].iloc[1])
    assert alone["clusters_99"].iloc[0] == tables["runs"]["clusters_99"].iloc[1]


def test_the_summary_agrees_with_the_recorded_weights() -> None:
    trained = digits()
    row, runs, start = summary(trained), trained.runs, trained.start
    W, A = runs.W_events[0, -1], runs.A_events[0, -1]
    F = np.maximum(start.X[0] @ W[:, : start.X.shape[2]].T, 0) @ A
    assert row["loss_end"] == pytest.approx(((start.Y[0] - F) ** 2).mean() / 2, rel=1e-9)
    assert row["accuracy"] == (np.sign(F) == start.Y[0]).mean()
    assert row["t_drop_10"] == 0.25 * runs.event_step[0, 2] > 0
    assert row["t_drop_05"] < row["t_drop_10"] < row["t_drop_20"]
    labels = clusters.find(W, A, 0.99, clusters.active(start.X[0], W))
    assert row["clusters_99"] == clusters.count(labels)
    assert row["largest_cluster"] == np.bincount(labels[labels >= 0]).max()
    share = np.bincount(
        labels[labels >= 0], weights=(np.linalg.norm(W, axis=1) * np.abs(A[:, 0]))[labels >= 0]
    )
    assert row["effective_width"] == pytest.approx(share.sum() ** 2 / (share**2).sum())
    assert row["clusters_95"] <= row["clusters_99"] <= row["clusters_999"] <= row["active"]
    assert row["stable_rank"] < 5 and row["fitted"] == 1
    assert row["loss_end_relative"] == pytest.approx(row["loss_end"] / row["loss_init"])


def test_rotation_and_weighted_alignment_by_hand() -> None:
    trained = digits()
    W = trained.runs.W_events[0]
    cos = (W[0] * W[-1]).sum(axis=1) / np.linalg.norm(W[0], axis=1) / np.linalg.norm(W[-1], axis=1)
    row = summary(trained)
    assert row["rotation"] == pytest.approx(np.abs(cos).mean())
    measured = {name: array[0, 0] for name, array in trained.runs.measured.items()}
    c = measured["norm_w"] * measured["norm_a"]
    assert row["alignment_at_init"] == pytest.approx((c * measured["cos_delta"]).sum() / c.sum())


def test_a_small_init_aligns_before_the_drop_and_a_large_one_does_not() -> None:
    small, large = summary(digits()), summary(lazy())
    assert small["alignment_at_drop_10"] > 0.9 > 0.3 > large["alignment_at_drop_10"]
    assert small["clusters_per_neuron_99"] < 0.4 and large["clusters_per_neuron_99"] > 0.95
    assert small["rotation"] < 0.6 and large["rotation"] > 0.9
    assert small["gate_patterns_kept"] < 0.6 and large["gate_patterns_kept"] > 0.9
    assert small["gates_changed"] > 0.1 and small["turned_by_drop"] > 0.5


def test_gate_statistics_by_hand() -> None:
    trained = digits()
    measured = {name: array.copy() for name, array in trained.runs.measured.items()}
    t = snapshot_at(trained.runs.step, trained.runs.event_step[0, trained.event(DROP)])
    measured["gate_pattern"][0, 0] = np.arange(60)
    measured["gate_pattern"][0, t] = np.arange(60) % 3
    measured["open"][0, 0] = np.where(np.arange(60) < 50, 0.5, 0.0)
    measured["cos_delta"][0, 0] = np.where(np.arange(60) < 40, -0.5, 0.5)
    measured["cos_delta"][0, t] = np.where(np.arange(60) < 10, 0.1, -0.1)
    measured["gate_changes"][0, t] = np.where(np.arange(60) < 30, 0.2, 0.0)
    row = summary(edited(trained, **measured))
    assert row["gate_patterns_kept"] == 3 / 60
    assert row["against_at_init"] == 40 / 50 and row["turned_by_drop"] == 10 / 40
    assert row["gates_changed"] == pytest.approx(0.1)


def test_frozen_gates_do_not_change() -> None:
    row = summary(train_on(DIGITS, (0,), freeze=["gates"], max_steps=600))
    assert row["gates_changed"] == 0 and row["gate_patterns_kept"] == 1
    assert row["turned_by_drop"] > 0.5  # turning to growth needs no change of gates


def test_the_race_is_ranked_by_early_alignment_and_shuffled_alignment_ranks_nothing() -> None:
    trained = digits()
    row = summary(trained)
    assert row["rho_alignment_010"] > 0.9
    cos = trained.runs.measured["cos_delta"]
    shuffled = cos[:, :, np.random.default_rng(0).permutation(60)]
    assert abs(summary(edited(trained, cos_delta=shuffled))["rho_alignment_010"]) < 0.6


# --- The second group (U3) ----------------------------------------------------------------------


def test_a_second_group_rises_where_there_is_a_second_feature_alone() -> None:
    two = summary(train_on(TWO, (0,), max_steps=1500))["second_group_rise"]
    one = summary(train_on({**TWO, "strengths": [1.0]}, (0,), max_steps=1500))["second_group_rise"]
    assert two > 0.05 and not one > 0.5 * two


@pytest.mark.parametrize("drops", [[0.1], [0.1, 0.5]])
def test_the_second_group_is_measured_whatever_drops_are_recorded(drops: list[float]) -> None:
    assert np.isfinite(summary(train_on(TWO, (0,), drops=drops))["second_group_rise"])


def test_a_run_that_loses_10_but_never_20_percent_counts_from_the_drop() -> None:
    trained = train_on(TWO, (0,), drops=[0.1, 0.2])
    event_step = trained.runs.event_step.copy()
    event_step[0, 2] = -1
    never = replace(trained, runs=replace(trained.runs, event_step=event_step))
    growth = trained.runs.measured["growth"].copy()
    before = trained.runs.step < event_step[0, 1]
    growth[0, before & (trained.runs.step < 0.3 * event_step[0, 1])] = 1e3
    assert summary(edited(never, growth=growth))["second_group_rise"] < 100


# --- What is undefined --------------------------------------------------------------------------


def test_a_run_without_a_drop_has_no_statistics_of_the_drop() -> None:
    tables = dynamics.tables(train_on(DIGITS, (0,), max_steps=3))
    row = tables["runs"].iloc[0]
    undefined = [
        *("t_drop_10", "alignment_at_drop_10", "gate_patterns_kept", "gates_changed"),
        *("against_at_init", "turned_by_drop", "growth_error", "second_group_rise"),
        *("rho_alignment_010", "rho_alignment_all_100"),
    ]
    assert row[undefined].isna().all() and row["fitted"] == 0
    assert tables["neurons"]["cos_delta_010"].isna().all()


@pytest.mark.parametrize("changes", [{"classes": [0, 3, 8]}, {"centre": False}])
def test_three_classes_and_dead_neurons_pass(changes: dict[str, Any]) -> None:
    tables = dynamics.tables(train_on({**DIGITS, **changes}, (0,), max_steps=400))
    row, neurons = tables["runs"].iloc[0], tables["neurons"]
    assert row["active"] == neurons["active"].sum()
    assert (neurons.loc[~neurons["active"], "cluster_99"] == -1).all()
    assert np.isfinite(
        row[["clusters_99", "alignment_at_drop_10", "effective_width"]].astype(float)
    ).all()
    if "centre" in changes:
        assert 0 < row["active"] < 60
    else:
        assert (neurons["sign"] == 0).all() and np.isnan(row["second_group_rise"])


def test_rank_at_half_is_read_where_half_of_the_loss_is_gone() -> None:
    trained = digits()
    runs = trained.runs
    final = runs.measured["norm_w"][0, -1] * runs.measured["norm_a"][0, -1]
    half = int(np.flatnonzero(runs.loss[0] <= 0.5 * runs.loss[0, 0])[0])
    assert 0 < half < len(runs.step) - 1
    cos = np.zeros_like(runs.measured["cos_delta"])
    cos[0, half] = final  # ranks as final norms here, and nowhere else
    assert summary(edited(trained, cos_delta=cos))["rho_alignment_all_half"] == pytest.approx(1)
    late = np.zeros_like(cos)
    late[0, half + 1] = final
    assert np.isnan(summary(edited(trained, cos_delta=late))["rho_alignment_all_half"])
