"""From tables to verdicts."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd
import pytest

from neuron_race.evidence import claims, phrases, reports

NAN = float("nan")


def criterion(name: str = "one", **changes: Any) -> dict[str, Any]:
    base = {
        **{"name": name, "meaning": "a number", "table": "dynamics", "statistic": "x"},
        **{"runs": "task/small", "threshold": 0.5, "direction": "above"},
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def claim(*criteria: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        **{"id": "racing", "title": "A race", "statement": "They race.", "level": "abstract"},
        **{"equations": ["E5"], "expectation": "supported", "caveats": ["One layer."]},
        **{"criteria": list(criteria), **changes},
    }


# --- Status -------------------------------------------------------------------------------------


def row(holds: bool | None, control: bool = False, confirmatory: bool = True) -> Mapping[str, Any]:
    return {"holds": holds, "is_control": control, "confirmatory": confirmatory}


STATUS: list[tuple[list[bool | None], list[bool | None], str]] = [
    ([True], [True], "supported"),
    ([True, True], [True, True], "supported"),
    ([True], [False], "partly supported"),
    ([True, True], [True, False], "partly supported"),
    ([True], [None], "inconclusive"),
    ([True], [None, False], "partly supported"),
    ([True], [], "inconclusive"),  # an effect without a control proves nothing
    ([True, False], [True], "partly supported"),
    ([True, None], [True], "inconclusive"),
    ([True, False, None], [True], "partly supported"),
    ([False], [True], "not supported"),
    ([False, None], [True], "not supported"),
    ([False], [False], "not supported"),
    ([None], [True], "inconclusive"),
    ([], [True], "inconclusive"),
    ([], [], "inconclusive"),
]


@pytest.mark.parametrize(("effects", "controls", "expected"), STATUS)
def test_status_truth_table(
    effects: list[bool | None], controls: list[bool | None], expected: str
) -> None:
    rows = [row(holds) for holds in effects] + [row(holds, control=True) for holds in controls]
    assert claims.status(rows) == claims.status(rows[::-1]) == expected
    # What is exploratory decides nothing.
    for holds, control in product((True, False, None), (True, False)):
        assert claims.status([*rows, row(holds, control, confirmatory=False)]) == expected


def values(**by_name: list[float]) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame(
            {
                **{"criterion": name, "null": None, "seed": range(100, 100 + len(v))},
                **{"task": None, "value": v},
            }
        )
        for name, v in by_name.items()
    )


HIGH = [0.8, 0.82, 0.78, 0.81, 0.79, 0.8, 0.83, 0.77]
LOW = [0.1, 0.12, 0.08, 0.11, 0.09, 0.1, 0.13, 0.07]
TWO = (criterion("effect"), criterion("lazy", direction="below", control=True))


def verdict(preset: str = "default", **by_name: list[float]) -> dict[str, Any]:
    return claims.verdict(claim(*TWO), values(**by_name), preset, {}, ["figures/racing.png"])


def test_a_clear_case_is_supported_and_its_numbers_are_right() -> None:
    result = verdict(effect=HIGH, lazy=LOW)
    assert result["status"] == "supported" and result["claim"] == "racing"
    assert result["n_runs"] == 8 and result["caveats"] == ["One layer."]
    effect = result["criteria"][0]
    assert effect["estimate"] == pytest.approx(0.8)
    assert 0.77 < effect["ci_low"] < 0.8 < effect["ci_high"] < 0.83
    assert effect["holds"] is True and effect["is_control"] is False
    small, large = sorted(c["p_value"] for c in result["criteria"])
    adjusted = sorted(c["p_holm"] for c in result["criteria"])
    assert adjusted == pytest.approx([2 * small, max(2 * small, large)])


def test_a_control_that_does_not_fail_costs_the_support_and_is_named() -> None:
    result = verdict(effect=HIGH, lazy=HIGH)
    assert result["status"] == "partly supported"
    assert "Control lazy did not fail as the theory predicts." in result["caveats"]


def test_one_undefined_run_makes_a_criterion_undecided_and_is_told() -> None:
    result = verdict(effect=[*HIGH[:-1], NAN], lazy=LOW)
    assert result["status"] == "inconclusive"
    assert result["criteria"][0]["holds"] is None and result["criteria"][0]["n_undefined"] == 1
    assert "effect: undefined in 1 of 8 runs." in result["caveats"]


def test_a_vacuous_statistic_is_inconclusive_on_either_side() -> None:
    assert verdict(effect=[NAN] * 8, lazy=LOW)["status"] == "inconclusive"
    assert verdict(effect=HIGH, lazy=[NAN] * 8)["status"] == "inconclusive"
    assert verdict(effect=[], lazy=LOW)["status"] == "inconclusive"
    assert verdict(effect=[0.8], lazy=[0.1])["status"] == "inconclusive"


def test_a_straddling_interval_is_inconclusive_and_a_wrong_one_not_supported() -> None:
    assert verdict(effect=[0.3, 0.7] * 4, lazy=LOW)["status"] == "inconclusive"
    assert verdict(effect=LOW, lazy=LOW)["status"] == "not supported"


@pytest.mark.parametrize(
    ("preset", "warned"), [("smoke", True), ("default", False), ("full", False)]
)
def test_verdicts_of_the_smoke_preset_say_so_first(preset: str, warned: bool) -> None:
    result = verdict(preset, effect=HIGH, lazy=LOW)
    assert result["preset"] == preset
    assert result["caveats"][0].startswith("Smoke preset: too few runs") is warned


def test_holm_counts_confirmatory_criteria_alone() -> None:
    weak = [0.53, 0.49, 0.56, 0.58, 0.48, 0.55, 0.53, 0.5]
    criteria = [criterion(name) for name in ("a", "b", "c")]
    data = values(a=weak, b=weak, c=weak, d=weak)
    alone = claims.judge(claim(criteria[0]), data)[0]
    three = claims.judge(claim(*criteria), data)
    assert [r["p_holm"] for r in three] == pytest.approx([3 * alone["p_value"]] * 3)
    # An exploratory criterion neither pays nor makes others pay.
    more = claims.judge(claim(*criteria, criterion("d", confirmatory=False)), data)
    assert [r["p_holm"] for r in more[:3]] == [r["p_holm"] for r in three]
    assert more[3]["p_holm"] == more[3]["p_value"] == pytest.approx(alone["p_value"])
    assert 0.005 < alone["p_value"] < 0.05 < three[0]["p_holm"]
    assert alone["ci_low"] > 0.5 and alone["holds"] is True and three[0]["holds"] is None


# --- Summaries ----------------------------------------------------------------------------------


def test_scoreboard_corrects_over_all_claims() -> None:
    verdicts = [
        verdict(effect=HIGH, lazy=LOW),
        {**verdict(effect=LOW, lazy=LOW), "claim": "merging"},
    ]
    table = claims.scoreboard(verdicts)
    assert table["claim"].tolist() == ["racing"] * 2 + ["merging"] * 2
    p = sorted(table["p_value"])
    assert table["p_holm_all_claims"].min() == pytest.approx(4 * p[0])
    assert (table["p_holm_all_claims"] >= table["p_holm"] - 1e-15).all()


def test_report_shows_undefined_numbers_undecided_criteria_and_caveats() -> None:
    text = reports.report([verdict("smoke", effect=[NAN] * 8, lazy=LOW)])
    assert "## racing\n" in text and "**inconclusive**" in text
    assert "undefined [undefined, undefined]" in text
    assert "undecided" in text and "- Smoke preset" in text and "| 1 of 1 |" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines[:3]}) == 1


def test_numbers_have_three_digits() -> None:
    assert [phrases.number(x) for x in (0.12345, 1234.5, None, NAN, -2.0)] == [
        "0.123",
        "1.23e+03",
        "undefined",
        "undefined",
        "-2",
    ]


# --- Words --------------------------------------------------------------------------------------


@pytest.fixture
def judged() -> dict[str, Any]:
    entry = claim(
        criterion("ranks", threshold=0.5),
        criterion("lazy", control=True, direction="below", threshold=0.1),
        criterion("margin", confirmatory=False, direction="within", threshold=2.0),
    )
    rows = [("ranks", [1.0, 2.0, 3.0, 2.0]), ("lazy", [1.0, 1.0, 1.0, 1.0]), ("margin", [0.1] * 4)]
    values = pd.DataFrame(
        [
            {"criterion": name, "null": None, "seed": seed, "task": None, "value": value}
            for name, own in rows
            for seed, value in enumerate(own)
        ]
    )
    return claims.verdict(entry, values, "default", {}, ["figures/racing.png"])


def test_an_explanation_says_all_that_the_verdict_says(judged: dict[str, Any]) -> None:
    text = reports.explanation(judged, {"E5": "the race law"}, "data set digits", "3 s")
    assert "racing: PARTLY SUPPORTED" in text and "E5  the race law" in text
    blocks = text.split("\n\n")
    (effects,) = (b for b in blocks if b.startswith("Criteria"))
    (controls,) = (b for b in blocks if b.startswith("Controls"))
    (exploratory,) = (b for b in blocks if b.startswith("Exploratory"))
    assert "+ ranks: 2 [" in effects and "asked above 0.5: holds" in effects
    assert "- lazy: 1 [1, 1], asked below 0.1: does not hold" in controls
    assert "+ margin: 0.1 [0.1, 0.1], asked within ±2: holds" in exploratory
    assert "One layer." in text and "Control lazy did not fail" in text.replace("\n    ", " ")
    assert "snakemake --cores all racing" in text
    assert "Made of   data set digits" in text and "Cost      3 s" in text


def test_an_answer_is_part_of_explanation_and_report(judged: dict[str, Any]) -> None:
    answered = {**judged, "answer": "Yes, 2 [1, 3].", "breaks": "With none."}
    text = reports.explanation(answered, {"E5": "the race law"}, "data", "3 s")
    assert "Answer: Yes, 2 [1, 3].\n\nIt breaks: With none.\n" in text
    assert "**Answer.** Yes, 2 [1, 3]. **It breaks:** With none." in reports.report([answered])


def test_sentences_get_their_numbers_from_the_verdict() -> None:
    rows = [
        {"name": "ranks", "estimate": 0.91234, "ci_low": 0.9, "ci_high": 0.95},
        {"name": "unknown", "estimate": float("nan"), "ci_low": None, "ci_high": None},
    ]
    sentence = phrases.filled("Ranks {ranks}, and {unknown}.", rows)
    assert sentence == "Ranks 0.912 [0.9, 0.95], and undefined [undefined, undefined]."


def test_commands() -> None:
    assert phrases.command("racing", []) == "snakemake --cores all racing"
    assert phrases.command("racing", ["--configfile", "config/smoke.yaml", "b.yaml"]) == (
        "snakemake --cores all racing --configfile config/smoke.yaml b.yaml"
    )
    assert phrases.command("", []) == "snakemake --cores all"


def test_other_settings_than_the_presets_are_told_with_the_verdict() -> None:
    changed = {"experiments.pair.alpha": [0.1, 0.2]}
    judged = claims.verdict(
        claim(*TWO), values(effect=[1.0] * 5, control=[0.0] * 5), "small", changed, []
    )
    told = "Not the settings of preset small: experiments.pair.alpha 0.2 (preset: 0.1)."
    assert judged["caveats"][0] == told and phrases.preset(judged) == "small, changed"
    for text in (
        reports.report([judged]),
        reports.explanation(judged, {"E5": "law"}, "data", "3 s"),
    ):
        assert told in " ".join(text.split()) and "small, changed" in text
    assert set(reports.summary([judged])["preset"]) == {"small, changed"}


def test_where_a_claim_fails_is_told_with_numbers() -> None:
    failed = verdict(effect=LOW, lazy=HIGH)
    told = phrases.failing(failed)
    assert told.startswith("effect 0.1 [") and "asked above 0.5" in told and "(control)" in told
    assert phrases.failing(verdict(effect=HIGH, lazy=LOW)) == ""
    assert "undecided" in phrases.failing(verdict(effect=[0.3, 0.7] * 4, lazy=LOW))
    table = reports.summary([failed])
    assert table["where it fails"].item() == told
    text = reports.explanation(failed, {"E5": "law"}, "data", "3 s")
    assert f"Where it fails: {told}." in " ".join(text.split())


def test_controls_that_do_not_count_are_counted_where_they_did_not_fail() -> None:
    rows = [row(True, control=True), row(False, control=True, confirmatory=False), row(True)]
    assert phrases.controls(rows) == "1 of 1, and 1 not counted that did not fail"
    assert phrases.controls(rows[::2]) == "1 of 1"


def test_a_spread_over_tasks() -> None:
    own = {"n_tasks": 20, "share": 0.95, "new_low": 0.1, "new_high": 0.3}
    assert phrases.spread(own) == "in 95 % of 20 tasks; a new one within [0.1, 0.3]"
    assert phrases.spread({**own, "new_low": None}) == "in 95 % of 20 tasks"
    with_classes = {**own, "new_low": None, "class_share": 0.4}
    assert phrases.spread(with_classes).endswith("tasks; classes have 40 % of the variance")
    assert phrases.spread({**own, "n_tasks": 1}) == ""


def test_a_tally_keeps_the_papers_claims_apart() -> None:
    some = [verdict(effect=HIGH, lazy=LOW), {**verdict(effect=LOW, lazy=LOW)}]
    ours = {**verdict(effect=HIGH, lazy=LOW), "level": "our extension"}
    told = reports.tally([*some, ours])
    assert told == (
        "2 claims of the paper: 1 supported, 1 not supported; 1 claim of ours: 1 supported."
    )


@pytest.mark.parametrize(
    ("changes", "at", "half", "double"),
    [
        ({"threshold": 0.5}, 0.8, True, False),
        ({"threshold": 0.3}, 0.8, True, True),
        ({"threshold": 0.0}, 0.8, None, None),
        ({"threshold": 0.2, "direction": "below"}, 0.11, False, True),
        ({"threshold": 0.1, "direction": "within"}, 0.08, False, True),
        ({"threshold": 0.4, "direction": "below"}, 0.2, None, True),  # half is in the interval
        ({"threshold": 0.7, "proportion": True}, 1.0, True, None),
    ],
)
def test_half_and_twice_the_threshold(
    changes: dict[str, Any], at: float, half: bool | None, double: bool | None
) -> None:
    spread = 0.0 if "proportion" in changes else 0.01
    own = [at + spread * (-1) ** i for i in range(12)]
    (judged,) = claims.judge(claim(criterion("effect", **changes)), values(effect=own))
    assert (judged["holds_at_half"], judged["holds_at_double"]) == (half, double)
    words = {True: "yes", False: "no", None: "–"}
    assert phrases.moved(judged) == f"{words[half]}, {words[double]}"
