"""The same tasks drawn anew: what decides how much of the variance between runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuron_race.common.validation import SettingsError
from neuron_race.data import datasets
from neuron_race.evidence import claims, phrases, statistics
from neuron_race.settings import configuration, nulls, reading
from neuron_race.training import conditions

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = reading.read_yaml(ROOT / "config/config.yaml")
SETTINGS = configuration.read(DEFAULT, ROOT)


@pytest.mark.parametrize(
    ("task", "split", "init"), [(3.0, 1.0, 0.0), (0.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 2.0)]
)
def test_variance_is_split_as_it_was_made(task: float, split: float, init: float) -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    of_task, one, other = (rng.standard_normal(n) for _ in range(3))
    first, second = rng.standard_normal(n), rng.standard_normal(n)
    run = task * of_task + split * one + init * first
    shares = statistics.components(run, run + init * (second - first), run + split * (other - one))
    whole = task**2 + split**2 + init**2
    for name, size in (("task", task), ("split", split), ("init", init)):
        assert shares[name] == pytest.approx(size**2 / whole, abs=0.03)


def test_what_does_not_vary_has_no_shares() -> None:
    same = np.ones(5)
    assert np.isnan(list(statistics.components(same, same, same).values())).all()


def test_an_init_drawn_anew_is_another_on_the_same_data() -> None:
    rng = np.random.default_rng(0)
    data = {name: rng.standard_normal((2, 8, 4)) for name in ("X", "X_test")}
    data |= {name: rng.standard_normal((2, 8, 1)) for name in ("Y", "Y_test")}
    options = {"width": 6, "head": "gaussian", "alpha": 0.1, "seeds": [0, 1]}
    one, again = (
        conditions.begin("x", {**options, **o}, data) for o in ({}, {"redraw_init": True})
    )
    assert np.array_equal(one.X, again.X) and not np.isclose(one.W, again.W).any()


def test_a_split_drawn_anew_is_of_the_same_pair() -> None:
    options = SETTINGS.datasets["digit_pairs"]
    one, again = (
        datasets.make(name, options, 1203) for name in ("digit_pairs", "digit_pairs_again")
    )
    assert not np.array_equal(one.X, again.X)
    # Means of both classes are nearly the same: the same two digits.
    for sign in (1, -1):
        means = [own.X[own.Y[:, 0] == sign].mean(axis=0) for own in (one, again)]
        assert np.corrcoef(*means)[0, 1] > 0.95


def test_effects_are_asked_of_tasks_drawn_anew_and_differences_are_not() -> None:
    asked = nulls.redrawn(SETTINGS, "pruning")
    named = {(row["name"], row["null"]): row["runs"] for row in asked}
    assert named["as_good_as_greedy", "other_init"] == "pair/other_init"
    assert named["as_good_as_greedy", "other_split"] == "pair/other_split"
    assert not any(name in {"less_than_lazy", "random_loss"} for name, _ in named)


def test_copies_on_other_data_are_drawn_anew_on_these() -> None:
    found = nulls.copied_runs(
        {"other_init": {"pair/gaussian": "pair/other_init"}},
        {"mnist": {"experiments": {"pair": {}}}},
    )
    assert found["other_init"]["pair_mnist/gaussian"] == "pair_mnist/other_init"


@pytest.mark.parametrize(
    ("condition", "options", "message"),
    [
        (
            "other_init",
            {"redraw_init": False},
            "pair/other_init has the same redraw_init",
        ),
        ("other_init", {"redraw_init": True, "max_steps": 3}, "differs in max_steps too"),
        ("other_split", {"dataset": "digit_pairs"}, "has the same dataset: digit_pairs"),
    ],
)
def test_runs_that_are_not_drawn_anew_are_refused(
    condition: str, options: dict[str, Any], message: str
) -> None:
    pair = DEFAULT["experiments"]["pair"]
    changed = {**pair, "conditions": {**pair["conditions"], condition: options}}
    config = {**DEFAULT, "experiments": {**DEFAULT["experiments"], "pair": changed}}
    with pytest.raises(SettingsError, match=message):
        configuration.read(config, ROOT)


def test_a_split_of_another_data_set_is_no_redraw() -> None:
    pair = {**DEFAULT["experiments"]["pair"], "dataset": "digits"}
    config = {**DEFAULT, "experiments": {**DEFAULT["experiments"], "pair": pair}}
    asked = nulls.redrawn(configuration.read(config, ROOT), "pruning")
    assert {row["null"] for row in asked} == {"other_init"}


def test_the_verdict_tells_shares_where_tasks_were_drawn_anew() -> None:
    tasks = ["0-1", "2-3", "4-5", "0-2"]
    own = np.array([1.0, 2.0, 3.0, 4.0])
    parts = {None: own, "other_init": own + 0.1, "other_split": own - 1.0}
    values = pd.concat(
        pd.DataFrame(
            {"criterion": "c", "null": name, "seed": range(4), "task": tasks, "value": value}
        )
        for name, value in parts.items()
    )
    row = claims._drawn_anew(values)
    assert row["variance_split"] == pytest.approx(0.5 / own.var(ddof=1))
    assert "variance: task 70 %, split 30 %, init 0 %" in phrases.spread(
        {"n_tasks": 4, "share": 1.0, **row}
    )
    alone = claims._drawn_anew(values[values["null"].isna()])
    assert np.isnan(alone["variance_task"])
