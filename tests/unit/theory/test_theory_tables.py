"""The tables that compare closed form, numerical flow and trained network.

Every error must lie below its tolerance, and a wrong formula must push one above it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuron_race.theory import checks, equations, race_checks

OTHER_SEED = 8


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return checks.tables()


def failing(rows: list[dict[str, Any]]) -> list[str]:
    """Names of the comparisons that exceed their tolerance; NaN counts as exceeding."""
    return [row["name"] for row in rows if not row["error"] <= row["tolerance"]]


def test_errors_lie_within_what_the_theory_allows(tables: dict[str, pd.DataFrame]) -> None:
    errors = tables["errors"]
    assert errors["name"].is_unique
    assert failing(errors.to_dict("records")) == []
    # The exact case, gates and residual fixed: 1e-4, by integrator and by engine.
    exact = errors[
        errors["name"].str.startswith("numerical flow,") | errors["name"].str.contains("rate to 0")
    ]
    assert len(exact) == 8
    assert exact["error"].max() < 1e-4


def test_tables_are_tidy_and_complete(tables: dict[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        assert len(table), name
        assert not table.isna().any().any(), name
    race = tables["race"]
    assert {*race["source"]} == {
        "closed form",
        "numerical flow",
        "engine frozen",
        "trained network",
    }
    assert not race.duplicated(["case", "neuron", "time", "quantity", "source"]).any()
    assert {*race["neuron"]} == set(range(race_checks.SHOWN))


def test_the_error_of_the_frozen_engine_is_the_steps() -> None:
    name = "engine frozen, balanced head: norm_product"
    found = [
        next(row["error"] for row in race_checks.race(rate=rate)[1] if row["name"] == name)
        for rate in (0.04, 0.02)
    ]
    assert found[0] / found[1] == pytest.approx(2, rel=0.02)


def test_flipping_gates_and_not_training_break_the_closed_form(
    tables: dict[str, pd.DataFrame],
) -> None:
    race = tables["race"][tables["race"]["quantity"] == "norm_product"]
    wide = race.pivot(index=["case", "time", "neuron"], columns="source", values="value")
    ratio = np.abs(np.log(wide["trained network"] / wide["closed form"])).groupby("case").max()
    assert ratio["free"] > np.log(2)
    assert ratio["mirrored"] < 0.05


@pytest.mark.parametrize("part", [checks.escape, checks.limit])
def test_another_seed_agrees(part: Callable[[int], tuple[pd.DataFrame, list[Any]]]) -> None:
    assert failing(part(OTHER_SEED)[1]) == []


# --- A wrong formula is noticed -----------------------------------------------------------------

ORIGINAL = {
    name: getattr(equations, name)
    for name in ("race_law", "race_law_unbalanced", "effective_rate", "conservation_drift")
}
WRONG: dict[str, tuple[Callable[..., Any], str, Callable[..., Any], list[str]]] = {
    "tau doubled": (
        lambda: race_checks.race(rate=0.04),
        "race_law",
        lambda c0, cos, tau: ORIGINAL["race_law"](c0, cos, 2 * np.asarray(tau)),
        ["balanced", "first gate flip", "mirrored"],
    ),
    "time too long by one percent": (
        lambda: race_checks.race(rate=0.04),
        "race_law_unbalanced",
        lambda w, a, D, t: ORIGINAL["race_law_unbalanced"](w, a, D, 1.01 * np.asarray(t)),
        ["numerical flow, gaussian", "rate to 0, gaussian"],
    ),
    "finite step ignored": (
        checks.escape,
        "effective_rate",
        lambda rate, step=None: rate,
        ["trained network: slope"],
    ),
    "output's rate for the weights'": (
        checks.escape,
        "effective_rate",
        lambda rate, step=None: 2 * ORIGINAL["effective_rate"](rate, step),
        ["trained network: slope", "numerical flow: slope"],
    ),
    "lanes' rates squared": (
        checks.limit,
        "effective_rate",
        lambda rate, step=None: ORIGINAL["effective_rate"](rate, step) ** 2,
        ["trained network: power"],
    ),
    "drift of the wrong sign": (
        checks.conservation,
        "conservation_drift",
        lambda w, a, rate: -ORIGINAL["conservation_drift"](w, a, rate),
        ["trained network: drift"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_exceeds_the_tolerance(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, function, wrong, expected = WRONG[name]
    monkeypatch.setattr(equations, function, wrong)
    failed = failing(compute()[1])
    for part in expected:
        assert any(part in entry for entry in failed), f"{part} not among {failed}"
