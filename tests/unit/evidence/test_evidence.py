"""From tables to per-run values."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuron_race.evidence import collect
from neuron_race.settings import configuration

NAN = float("nan")
TABLES = {
    "task/small": pd.DataFrame(
        {"seed": [100, 101, 102], "x": [1.0, 2.0, 4.0], "y": [0.5, 0.5, 1.0], "condition": "small"}
    ),
    "task/large": pd.DataFrame(
        {"seed": [102, 101, 100], "x": [10.0, 20.0, 30.0], "y": 0.0, "condition": "large"}
    ),
    "task/huge": pd.DataFrame(
        {"seed": [100, 101, 102], "x": [3.0, NAN, 5.0], "y": 0.0, "condition": "huge"}
    ),
}


def read(table: str, runs: str) -> pd.DataFrame:
    assert table == "dynamics"
    return TABLES[runs]


def criterion(name: str = "one", **changes: Any) -> dict[str, Any]:
    base = {
        **{"name": name, "meaning": "a number", "table": "dynamics", "statistic": "x"},
        **{"runs": "task/small", "threshold": 0.5, "direction": "above"},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def gathered(**changes: Any) -> dict[int, float]:
    table = collect.collect([criterion(**changes)], read)
    assert (table["criterion"] == "one").all()
    return dict(zip(table["seed"], table["value"], strict=True))


def test_a_plain_statistic_is_a_column_by_seed() -> None:
    assert gathered() == {100: 1.0, 101: 2.0, 102: 4.0}


def test_minus_is_paired_by_seed_whatever_the_order_of_rows() -> None:
    assert gathered(minus="task/large") == {100: 1 - 30, 101: 2 - 20, 102: 4 - 10}


def test_minus_statistic_is_another_column_of_the_same_runs() -> None:
    assert gathered(minus_statistic="y") == {100: 0.5, 101: 1.5, 102: 3.0}


def test_a_seed_that_is_undefined_or_missing_on_one_side_stays_undefined() -> None:
    values = gathered(minus="task/huge")
    assert values[100] == -2 and np.isnan(values[101]) and values[102] == -1
    TABLES["task/short"] = TABLES["task/small"].iloc[:2]
    values = gathered(minus="task/short")
    assert values[100] == values[101] == 0 and np.isnan(values[102])


def test_a_run_that_a_table_has_twice_is_refused() -> None:
    TABLES["task/twice"] = TABLES["task/small"].iloc[[0, 1, 1]]
    with pytest.raises(ValueError, match="table dynamics of task/twice has a run twice"):
        gathered(runs="task/twice")


def test_a_trend_is_the_slope_against_the_doublings_of_x() -> None:
    points = [{"runs": "task/small", "x": 2}, {"runs": "task/large", "x": 8}]
    assert gathered(runs=None, trend=points) == pytest.approx(
        {100: 29 / 2, 101: 18 / 2, 102: 6 / 2}
    )
    three = [*points, {"runs": "task/huge", "x": 4}]
    values = gathered(runs=None, trend=three)
    # At log2 x = 1, 2, 3 the slope is half the difference of the ends.
    assert values[100] == pytest.approx(29 / 2) and np.isnan(values[101])


def test_several_criteria_stay_apart() -> None:
    table = collect.collect([criterion("a"), criterion("b", statistic="y")], read)
    assert table.groupby("criterion")["value"].sum().to_dict() == {"a": 7.0, "b": 2.0}


@pytest.mark.parametrize("changes", [{"statistic": "z"}, {"minus_statistic": "z"}])
def test_a_missing_column_is_named_with_those_that_exist(changes: dict[str, str]) -> None:
    with pytest.raises(KeyError, match=r"criterion one: table dynamics of task/small.*'z'.*x, y"):
        gathered(**changes)


def test_sources_are_all_tables_that_a_criterion_reads() -> None:
    plain = criterion(minus="task/large", table="race")
    assert configuration.sources(plain) == [("race", "task/small"), ("race", "task/large")]
    trend = criterion(runs=None, trend=[{"runs": "a/b", "x": 1}, {"runs": "c/d", "x": 2}])
    assert configuration.sources(trend) == [("dynamics", "a/b"), ("dynamics", "c/d")]


def test_rows_say_of_which_null_and_which_task_they_are() -> None:
    asked = [criterion("a"), criterion("a", runs="task/large", null="big")]
    table = collect.collect(asked, read, lambda runs, seed: f"{runs[5]}-{seed}")
    assert table["null"].isna().tolist() == [True] * 3 + [False] * 3
    assert set(table["null"].dropna()) == {"big"}
    by_seed = table[table["null"] == "big"].set_index("seed")
    assert by_seed.loc[102, "value"] == 10.0 and by_seed.loc[102, "task"] == "l-102"
