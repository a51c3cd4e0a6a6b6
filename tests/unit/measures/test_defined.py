"""Runs that learned nothing, or from which nothing was taken: undefined, and no verdict passes."""

import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import studied
from small_runs import DIGITS, stack, train_on

from neuron_race.common import defined
from neuron_race.data import datasets
from neuron_race.evidence import claims
from neuron_race.figures import style
from neuron_race.measures import compression, dynamics, merging, race
from neuron_race.models import clusters
from neuron_race.settings import conditions, configuration
from neuron_race.studies import (
    architectures,
    schedule,
    tickets,
    weight_tickets,
)
from neuron_race.studies.trained import initialization as designs
from neuron_race.theory import forecast
from neuron_race.training import any_model
from neuron_race.training.runs import Trained

REGISTER = Path(__file__).parents[3] / "config/claims"


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    """A division by zero is foreseen, and not left to numpy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@cache
def untaught() -> Trained:
    """A network that did not learn: its steps are too small for its budget."""
    return train_on(DIGITS, (0,), learning_rate=1e-9, max_steps=40)


@cache
def alone() -> Trained:
    """A network of one neuron, which drops: no share of its neurons can be taken away."""
    return train_on(DIGITS, (0,), width=1, alpha=1e-2, max_steps=400)


def forecasts(trained: Trained) -> dict[str, Any]:
    return forecast.forecast(trained.start, trained.options, "small")


def test_ratio_is_undefined_where_the_denominator_is() -> None:
    found = defined.ratio([1.0, 0.0, 3.0, 1.0], [2.0, 0.0, 0.0, np.nan])
    np.testing.assert_array_equal(found, [0.5, np.nan, np.nan, np.nan])
    assert defined.ratio(1, 4) == 0.25 and np.isnan(defined.ratio(1, 0))


def test_mean_of_no_weight_is_undefined() -> None:
    values, weights = np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[3.0, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(defined.average(values, weights, axis=1), [1.5, np.nan])
    assert defined.average(values, np.ones((2, 2))) == 4
    assert np.isnan(defined.average(values[0], np.zeros(2)))


@pytest.mark.parametrize(
    ("initial", "zero", "end", "learned"),
    [
        (0.5, 0.5, 0.1, 0.4),
        (0.5, 0.5, 0.45, 0.05),  # just dropped
        (0.5, 0.5, 0.46, np.nan),
        (0.5, 0.5, 0.5 * (1 - 1e-12), np.nan),  # rounding
        (9.0, 0.5, 0.48, np.nan),  # far below the start, but no better than the output zero
        (0.4, 0.5, 0.4, np.nan),  # better than the output zero from the start
        (0.5, 0.5, 1e9, np.nan),
        (0.0, 0.0, 0.0, np.nan),
    ],
)
def test_learned_is_what_lies_beyond_the_drop(
    initial: float, zero: float, end: float, learned: float
) -> None:
    assert defined.learned(initial, zero, end) == pytest.approx(learned, nan_ok=True)


def test_change_of_a_loss_of_zero_or_of_rounding_is_undefined() -> None:
    assert defined.change(0.11, 0.1, 0.5) == pytest.approx(0.1)
    for exact in (0.0, 1e-31):
        assert np.isnan(defined.change(1e-30, exact, 0.5))
    assert np.isnan(defined.change(1e-9, 1e-10, 0.5, float(np.finfo(np.float32).eps)))


def test_of_no_cluster_nothing_is_said() -> None:
    none = np.full(4, -1)
    assert np.isnan(clusters.per_neuron(none, none > 0))
    assert np.isnan(clusters.effective(none, np.ones(4)))
    assert np.isnan(clusters.rotation(np.zeros((2, 3)), np.ones((2, 3))))


def test_same_clusters_under_other_names_do_not_differ() -> None:
    labels = np.array([0, 0, 1, 2, -1])
    assert not merging.differ(labels, np.array([0, 0, 2, 1, -1]))
    assert merging.differ(labels, np.array([0, 1, 0, 2, -1]))


@pytest.mark.parametrize("trained", [untaught, alone], ids=["untaught", "alone"])
def test_pruning_is_undefined_where_nothing_is_lost_or_taken(trained: Any) -> None:
    row = compression.tables(trained())["runs"].iloc[0]
    told = ["seed", "full_loss", "full_accuracy", "full_test_accuracy", "merged_per_neuron"]
    assert row.drop(told).isna().all()
    assert np.isnan(row["merged_per_neuron"]) == (trained is untaught)
    assert row["full_loss"] > 0


def test_claim_on_pruning_gets_no_verdict_from_rounding() -> None:
    claim = configuration.read_register(REGISTER)["claims"]["pruning"]
    own = [c for c in claim["criteria"] if c["table"] == "compression"]
    claim = {**claim, "criteria": own}
    row = compression.tables(untaught())["runs"].iloc[0]
    values = [
        {"criterion": c["name"], "seed": seed, "task": None, "value": row[c["statistic"]]}
        for c in claim["criteria"]
        for seed in range(5)
    ]
    judged = claims.judge(claim, pd.DataFrame(values))
    assert all(c["holds"] is None and c["n_undefined"] == c["n_runs"] for c in judged)
    assert claims.status(judged) == "inconclusive"


def test_dynamics_of_one_neuron() -> None:
    row = dynamics.tables(alone())["runs"].iloc[0]
    assert row["dropped"] == 1
    for name in (
        *("lower_half_share", "gate_patterns_kept", "gate_patterns_least"),
        *("growth_error_permuted", "rho_alignment_all_peak"),
    ):
        assert np.isnan(row[name]), name


def test_no_race_was_run_where_nothing_was_learned() -> None:
    trained = untaught()
    tables = dynamics.tables(trained)
    row = tables["runs"].iloc[0]
    assert row["dropped"] == 0 and row[list(dynamics.TAUGHT)].isna().all()
    assert row.filter(like="rho_alignment_0").isna().all()
    ahead = forecasts(trained)
    # As if the forecast were known: by other steps, say.
    ahead["norm_product"] = ahead["norm_product_shuffled"] = np.arange(1.0, 61)[None]
    row = race.tables(trained, tables["neurons"], ahead)["runs"].iloc[0]
    assert row.drop("seed").isna().all()


@pytest.mark.parametrize("trained", [untaught, alone], ids=["untaught", "alone"])
def test_tickets_are_undefined_where_nothing_is_learned_or_pruned(trained: Any) -> None:
    table = tickets.tables(trained(), forecasts(trained()), "small")["runs"]
    assert table.drop(columns="seed").isna().all(axis=None)


def test_a_forecast_that_did_not_end_chooses_no_ticket() -> None:
    trained = train_on(DIGITS, (0,), alpha=1e-2, max_steps=300)
    never = forecasts(trained)
    never["norm_product"] = np.full_like(never["norm_product"], np.nan)
    row = tickets.tables(trained, never, "small")["runs"].iloc[0]
    assert np.isnan(row["delay_forecast"]) and np.isnan(row["loss_forecast"])
    assert np.isfinite(row["delay_winners"])


EXTENSION: dict[str, Any] = {
    **{"dataset": "digits", "model": "perceptron", "depth": 1, "width": 10, "loss": "squared"},
    **{"gain": 0.1, "learning_rate": 1e-9, "forecast_rate": 0.25, "max_steps": 60},
    **{"precision": "double", "seeds": [0, 1]},
}
DATA = {"digits": stack({**DIGITS, "n_train": 30, "n_test": 20}, (0, 1))}


def test_layers_that_learned_nothing() -> None:
    own = studied.rows(EXTENSION, DATA)
    undefined = own.filter(regex="^(rho|lowest|highest|raw|contribution|random|merge)")
    assert undefined.shape[1] > 15 and undefined.isna().all(axis=None)
    assert own[list(architectures.TAUGHT)].isna().all(axis=None)
    assert own["loss_end"].between(0.99, 1.01).all()


def test_a_layer_of_one_unit_can_not_be_pruned() -> None:
    taught = {**EXTENSION, "learning_rate": 0.25, "gain": 0.5, "max_steps": 200, "width": 1}
    own = studied.rows(taught, DATA)
    own = own[own["drop_step"].notna()]
    assert len(own) and own.filter(regex="^(lowest|random)_").isna().all(axis=None)


def test_schedules_decide_nothing_before_a_drop() -> None:
    tables = studied.tables("schedule", {"constant": EXTENSION, "cosine": EXTENSION}, DATA)
    runs = tables["runs"].drop(columns=["seed", "condition", "loss_end", "drop_step"])
    assert runs.isna().all(axis=None)
    assert list(tables["details"].columns) == list(schedule.DETAILS)


def test_one_run_has_no_other_init() -> None:
    taught = {**EXTENSION, "learning_rate": 0.25, "max_steps": 200, "seeds": [0]}
    one = {"digits": {key: value[:1] for key, value in DATA["digits"].items()}}
    row = studied.tables("schedule", {"constant": taught}, one)["runs"].iloc[0]
    assert row["rho_constant"] == pytest.approx(1) and np.isnan(row["rho_other_init"])
    assert np.isnan(schedule.overlap(np.ones(1), np.ones(1)))


def test_optimizers_and_designs_that_learned_nothing() -> None:
    single = {**EXTENSION, "head": "balanced", "alpha": 1e-2}
    own = studied.tables("optimizers", {"gd": single}, DATA)["runs"]
    assert own[["conservation_error", "imbalance"]].isna().all(axis=None)
    designed = {"spread": {**single, "design": "spread", "design_steps": 2}}
    own = studied.tables("initialization", designed, DATA)["runs"]
    assert own[["merged", "loss_end", "winners", "log_work"]].isna().all(axis=None)


def test_design_without_any_pull_keeps_directions() -> None:
    W, A = np.eye(2), np.ones((2, 1))
    w, a = designs.design("spread", W, A, np.eye(2), np.zeros((2, 1)), 3)
    np.testing.assert_allclose(w, W)
    np.testing.assert_allclose(a, A)


def test_tickets_before_training_that_prune_nothing() -> None:
    taught = {**EXTENSION, "learning_rate": 0.25, "gain": 0.5, "max_steps": 200, "percents": [99]}
    table = studied.tables("pruning_at_init", {"one_layer": taught}, DATA)["runs"]
    assert table.filter(regex="_99$").isna().all(axis=None)
    assert table.filter(regex="_100$").notna().all(axis=None)


def test_weight_tickets_of_a_network_that_learned_nothing() -> None:
    protocol = weight_tickets.Protocol(
        hidden=(4,), rate=1e-12, batch=5, steps=4, rounds=2, control_rounds=(2,), sparse=(0, 1)
    )
    X, Y = DATA["digits"]["X"], np.eye(3)[np.arange(30) % 3][None].repeat(2, axis=0)
    runs = weight_tickets.run("test", [0, 1], X, Y, X[:, :20], Y[:, :20], protocol)["runs"]
    assert runs["seed"].tolist() == [0, 1]
    assert runs.drop(columns="seed").isna().all(axis=None)


def test_nothing_to_lose_is_no_drop() -> None:
    nothing = {"digits": {**DATA["digits"], "Y": np.zeros_like(DATA["digits"]["Y"])}}
    gain = {"outgoing": 0.0, "head": 0.0, "others": 0.1}
    own = studied.rows({**EXTENSION, "gain": gain}, nothing)
    assert own["drop_step"].isna().all() and own["loss_end"].isna().all()


@pytest.mark.parametrize("size", [30, 31])
def test_a_batch_of_all_samples_is_no_mini_batch(size: int) -> None:
    taught = {**EXTENSION, "batch_size": size}
    with pytest.raises(ValueError, match=rf"batch_size: {size} is no part of 30 samples"):
        studied.trained(taught, DATA)
    assert any_model.Plan().batch_size == 0


def test_inputs_of_which_centring_leaves_nothing_are_refused() -> None:
    same = {"kind": "two_features", "dim": 4, "strengths": [1.0], "overlap": 0, "noise": 0}
    drawn = {**same, "n_train": 2, "n_test": 2}
    refused = 0
    for seed in range(8):
        try:
            sample = datasets.make("same", drawn, seed)
        except datasets.DatasetError as error:
            assert "n_train: nothing is left of the 2 training inputs of same" in str(error)
            refused += 1
        else:
            assert np.isfinite(sample.X).all()
    assert 0 < refused < 8  # both samples on one side, or not


def test_settings_know_the_batch_of_weight_tickets() -> None:
    assert weight_tickets.Protocol().batch == conditions.TICKET_BATCH


def test_a_figure_of_what_never_happened_has_its_columns() -> None:
    never = pd.DataFrame({"x": [], "t_drop_10": []})
    line = style.summarise(never, ["x"], "t_drop_10")
    assert list(line.columns) == ["x", "mean", "low", "high", "quantity"] and line.empty
