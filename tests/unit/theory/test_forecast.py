"""Forecasts: functions of initial weights and data alone, and how they are scored."""

import inspect
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from small_runs import DIGITS, OPTIONS, digits, stack, train_on

from neuron_race.common import storage
from neuron_race.measures import dynamics, race
from neuron_race.theory import equations, forecast
from neuron_race.training import conditions, runs
from neuron_race.training.engine import train
from neuron_race.training.recipe import Recipe
from neuron_race.training.runs import Start, Trained

Array = NDArray[np.float64]
SEEDS = (0, 1)


def begin(
    data: dict[str, Any] = DIGITS, seeds: tuple[int, ...] = SEEDS, **changes: Any
) -> tuple[Start, dict[str, Any]]:
    options = {**OPTIONS, "width": 30, "seeds": list(seeds), **changes}
    return conditions.begin("race", options, stack(data, seeds)), options


def equal(one: dict[str, Array], other: dict[str, Array]) -> bool:
    assert set(one) == set(other)
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


# --- Circularity --------------------------------------------------------------------------------


def test_a_forecast_takes_nothing_that_comes_after_the_init() -> None:
    assert list(inspect.signature(forecast.forecast).parameters) == ["start", "options", "name"]
    assert {f.name for f in fields(Start)} == {
        "seed",
        "X",
        "Y",
        "X_test",
        "Y_test",
        "W",
        "A",
        "rank",
        "basis",  # of the data and the initial weights
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"max_steps": 5000},
        {"snapshots": 7},
        {"loss_target": 0.97, "max_weight_bytes": 10**9},
        {"drops": [0.1, 0.5], "stop_at_drop": True},
    ],
)
def test_what_happens_after_step_0_leaves_a_forecast_bit_for_bit(changes: dict[str, Any]) -> None:
    start, options = begin()
    first = forecast.forecast(start, options, "race")
    assert np.isfinite(first["norm_product"]).all() and (first["step"] > 1).all()
    assert equal(forecast.forecast(start, {**options, **changes}, "race"), first)


def test_neither_training_nor_test_labels_touch_a_forecast() -> None:
    start, options = begin()
    first = forecast.forecast(start, options, "race")
    conditions.run(start, {**options, "learning_rate": 0.1, "max_steps": 50})
    noise = np.random.default_rng(0).standard_normal
    other = replace(start, X_test=noise(start.X_test.shape), Y_test=noise(start.Y_test.shape))
    assert equal(forecast.forecast(other, options, "race"), first)


def test_initial_weights_training_data_and_labels_do() -> None:
    start, options = begin()
    first = forecast.forecast(start, options, "race")
    for other in (
        replace(start, W=1.01 * start.W),
        replace(start, A=-start.A),
        replace(start, X=1.01 * start.X),
        replace(start, Y=-start.Y),
    ):
        assert not equal(forecast.forecast(other, options, "race"), first)


def test_a_forecast_that_never_loses_a_tenth_ends_at_the_largest_part_that_it_does() -> None:
    data = {**DIGITS, "n_train": 240}
    start, options = begin(data, (0, 1), without="labels", width=4)
    budgets = [{**options, "max_steps": steps} for steps in (1200, 3000)]
    one, two = (forecast.forecast(start, budget, "race") for budget in budgets)
    for name in ("step", "norm_product", "norm_product_shuffled"):  # whatever the budget
        np.testing.assert_array_equal(one[name], two[name])
    recipe = replace(Recipe.of(options), freeze=("residual",), drops=())
    for s, step in enumerate(one["step"]):
        own = start.part([s])
        longer = replace(recipe, max_steps=int(1.3 * step), snapshots=400)
        left = train(own.X, own.Y, own.W, own.A, longer, explode=np.inf)
        loss = left.loss[0] / left.loss[0, 0]
        assert 0.9 < loss.min() < 0.98 and loss[-1] > loss.min() + 0.02  # and then it rises
        reached = max(part for part in forecast.DROPS if part < 1 - loss.min())
        assert loss[left.step < step].min() > 1 - reached
        near = np.abs(left.step - step).argmin()
        assert loss[near] == pytest.approx(1 - reached, abs=0.01)


def audited(folder: Path) -> pd.DataFrame:
    """The audit as the workflow does it: by way of files, against the stored forecast."""
    trained = digits()
    path = folder / "run.npz"
    runs.save(path, trained.start, trained.runs, {"parameters": {"options": trained.options}})
    storage.write_arrays(path, forecast.noise(storage.read_arrays(path)))
    stored = forecast.forecast(trained.start, trained.options, "small")["norm_product"]
    return forecast.audit(trained, runs.load(path), stored, "small")


def test_the_audit_finds_honest_forecasts_and_a_leak(tmp_path: Path) -> None:
    table = audited(tmp_path)
    assert table["seed"].tolist() == [0]
    assert table["forecast_changed"].tolist() == table["budget_changed"].tolist() == [0]
    assert table["init_changed"].iloc[0] > 1e-3 and table["leak_changed"].iloc[0] > 0.5
    for name in ("init_changed", "leak_changed"):
        assert np.allclose(table[f"{name}_log10"], np.log10(table[name]))


def test_the_audit_catches_a_run_file_whose_end_leaks_into_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = runs.load

    def leaking(path: Path) -> Trained:
        trained = honest(path)
        return replace(trained, start=replace(trained.start, W=trained.runs.W_events[:, -1]))

    monkeypatch.setattr(runs, "load", leaking)
    assert audited(tmp_path)["forecast_changed"].iloc[0] > 0.1


def test_the_audit_catches_a_forecast_that_peeks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A forecast whose end depends on the step budget, as one would that runs the real training.
    honest = forecast.forecast

    def peeking(start: Start, options: dict[str, Any], name: str) -> dict[str, Array]:
        result = honest(start, options, name)
        result["norm_product"] = result["norm_product"] * options["max_steps"]
        return result

    monkeypatch.setattr(forecast, "forecast", peeking)
    assert audited(tmp_path)["budget_changed"].iloc[0] == pytest.approx(1)


def test_noise_leaves_the_start_alone() -> None:
    arrays = {"W_events": np.ones((1, 3, 2, 2)), "loss": np.ones((1, 4)), "X": np.ones((1, 2, 2))}
    arrays |= {"event_step": np.array([[0, 5, 9]])}
    noisy = forecast.noise(arrays)
    assert (noisy["W_events"][:, 0] == 1).all() and (noisy["X"] == 1).all()
    assert (noisy["W_events"][:, 1:] != 1).all() and (noisy["loss"][:, 1:] != 1).all()
    assert (arrays["loss"] == 1).all()
    spanned = {**arrays, "W_events_span": arrays["W_events"], "basis": np.ones((1, 4, 2))}
    noisy = forecast.noise(spanned)
    assert (noisy["W_events_span"][:, 0] == 1).all() and (noisy["basis"] == 1).all()
    assert (noisy["W_events_span"][:, 1:] != 1).all()


# --- What is forecast ---------------------------------------------------------------------------


def test_the_forecast_integrates_e1_with_the_residual_at_zero_until_its_own_drop() -> None:
    start, options = begin(seeds=(3,), alpha=1e-2)
    result = forecast.forecast(start, options, "race")
    X, Y, W, A = start.X[0], start.Y[0], start.W[0], start.A[0]
    rest, W = W[:, X.shape[1] :], W[:, : X.shape[1]]
    first = equations.loss_value(equations.network_output(W, A, X), Y)
    step = 0
    while equations.loss_value(equations.network_output(W, A, X), Y) > 0.9 * first:
        d_w, d_a = equations.neuron_velocity(W, A, X, Y)
        W, A, step = W + 0.25 * d_w, A + 0.25 * d_a, step + 1
    whole = np.concatenate([W, rest], axis=1)
    c = np.linalg.norm(whole, axis=1) * np.linalg.norm(A, axis=1)
    assert result["step"].tolist() == [step] and step > 5
    np.testing.assert_allclose(result["norm_product"][0], c, rtol=1e-9)


def test_the_race_score_is_that_of_the_closed_form_with_the_pull_at_init() -> None:
    start, options = begin(seeds=(3,))
    X, Y, W, A = start.X[0], start.Y[0], start.W[0], start.A[0]
    gates = X @ W[:, : X.shape[1]].T > 0
    expected = []
    for j in range(len(W)):
        D = (gates[:, j, None] * Y * X).mean(axis=0)
        expected.append((A[j, 0] + W[j, : X.shape[1]] @ D / np.linalg.norm(D)) ** 2)
    np.testing.assert_allclose(forecast.forecast(start, options, "race")["race_score"][0], expected)


def test_a_batch_is_forecast_as_one_by_one() -> None:
    start, options = begin()
    together = forecast.forecast(start, options, "race")
    for s, seed in enumerate(SEEDS):
        alone = forecast.forecast(*begin(seeds=(seed,)), "race")
        assert alone["step"][0] == together["step"][s]
        # Runs of a batch share the rank of the reduction, hence rounding alone.
        for name in ("norm_product", "norm_product_shuffled", "race_score"):
            np.testing.assert_allclose(alone[name][0], together[name][s], rtol=1e-9)


def test_the_control_shuffles_labels_and_keeps_the_time() -> None:
    start, options = begin()
    result = forecast.forecast(start, options, "race")
    shuffled, own = result["norm_product_shuffled"], result["norm_product"]
    assert np.isfinite(shuffled).all() and (shuffled.sum(axis=1) < own.sum(axis=1)).all()
    other = forecast.forecast(start, options, "another experiment")
    assert not np.array_equal(other["norm_product_shuffled"], shuffled)
    np.testing.assert_array_equal(other["norm_product"], own)


def test_a_forecast_that_never_drops_is_undefined() -> None:
    start, options = begin(max_steps=3)
    result = forecast.forecast(start, options, "race")
    assert (result["step"] == -1).all()
    assert (
        np.isnan(result["norm_product"]).all() and np.isnan(result["norm_product_shuffled"]).all()
    )
    trained = Trained(start, conditions.run(start, options), options)
    table = race.tables(trained, dynamics.tables(trained)["neurons"], result)["runs"]
    defined = table.drop(columns="seed").filter(regex="forecast").notna()
    assert not defined.any(axis=None)


def test_neurons_closed_on_all_data_do_not_race() -> None:
    start, options = begin({**DIGITS, "centre": False}, (0,), width=60)
    dead = ~(start.X[0] @ start.W[0][:, : start.X.shape[2]].T > 0).any(axis=0)
    assert 0 < dead.sum() < 60
    result = forecast.forecast(start, options, "race")
    assert (result["race_score"][0, dead] == 0).all() and (result["race_score"][0, ~dead] > 0).all()
    before = np.linalg.norm(start.W[0], axis=1) * np.linalg.norm(start.A[0], axis=1)
    np.testing.assert_allclose(result["norm_product"][0, dead], before[dead])


# --- Scores -------------------------------------------------------------------------------------


def test_partial_rank_correlation_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal(60)
    a, b = z + rng.standard_normal(60), np.exp(z + rng.standard_normal(60))
    ab, az, bz = (float(spearmanr(u, v).statistic) for u, v in ((a, b), (a, z), (b, z)))
    expected = (ab - az * bz) / np.sqrt((1 - az**2) * (1 - bz**2))
    assert race.partial_rank_correlation(a, b, [z]) == pytest.approx(expected)
    assert ab > 0.3 > abs(expected)  # the third explains most of it


def test_partial_rank_correlation_by_hand() -> None:
    a, b = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 5])
    z = np.array([1.0, 1, 2, 2, 2])  # ranks 1.5, 1.5, 4, 4, 4
    # Within the groups of z, a has residuals ∓.5 and -1, 0, 1; b has ±.5 and 0, -1, 1.
    expected = (-0.25 - 0.25 + 0 + 0 + 1) / 2.5
    assert race.partial_rank_correlation(a, b, [z]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "z"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 1, 2]),  # too few points
        ([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1], [1, 3, 2, 5, 4, 6]),  # constant
        ([1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 6, 5], [1, 2, 3, 4, 5, 6]),  # nothing left of a
    ],
)
def test_an_undefined_partial_correlation_is_nan(a: list[int], b: list[int], z: list[int]) -> None:
    arrays = (np.array(v, dtype=float) for v in (a, b, z))
    first, second, third = arrays
    assert np.isnan(race.partial_rank_correlation(first, second, [third]))


def scored(outcome: Array, guess: Array) -> pd.Series:
    """Scores of a guess on the active neurons of a trained net, whose outcomes are replaced."""
    trained = digits()
    neurons = dynamics.tables(trained)["neurons"]
    neurons["norm_product_end"], neurons["active"], neurons["cluster_99"] = outcome, True, 0
    made = {
        **{
            "norm_product": guess[None],
            "norm_product_shuffled": guess[None],
            "race_score": guess[None],
        },
        **{"step": np.array([10]), "seed": np.array([0])},
    }
    return race.tables(trained, neurons, made)["runs"].iloc[0]


def test_a_perfect_a_reversed_and_a_useless_forecast() -> None:
    outcome = np.random.default_rng(0).permutation(60).astype(float) + 1
    perfect, reverse = scored(outcome, outcome**3), scored(outcome, -outcome)
    assert perfect["rho_forecast"] == perfect["rho_forecast_all"] == pytest.approx(1)
    assert perfect["auroc_forecast"] == 1 and reverse["auroc_forecast"] == 0
    assert reverse["rho_forecast"] == pytest.approx(-1)
    useless = scored(outcome, np.random.default_rng(1).random(60))
    assert abs(useless["rho_forecast"]) < 0.4 and 0.25 < useless["auroc_forecast"] < 0.75


def test_winners_are_the_top_fifth() -> None:
    outcome = np.arange(60.0) + 1
    guess = np.where(np.arange(60) >= 48, 2.0, 1.0)  # right on the fifth, blind within
    assert scored(outcome, guess)["auroc_forecast"] == 1
    assert scored(outcome, np.where(np.arange(60) >= 36, 2.0, 1.0))[
        "auroc_forecast"
    ] == pytest.approx(1 - 0.5 * 12 / 48)


def test_a_real_race_is_forecast_well_and_its_control_worse() -> None:
    trained = train_on(DIGITS, SEEDS)
    result = forecast.forecast(trained.start, trained.options, "small")
    tables = race.tables(trained, dynamics.tables(trained)["neurons"], result)
    row = tables["runs"].mean()
    assert row["rho_forecast"] > 0.9 and row["auroc_forecast"] > 0.8
    assert row["rho_forecast_all"] > row["rho_forecast_shuffled_all"] + 0.1
    assert row["forecast_step_ratio"] == pytest.approx(1, abs=0.1)
    assert len(tables["neurons"]) == 120 and tables["runs"]["seed"].tolist() == [0, 1]


def test_a_forecast_outlives_the_explosion_of_the_frozen_loss() -> None:
    # One run of the batch drops early and grows on while the other is still on its plateau.
    start, options = begin(alpha=1e-4)
    start = replace(start, X=start.X * np.array([3.0, 0.3])[:, None, None])
    result = forecast.forecast(start, {**options, "max_steps": 5000}, "race")
    assert 0 < 3 * result["step"][0] < result["step"][1]
    assert np.isfinite(result["norm_product"]).all()


def test_three_neurons_have_no_winners_and_a_constant_explains_nothing() -> None:
    trained = digits()
    neurons = dynamics.tables(trained)["neurons"]
    neurons["active"] = neurons.index < 3
    told = forecast.forecast(trained.start, trained.options, "small")
    assert np.isnan(race.tables(trained, neurons, told)["runs"]["auroc_forecast"]).all()
    a = np.arange(6.0)
    assert np.isnan(race.partial_rank_correlation(a, a[[1, 0, 3, 2, 5, 4]], [np.ones(6)]))


def test_the_rate_of_a_forecast_is_that_of_the_weights_not_of_their_product() -> None:
    """A lone lane ends at the escape rate of E6; its norm product grows at twice that."""
    trained = digits(alpha=1e-6)
    told = forecast.forecast(trained.start, trained.options, "small")
    start = trained.start
    X = start.X[0]
    fastest = equations.escape_rate(start.W[0, :, : X.shape[1]], start.A[0], X, start.Y[0])
    step = trained.recipe.learning_rate
    assert told["rate"][0] == pytest.approx(equations.effective_rate(fastest, step), rel=0.05)


def test_the_audit_shakes_initial_weights_by_a_hundredth(tmp_path: Path) -> None:
    changed = audited(tmp_path)["init_changed"]
    assert changed.between(1e-3, 0.1).all()
