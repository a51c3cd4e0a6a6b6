"""Criteria that can only go wrong are refused before any job, with what is allowed."""

from typing import Any

import pytest
import yaml
from test_settings import COPIES, EXTENSION, REGISTER, Change, read

from neuron_race.settings import criteria
from neuron_race.settings.configuration import Settings, SettingsError

TREND = [{"runs": f"digits/{name}", "x": 2**i} for i, name in enumerate(["balanced", "gaussian"])]
CLASSES = {"kind": "digits", "classes": [1, 2, 3], "n_train": 90, "n_test": 90}


def configured(config: dict[str, Any]) -> None:
    """Beside the experiments: targets of each kind, tickets of weights, and three classes."""
    config["datasets"]["three"] = CLASSES
    config["experiments"]["digits"]["conditions"]["three"] = {"dataset": "three"}
    config["experiments"]["shapes"]["conditions"]["gaussian_too"] = {"dataset": "teacher"}
    config["experiments"]["large"] = {
        **{
            k: v
            for k, v in config["experiments"]["shapes"].items()
            if k not in ("dataset", "width")
        },
        "alpha": 1.0,
        "conditions": {"lazy": {"dataset": "teacher", "width": 7}},
    }
    config["weight_tickets"] = {"lenet": {"three": {"dataset": "three"}}}
    one = {**EXTENSION, "depth": 1, "conditions": {"gd": {}}}
    config["extensions"] = {
        "deep": EXTENSION,
        "plain": {**one, "study": "optimizers"},
        "tickets": {
            **EXTENSION,
            "study": "pruning_at_init",
            "percents": [30],
            "conditions": {"one": {"depth": 1}, "two": {"depth": 2}},
        },
        "filters": {
            **EXTENSION,
            "model": "convolution",
            "channels": 1,
            "conditions": {"raw": {"batch_norm": False}, "norm": {"batch_norm": True}},
        },
        "attention": {
            **EXTENSION,
            **{"model": "transformer", "tokens": 8, "embedding": 8, "heads": 2},
            "conditions": {"mlp": {"layer_norm": False, "skip": True}},
        },
    }


def asked(change: Change = lambda config: None, **changes: Any) -> Settings:
    """The first criterion, which asks for the rank of a forecast, with other keys."""
    register = yaml.safe_load(REGISTER)
    first = register["claims"]["racing"]["criteria"][0]
    first |= changes
    if "trend" in changes:
        del first["runs"]

    def both(config: dict[str, Any]) -> None:
        configured(config)
        change(config)

    return read(both, yaml.safe_dump(register))


def dynamics(statistic: str, **changes: Any) -> dict[str, Any]:
    return {"table": "dynamics", "statistic": statistic, **changes}


def extension(statistic: str, runs: str, **changes: Any) -> dict[str, Any]:
    return {"table": "extension", "statistic": statistic, "runs": runs, **changes}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": (
        {"statistic": "rho_forcast"},
        "ranks.statistic: 'rho_forcast' is none of rho_forecast{,_all}, .*closed_form_cost; "
        "nearest: rho_forecast, .*(table race of digits/gaussian)",
    ),
    "of_another_table": (dynamics("rho_forecast"), "'rho_forecast' is none of steps, loss_init"),
    "not_among_the_drops": (
        dynamics("alignment_at_drop_30"),
        "alignment_at_drop_30' is none of .*alignment_at_drop_{05,10,20}.*; nearest: alignment_at_",
    ),
    "minus_statistic_unknown": (
        {"minus_statistic": "rho_shuffled", "threshold": 0.1},
        "ranks.minus_statistic: 'rho_shuffled' is none of .*nearest: rho_forecast_shuffled",
    ),
    "no_column_of_the_minus": (
        {
            "table": "compression",
            "statistic": "greedy_loss_share",
            "minus": "digits/three",
        },
        "ranks.minus: 'greedy_loss_share' is none of .*(table compression of digits/three)",
    ),
    "no_column_of_a_point": (
        {
            "table": "compression",
            "statistic": "greedy_area",
            "trend": [*TREND, {"runs": "digits/three", "x": 8}],
        },
        "ranks.trend: 'greedy_area' is none of .*(table compression of digits/three)",
    ),
    "beyond_the_depth": (
        extension("alignment_3", "deep/two"),
        "ranks.statistic: 'alignment_3' is none of .*alignment_{mean,worst,1,2}",
    ),
    "no_worst": (extension("rotation_worst", "deep/two"), "'rotation_worst' is none of"),
    "no_layers": (
        extension("alignment_mean", "plain/gd"),
        "'alignment_mean' is none of .*alignment,",
    ),
    "no_heads": (extension("rho_heads_mean", "deep/two"), "'rho_heads_mean' is none of"),
    "not_among_the_percents": (
        extension("loss_snip_20", "tickets/one"),
        "'loss_snip_20' is none of .*loss_{.*snip,.*}_30",
    ),
    "no_layers_of_tickets": (extension("loss_snip_layers_30", "tickets/one"), "is none of"),
    "weights": (
        {"table": "weights", "runs": "lenet/three", "statistic": "speed"},
        "'speed' is none of accuracy_{winning,reinitialised,random_mask,full}",
    ),
    "proportion_of_a_real_number": (
        {"proportion": True},
        "ranks.proportion: rho_forecast is no statistic that is 0 or 1 in each run",
    ),
    "proportion_of_a_difference": (
        dynamics("fitted", minus="digits/balanced", proportion=True),
        "ranks.proportion: a difference or a slope is no proportion",
    ),
    "proportion_of_a_slope": (
        dynamics("fitted", trend=TREND, proportion=True),
        "ranks.proportion: a difference or a slope is no proportion",
    ),
    "proportion_not_said": (
        dynamics("fitted"),
        "ranks.proportion: must be true, for fitted is 0 or 1 in each run",
    ),
    "per_cent": (
        dynamics("dropped", proportion=True, threshold=70),
        "ranks.threshold: that of a proportion lies between 0 and 1, got 70",
    ),
    "all_runs": (
        dynamics("dropped", proportion=True, threshold=1),
        "ranks.threshold: that of a proportion lies between 0 and 1, got 1",
    ),
    "no_run": (
        dynamics("dropped", proportion=True, threshold=0, direction="below"),
        "ranks.threshold: that of a proportion lies between 0 and 1, got 0",
    ),
    "above_the_range": (
        {"threshold": 9},
        "ranks.threshold: above 9 can only fail: rho_forecast lies between -1 and 1",
    ),
    "at_its_end": ({"threshold": 1.0}, "ranks.threshold: above 1 can only fail"),
    "below_the_range": ({"threshold": -1.5}, "above -1.5 can only hold"),
    "below_what_is_above": (
        dynamics("steps", threshold=0, direction="below"),
        "below 0 can only fail: steps lies between 0 and 1500",
    ),
    "more_than_the_width": (
        dynamics("clusters_99", threshold=301, direction="below"),
        "below 301 can only hold: clusters_99 lies between 0 and 300",
    ),
    "a_wide_margin": (
        {"threshold": 2, "direction": "within"},
        "within ±2 can only hold: rho_forecast lies between -1 and 1",
    ),
    "a_margin_that_is_never_met": (
        {
            **{"table": "compression", "statistic": "random_area", "runs": "digits/gaussian"},
            "threshold": 0.5,
            "direction": "within",
        },
        "within ±0.5 can only hold: random_area lies between 0 and 0",
    ),
    "difference": (
        {"minus": "digits/balanced", "threshold": 2},
        "above 2 can only fail: the difference of rho_forecast lies between -2 and 2",
    ),
    "difference_of_two": (
        dynamics("clusters_per_neuron_99", minus_statistic="clusters_99", threshold=1),
        "above 1 can only fail: the difference of clusters_per_neuron_99 lies between -300 and 1",
    ),
    "slope": (
        {"trend": TREND, "threshold": -2.5},
        "above -2.5 can only hold: the slope of rho_forecast lies between -2 and 2",
    ),
    "itself": (
        {"minus": "digits/gaussian"},
        "ranks.minus: rho_forecast of digits/gaussian is taken twice",
    ),
    "its_own_statistic": (
        {"minus_statistic": "rho_forecast"},
        "ranks.minus_statistic: rho_forecast of digits/gaussian is taken twice",
    ),
    "a_point_twice": (
        {"trend": [*TREND, {**TREND[0], "x": 16}]},
        "ranks.trend: rho_forecast of digits/balanced is taken twice",
    ),
    "no_signs": (
        dynamics("second_group_rise", runs="digits/three"),
        "ranks.statistic: second_group_rise of digits/three is undefined with several outputs",
    ),
    "no_prediction": (
        {"table": "tickets", "statistic": "delay_error_redrawn"},
        "delay_error_redrawn of digits/gaussian is undefined always",
    ),
    "no_merge": (
        extension("merge_loss_change_mean", "filters/norm"),
        "merge_loss_change_mean of filters/norm is undefined behind a batch normalisation",
    ),
}


def pattern(words: str) -> str:
    """A regular expression in which only `.*` is special."""
    for special in "(){}+":
        words = words.replace(special, f"\\{special}")
    return words


@pytest.mark.parametrize("case", BAD)
def test_criteria_that_can_only_go_wrong_are_refused(case: str) -> None:
    changes, words = BAD[case]
    with pytest.raises(SettingsError, match=pattern(words)) as caught:
        asked(**changes)
    assert all(
        line.startswith("config/register.yaml: claims.racing.ranks.")
        for line in str(caught.value).splitlines()
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"statistic": "partial_head_all"},
        {"direction": "within"},
        {"threshold": -1},  # any but the lowest
        {"minus": "digits/balanced", "threshold": 1.5},
        {"trend": TREND, "threshold": 1.5},
        {"statistic": "rho_forecast_all", "minus_statistic": "rho_forecast", "threshold": 0},
        dynamics("fitted", proportion=True),
        dynamics("fitted", minus="digits/lazy"),
        dynamics("t_drop_05", threshold=1e9),
        dynamics("loss_end", runs="digits/three"),
        {"table": "compression", "statistic": "greedy_area"},
        {"table": "tickets", "statistic": "delay_error_losers"},
        {"table": "audit", "statistic": "forecast_changed", "threshold": 0},
        {"table": "weights", "runs": "lenet/three", "statistic": "winning_minus_full"},
        extension("rho_forecast_worst", "deep/two"),
        extension("alignment_2", "deep/two"),
        extension("alignment_2", "filters/norm"),
        extension("merge_loss_change_mean", "filters/raw"),
        extension("rho_heads_mean", "attention/mlp"),
        extension("rho_forecast", "plain/gd"),
        extension("loss_snip_layers_30", "tickets/two"),
    ],
    ids=str,
)
def test_criteria_that_can_decide_something_are_accepted(changes: dict[str, Any]) -> None:
    assert asked(**changes).claims["racing"]["criteria"][0].items() >= changes.items()


def test_columns_follow_from_the_settings_of_the_condition() -> None:
    def drops(config: dict[str, Any]) -> None:
        config["experiments"]["digits"]["conditions"]["gaussian"]["drops"] = [0.1, 0.3]

    assert asked(drops, **dynamics("alignment_at_drop_30"))
    with pytest.raises(SettingsError, match=r"drop_05' is none of .*t_drop_\{10,30\}"):
        asked(drops, **dynamics("t_drop_05"))
    with pytest.raises(SettingsError, match="'t_drop_30' is none of"):
        asked(drops, **dynamics("t_drop_30", runs="digits/balanced"))


def test_criteria_on_copies_are_checked_by_what_the_copies_are() -> None:
    def copied(config: dict[str, Any]) -> None:
        config["replicate"] = {
            "other": {"dataset": "three", "experiments": COPIES["other"]["experiments"]}
        }

    with pytest.raises(
        SettingsError, match=r"racing\.ranks_other\.statistic: 'greedy_area' is none"
    ):
        asked(copied, table="compression", statistic="greedy_area")


def test_all_faults_of_criteria_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        asked(
            statistic="rank",
            minus="digits/lukewarm",
            minus_statistic="rho",
            proportion=True,
            threshold=70,
        )
    said = str(caught.value)
    words = ("condition 'lukewarm'", ".statistic: 'rank'", ".minus_statistic: 'rho'")
    for word in (*words, "is no proportion", "got 70"):
        assert word in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "dynamics/digits/neuron.csv",
            "'dynamics/digits/neuron.csv' is none of dynamics/digits/runs.csv, "
            "dynamics/digits/neurons.csv, .*; nearest: dynamics/digits/neurons.csv",
        ),
        ("extension/deep/neurons.csv", "is none of extension/deep/runs.csv"),
        ("weights/lenet/details.csv", "is none of weights/lenet/runs.csv"),
        ("figure_1/digits/runs.csv", "is none of figure_1/digits/cosines.csv"),
        ("race/large/runs.csv", "is never made: no condition of large can be forecast"),
        ("tickets/digits/runs.csv", "only of conditions that a criterion reads from tickets"),
        ("audit/digits/runs.csv", "only of conditions that a criterion reads from audit"),
        ("race/digts/runs.csv", "'digts' is none of .*; nearest: digits"),
    ],
)
def test_figure_tables_that_no_job_makes_are_refused(path: str, words: str) -> None:
    register = yaml.safe_load(REGISTER)
    register["claims"]["racing"]["figure_tables"].append(path)
    with pytest.raises(SettingsError, match=rf"racing\.figure_tables: .*{words}"):
        read(configured, yaml.safe_dump(register))


def test_figure_tables_are_named_once() -> None:
    register = yaml.safe_load(REGISTER)
    register["claims"]["racing"]["figure_tables"] *= 2
    with pytest.raises(SettingsError, match=r"racing\.figure_tables: .*non-unique"):
        read(claims=yaml.safe_dump(register, default_flow_style=None))


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("tickets/digits/tickets.csv", {"table": "tickets", "statistic": "delay_losers"}),
        ("audit/digits/runs.csv", {"table": "audit", "statistic": "init_changed"}),
        ("figure_1/digits/cosines.csv", {}),
    ],
)
def test_figure_tables_that_a_job_makes_are_accepted(path: str, changes: dict[str, Any]) -> None:
    register = yaml.safe_load(REGISTER)
    claim = register["claims"]["racing"]
    claim["criteria"][0] |= changes
    claim["figure_tables"].append(path)
    assert path in read(configured, yaml.safe_dump(register)).claims["racing"]["figure_tables"]


def test_the_nearest_names_are_told() -> None:
    assert criteria.unknown("b", ["a"]) == "'b' is none of a"
    assert criteria.unknown("rat", ["rate", "x"]) == "'rat' is none of rate, x; nearest: rate"
    assert criteria.unknown("rat", ["rate"], ["r{ate}"]) == "'rat' is none of r{ate}; nearest: rate"
