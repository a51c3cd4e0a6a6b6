"""Comparison of a run with the reference: what counts, what is told, what is named only."""

import json
from pathlib import Path
from typing import Any

import pytest

from neuron_race.common import storage
from neuron_race.evidence import reference

ROW = {
    "name": "faster",
    "statistic": "rho",
    "estimate": 0.5,
    "ci_low": 0.4,
    "ci_high": 0.8,
    "n_undefined": 0,
    "threshold": 0.3,
    "direction": "above",
    "is_control": False,
    "holds": True,
}
ENTRY = {
    "statement": "Neurons race.",
    "caveats": ["Little."],
    "criteria": [{"name": "faster", "threshold": 0.3}],
}


def verdict(*rows: dict[str, Any], claim: str = "racing", **changed: Any) -> dict[str, Any]:
    """A verdict with these changes of the criterion, or as many criteria as there are."""
    criteria = [ROW | {"name": f"faster_{i}" if i else "faster"} | r for i, r in enumerate(rows)]
    return {
        "claim": claim,
        "statement": "Neurons race.",
        "level": "figure",
        "status": "supported",
        "preset": "default",
        "n_runs": 20,
        "criteria": criteria or [dict(ROW)],
        "figures": ["figures/racing.pdf"],
        "caveats": ["Little."],
        "provenance": {"parameters": {"claim": json.loads(json.dumps(ENTRY))}},
        **changed,
    }


def compared(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> reference.Comparison:
    paths = [folder / side / "racing.json" for side in ("reference", "here")]
    for path, content in zip(paths, (old, new), strict=True):
        storage.write_json(path, content)
    return reference.compare(paths[:1], paths[1:], ["racing"])


def test_the_same_verdict_differs_in_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, verdict({}, {}), verdict({}, {}))
    assert found == (1, 2, [], [], [], [])
    assert reference.words(found) == "1 verdicts, 2 criteria: 0 differences"


def test_what_a_null_does_is_an_outcome(tmp_path: Path) -> None:
    def with_null(as_expected: bool | None) -> dict[str, Any]:
        row = {"null": "linear", "title": "a linear network", "removes": "gates", "met": 1}
        row |= {"expected": "pass", "because": "b", "asked": 1, "criteria": []}
        return verdict({}, nulls=[{**row, "as_expected": as_expected}])

    (found,) = compared(tmp_path, with_null(True), with_null(None)).differences
    assert found[:4] == ("racing", "null linear", "as predicted", "undecided") and found.counts
    (found,) = compared(tmp_path, with_null(False), verdict({})).differences
    assert (found.reference, found.here, found.counts) == ("not as predicted", "missing", True)
    assert compared(tmp_path, with_null(None), with_null(None)).differences == []


def test_a_verdict_on_another_claim_is_refused(tmp_path: Path) -> None:
    with pytest.raises(storage.ResultError, match=r"racing\.json: is a verdict on laws"):
        compared(tmp_path, verdict({}), verdict({}, claim="laws"))


POINT = {"estimate": 1.0, "ci_low": 1.0, "ci_high": 1.0}
NO_INTERVAL = {"ci_low": None, "ci_high": None}
UNDEFINED = {"estimate": None, "ci_low": None, "ci_high": None, "holds": None}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ({}, {"estimate": 0.81, "ci_high": 0.9}, "outside the reference's interval"),
        ({}, {"estimate": 0.39, "ci_low": 0.3}, "outside the reference's interval"),
        ({}, {"holds": None}, "another outcome"),
        ({}, {"holds": False, "estimate": 0.51}, "another outcome"),
        (POINT, POINT | {"estimate": 0.95}, "outside the reference's interval"),
        (POINT, {"estimate": 0.99, "ci_low": 0.9}, "outside the reference's interval"),
        ({}, UNDEFINED | {"holds": True}, "estimate undefined on one side"),
        (UNDEFINED | {"holds": True}, {}, "estimate undefined on one side"),
        ({}, NO_INTERVAL, "interval undefined on one side"),
        (NO_INTERVAL, {}, "interval undefined on one side"),
        (NO_INTERVAL, NO_INTERVAL | {"estimate": 0.51}, "no interval to be within"),
    ],
)
def test_what_counts(tmp_path: Path, old: dict[str, Any], new: dict[str, Any], why: str) -> None:
    found = compared(tmp_path, verdict(old), verdict(new))
    (difference,) = found.differences
    assert difference.counts and why in difference.why
    assert (difference.claim, difference.what) == ("racing", "faster")
    assert difference.reference != difference.here
    assert ": 1 differences\n  racing, faster" in reference.words(found)


@pytest.mark.parametrize("key", ["status", "preset", "n_runs", "changes"])
def test_another_outcome_counts_and_another_kind_of_run_is_told(tmp_path: Path, key: str) -> None:
    others = {"status": "inconclusive", "preset": "smoke", "n_runs": 2, "changes": {"a": [1, 2]}}
    other = others[key]
    found = compared(tmp_path, verdict(), verdict(**{key: other}))
    (difference,) = found.differences
    assert difference.counts == (key == "status")
    assert difference.what == key and difference.here == str(other)
    told = "1 differences" if key == "status" else "No outcome differs"
    assert f"{told} from docs/reference/paper" in reference.short(found, "docs/reference/paper")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"estimate": 0.5 * (1 + 5e-7)}),
        (POINT, POINT | {"estimate": 1 - 1e-9}),
        (POINT | {"estimate": 0.0, "ci_low": 0.0, "ci_high": 0.0}, POINT | {"estimate": 1e-13}),
        (NO_INTERVAL, NO_INTERVAL),
        (UNDEFINED, UNDEFINED),
        # Bootstrap intervals of skewed values need not hold the mean.
        ({"estimate": 0.9}, {"estimate": 0.9}),
    ],
)
def test_what_is_equal(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    found = compared(tmp_path, verdict(old), verdict(new))
    assert found.differences == [] and found.rounding == []


@pytest.mark.parametrize(("estimate", "share"), [(0.505, 0.025), (0.55, 0.25), (0.8, 1.5)])
def test_estimates_within_the_interval_are_told_with_their_distance(
    tmp_path: Path, estimate: float, share: float
) -> None:
    found = compared(tmp_path, verdict(), verdict({"estimate": estimate}))
    assert found.rounding == [pytest.approx(share)]
    named = share > reference.WORTH_A_LINE
    assert [d.counts for d in found.differences] == [False] * named
    text = reference.words(found)
    assert ": 0 differences\n1 estimates differ by less" in text
    assert f": {share:.2g} of the half width at most" in text
    assert ("Not counted:" in text) == named


def test_what_the_register_says_otherwise_is_no_fault_of_the_run(tmp_path: Path) -> None:
    changed = verdict(statement="Neurons run.", caveats=["Little.", "More."])
    entry = changed["provenance"]["parameters"]["claim"]
    entry |= {"statement": "Neurons run.", "caveats": ["Little.", "More."]}
    entry["criteria"][0]["threshold"] = 0.2
    found = compared(tmp_path, verdict(), changed)
    assert [d.what for d in found.differences] == ["statement", "caveats", "faster: threshold"]
    assert not any(d.counts for d in found.differences)
    assert "the register changed, not the run" in reference.words(found)


def test_the_number_of_undefined_runs_is_told(tmp_path: Path) -> None:
    old, new = (verdict(UNDEFINED | {"n_undefined": n}) for n in (3, 5))
    (difference,) = compared(tmp_path, old, new).differences
    assert not difference.counts
    assert (difference.reference, difference.here) == (
        "undefined in 3 runs",
        "undefined in 5 runs",
    )


@pytest.mark.parametrize("swapped", [False, True])
def test_a_criterion_on_one_side_only_is_told(tmp_path: Path, swapped: bool) -> None:
    sides = [verdict({}, {}), verdict({})]
    (difference,) = compared(tmp_path, *sides[:: -1 if swapped else 1]).differences
    there = ("missing", "there") if swapped else ("there", "missing")
    assert (difference.reference, difference.here) == there
    assert difference.counts is not swapped  # one that is gone counts, a new one does not
    assert difference.why == "the register changed"


@pytest.mark.parametrize(
    ("old", "estimate"), [(POINT, 0.9999), (POINT | {"threshold": 0.99}, 0.99995)]
)
def test_rounding_just_beyond_an_interval_is_told(
    tmp_path: Path, old: dict[str, Any], estimate: float
) -> None:
    found = compared(tmp_path, verdict(old), verdict({**old, "estimate": estimate}))
    assert not any(d.counts for d in found.differences) and len(found.rounding) == 1


def test_beyond_an_interval_with_a_width_counts_however_little(tmp_path: Path) -> None:
    found = compared(tmp_path, verdict({}), verdict({"estimate": 0.8019}))
    assert [d.why for d in found.differences if d.counts] == [
        "estimate outside the reference's interval"
    ]


def test_each_preset_has_a_reference_of_its_own(tmp_path: Path) -> None:
    assert reference.folder(tmp_path, "default") == tmp_path / "docs/reference"
    assert reference.folder(tmp_path, "paper") == tmp_path / "docs/reference/paper"


def test_the_line_at_the_end_tells_what_does_not_count(tmp_path: Path) -> None:
    same = reference.short(compared(tmp_path, verdict({}), verdict({})))
    assert same.startswith("As in docs/reference")
    other = reference.short(compared(tmp_path, verdict({}), verdict({}, n_runs=5)))
    assert (
        other == "No outcome differs from docs/reference, but: other runs (make check-reference)."
    )


def test_estimates_that_differ_are_put_down_to_libraries_or_processor(tmp_path: Path) -> None:
    old, new = verdict(), verdict({"estimate": 0.501})
    assert "as they do on another processor" in reference.words(compared(tmp_path, old, new))
    for side, version in ((old, "2.1"), (new, "2.2")):
        side["provenance"]["versions"] = {"numpy": version, "scipy": "1.0"}
    found = compared(tmp_path, old, new)
    assert found.libraries == ["numpy 2.1 (here 2.2)"]
    assert "as they do with numpy 2.1 (here 2.2)" in reference.words(found)


def test_the_sides_of_a_comparison_have_names(tmp_path: Path) -> None:
    found = compared(tmp_path, verdict(), verdict(status="inconclusive"))
    assert "one:     supported\n    another: inconclusive" in reference.words(
        found, ("one", "another")
    )


def test_claims_on_one_side_count_and_those_of_no_register_are_named(tmp_path: Path) -> None:
    for name in ("reference/old", "here/older"):
        storage.write_text(tmp_path / f"{name}.json", "not even JSON")
    for name in ("reference/gone", "here/new"):
        storage.write_json(tmp_path / f"{name}.json", verdict(claim=Path(name).name))
    sides = [sorted((tmp_path / side).iterdir()) for side in ("reference", "here")]
    found = reference.compare(*sides, ["gone", "new", "never_run"])
    assert [(d.claim, d.reference, d.here, d.counts) for d in found.differences] == [
        ("gone", "there", "missing", True),
        ("new", "missing", "there", True),
        ("never_run", "missing", "missing", True),
    ]
    assert found.retired == ["old", "older"]
    assert "not compared: old, older" in reference.words(found)


@pytest.mark.parametrize("text", ["{", "[]", '{"claim": "racing"}'])
def test_a_file_that_is_no_verdict_is_named(tmp_path: Path, text: str) -> None:
    storage.write_text(tmp_path / "racing.json", text)
    with pytest.raises(storage.ResultError, match=r"racing\.json: "):
        reference.read([tmp_path / "racing.json"])


# --- keeping a run as the reference -------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's results and figures, some of claims that are no more."""
    for name in ("racing", "retired"):
        storage.write_text(tmp_path / f"results/claims/{name}.json", f"new {name}")
        storage.write_text(tmp_path / f"results/evidence/{name}.csv", f"runs of {name}")
        storage.write_text(tmp_path / f"figures/{name}.png", f"new {name}")
    storage.write_text(tmp_path / "results/claims.md", "all")
    storage.write_text(tmp_path / "figures/theory.png", "new theory")
    for name in (
        "claims/racing.json",
        "claims/older.json",
        "evidence/older.csv",
        "figures/older.png",
    ):
        storage.write_text(tmp_path / "kept" / name, "old")
    return tmp_path


def kept(run: Path) -> dict[str, str]:
    found = [p for p in (run / "kept").rglob("*") if p.is_file()]
    return {str(p.relative_to(run / "kept")): p.read_text() for p in found}


def test_the_reference_holds_what_the_register_has(run: Path) -> None:
    deleted = reference.keep(run / "results", run / "figures", run / "kept", ["racing"])
    assert [str(path.relative_to(run / "kept")) for path in deleted] == [
        "claims/older.json",
        "evidence/older.csv",
        "figures/older.png",
    ]
    assert kept(run) == {
        "claims.md": "all",
        "claims/racing.json": "new racing",
        "evidence/racing.csv": "runs of racing",
        "figures/racing.png": "new racing",
        "figures/theory.png": "new theory",
    }
    assert reference.figures_alike(run / "kept/figures", run / "figures", ["racing"]) == (2, 2)
    storage.write_text(run / "figures/racing.png", "another")
    (run / "figures/theory.png").unlink()
    assert reference.figures_alike(run / "kept/figures", run / "figures", ["racing"]) == (0, 2)


def test_nothing_is_changed_if_a_verdict_is_missing(run: Path) -> None:
    before = kept(run)
    with pytest.raises(OSError, match="never_run"):
        reference.keep(run / "results", run / "figures", run / "kept", ["racing", "never_run"])
    assert kept(run) == before
