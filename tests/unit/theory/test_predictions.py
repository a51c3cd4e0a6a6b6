"""Predictions before training against runs: equal to them, and not if the race law is wrong."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from declared import check

from neuron_race.data import datasets
from neuron_race.evidence import claims, collect
from neuron_race.measures import laws as compared
from neuron_race.settings import dictionary
from neuron_race.studies import delays
from neuron_race.theory import laws, predictions
from neuron_race.training import conditions, runs

PAIRS = {"kind": "digit_pairs", "n_train": 200, "n_test": 50}
XOR = {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.1, "n_train": 200, "n_test": 50}
OPTIONS: dict[str, Any] = {
    **{"width": 100, "head": "gaussian", "alpha": 1e-4, "loss": "squared", "learning_rate": 0.1},
    **{"max_steps": 900, "dataset": "laws of the tests", "seeds": [3, 4, 50, 51], "device": "cpu"},
}


def predict_and_train(
    data: dict[str, Any], also: bool = False, **changes: Any
) -> tuple[dict[str, Any], runs.Trained]:
    options = {**OPTIONS, **changes}
    arrays = datasets.make_all(options["dataset"], data, options["seeds"])
    start = conditions.begin("laws", options, arrays)
    settled = predictions.settle(start, options)
    said = predictions.predict(start, settled, options, data, "laws", also, also)
    return said, runs.Trained(start, conditions.run(start, options), options)


@pytest.fixture(scope="module")
def pairs() -> tuple[dict[str, Any], runs.Trained]:
    return predict_and_train(PAIRS, also=True)


def test_the_drop_of_each_pair_of_digits_is_met(pairs: tuple[dict[str, Any], runs.Trained]) -> None:
    said, trained = pairs
    table = compared.table(trained, said)
    assert set(table) - {"seed"} == check(table, dictionary.TABLES["laws"], own(trained))
    assert table["drop_error"].abs().max() < 0.02
    # Pairs drop at other times: to tell them is more than to know when digits drop.
    assert table["drop_miss_mean"].mean() > 0.05 > table["drop_miss"].max()
    assert table["drop_error_shuffled"].max() < -0.3
    assert table["pruned_error"].abs().mean() < 0.06
    assert table["auroc_head_error"].abs().max() < 0.06
    assert table["groups_error"].isna().all()


def own(trained: runs.Trained) -> dict[str, Any]:
    return {**trained.options, "outputs": 1}


def test_tickets_chosen_before_training_are_as_late_as_told(
    pairs: tuple[dict[str, Any], runs.Trained],
) -> None:
    said, trained = pairs
    table = delays.table(trained, said)
    assert set(table) - {"seed"} == check(table, dictionary.TABLES["delays"], own(trained))
    for arm in predictions.TICKETS:
        assert table[f"delay_error_{arm}"].abs().mean() < 0.1, arm
    assert (table["delay_winners"] < table["delay_random"]).all()
    assert (table["delay_random"] < table["delay_losers"]).all()
    np.testing.assert_allclose(table["ratio_losers"], table["delay_losers"] / table["delay_random"])
    _, expected = laws.delay_ratios(0.2, "gaussian", 100, 64)
    np.testing.assert_allclose(table["ratio_error_losers"], table["ratio_losers"] / expected - 1)


def test_groups_of_clusters_and_the_columns_that_start_from_the_init() -> None:
    said, trained = predict_and_train(XOR, head="balanced", max_steps=1500, learning_rate=0.25)
    table = compared.table(trained, said)
    assert said["predicted"]["groups"]["law"] == "L4"
    assert table["groups_predicted"].tolist() == [laws.occupied_groups(4, 100)] * 4
    assert table["groups_error"].abs().max() < 0.2
    np.testing.assert_allclose(table["groups_over_axes"], table["groups"] / 4)
    doubling = np.asarray(said["predicted"]["doubling"]["values"])
    np.testing.assert_allclose(
        table["drop_from_start"], table["drop"] / doubling + np.log2(100 * 1e-8)
    )
    np.testing.assert_allclose(
        table["drop_gap"], (table["drop"] - table["drop_predicted"]) / doubling
    )


def test_conditions_of_one_draw_share_their_lanes() -> None:
    options = {**OPTIONS, "alpha": 1e-3, "loss": "logistic"}
    arrays = datasets.make_all("laws of the tests", PAIRS, options["seeds"])
    first = conditions.begin("laws", OPTIONS, arrays)
    other = conditions.begin("laws", options, arrays)
    one, two = (
        predictions.predict(other, predictions.settle(start, own), options, PAIRS, "laws", False)[
            "predicted"
        ]["drop_step"]["values"]
        for start, own in ((first, OPTIONS), (other, options))
    )
    np.testing.assert_allclose(one, two, atol=1)
    assert predictions.draw(OPTIONS, 1) == predictions.draw({**options, "bias": False}, 1)
    # Several outputs turn for as long as the plateau lasts, under the residual of their loss.
    assert predictions.draw(OPTIONS, 3) != predictions.draw(options, 3)
    for changed in ({"bias": True}, {"without": "labels"}, {"redraw_init": True}):
        assert predictions.draw(OPTIONS, 1) != predictions.draw({**OPTIONS, **changed}, 1)


BIAS = {"bias": True, "loss_target": 0.89, "learning_rate": 0.05}


def test_a_bias_is_a_constant_feature_of_the_inputs() -> None:
    """Predictions that forget it come far too late."""
    said, trained = predict_and_train(PAIRS, also=True, **BIAS)
    assert compared.table(trained, said)["drop_error"].abs().max() < 0.02
    late = delays.table(trained, said)
    for arm in ("random", "losers"):  # neurons that are told dead must be dead
        assert late[f"delay_error_{arm}"].abs().max() < 0.1, arm
    forgetful, _ = predict_and_train(PAIRS, **{**BIAS, "bias": False})
    assert compared.table(trained, forgetful)["drop_error"].abs().min() > 0.3


THREE = {"kind": "digits", "classes": [0, 1, 2], "n_train": 200, "n_test": 50}


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_drop_of_three_classes_and_of_their_tickets_is_met(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"loss": loss, "loss_target": 0.89, "learning_rate": 0.2, "max_steps": 600}
    said, trained = predict_and_train(THREE, also=True, **changes)
    table, late = compared.table(trained, said), delays.table(trained, said)
    for found, name in ((table, "laws"), (late, "delays")):
        known = check(found, dictionary.TABLES[name], {**trained.options, "outputs": 3})
        assert set(found) - {"seed"} == known
    assert table["drop_error"].abs().max() < 0.03
    assert table["drop_error_shuffled"].max() < -0.2
    assert table[["pruned_error", "pruned_error_closed"]].isna().all(axis=None)
    for arm in ("random", "losers"):
        assert late[f"delay_error_{arm}"].abs().mean() < 0.15, arm
    # With the other loss's residual of f = 0 the drop is missed.
    other = {"squared": "logistic", "logistic": "squared"}[loss]
    right = predictions._residual
    monkeypatch.setattr(predictions, "_residual", lambda Y, _: right(Y, other))
    settled = predictions.settle(trained.start, trained.options)
    wrong = predictions.predict(trained.start, settled, trained.options, THREE, "laws", False)
    assert compared.table(trained, wrong)["drop_miss"].min() > 0.1


def test_delays_of_a_head_without_a_closed_form_have_no_ratio_to_it() -> None:
    changes = {"head": "balanced", "loss_target": 0.89, "learning_rate": 0.2, "seeds": [3]}
    said, trained = predict_and_train(THREE, also=True, **changes)
    late = delays.table(trained, said)
    assert late[["ratio_error_winners", "ratio_error_losers"]].isna().all(axis=None)
    assert late["delay_losers"].gt(0).all()


def test_a_run_that_stops_at_a_loss_has_no_prediction_of_its_end() -> None:
    said, trained = predict_and_train(PAIRS, loss_target=0.89)
    table = compared.table(trained, said)
    assert table[["pruned_error", "pruned_error_closed"]].isna().all(axis=None)
    assert table["drop_error"].abs().max() < 0.02


def test_other_seeds_are_refused(
    pairs: tuple[dict[str, Any], runs.Trained],
) -> None:
    said, trained = pairs
    for compare in (compared.table, delays.table):
        with pytest.raises(ValueError, match="seeds"):
            compare(trained, {**said, "seed": [1]})


def test_a_wrong_exponent_in_the_race_law_changes_the_verdict(
    pairs: tuple[dict[str, Any], runs.Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Norm products that grew as exp(rate t) instead of exp(2 rate t) would drop far later."""
    said, trained = pairs
    claim = {
        **{"id": "laws", "title": "x", "statement": "x", "level": "our extension"},
        **{"equations": ["L5"], "expectation": "supported", "caveats": []},
        "criteria": [
            {
                **{"name": "drop", "meaning": "x", "table": "laws", "statistic": "drop_error"},
                **{"runs": "laws/gaussian", "direction": "within", "threshold": 0.1},
            }
        ],
    }

    def holds(table: pd.DataFrame) -> Any:
        evidence = collect.collect(claim["criteria"], lambda *_: table)
        return claims.judge(claim, evidence)[0]["holds"]

    assert holds(compared.table(trained, said)) is True
    wrong = laws._mean_field

    def half(features: Any, y: Any, loss: Any) -> Any:
        right = wrong(features, y, loss)

        def field(C: Any) -> Any:
            value, pull = right(C)
            return value, pull / 2

        return field

    monkeypatch.setattr(laws, "_mean_field", half)
    settled = predictions.settle(trained.start, trained.options)
    late = predictions.predict(trained.start, settled, trained.options, PAIRS, "laws", False)
    assert holds(compared.table(trained, late)) is False
