"""Lectures say what the verdict says, whatever it is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from neuron_race.common import storage
from neuron_race.pages import lecture
from neuron_race.pages.notebooks import mathml

ROOT = Path(__file__).parents[2]
NOTES = ROOT / "paper_notes.md"


def criterion(name: str, holds: bool | None, **changes: Any) -> dict[str, Any]:
    row = {
        "name": name,
        "meaning": "a share",
        "estimate": 0.3,
        "ci_low": 0.2,
        "ci_high": 0.4,
        "threshold": 0.5,
        "direction": "below",
        "is_control": False,
        "confirmatory": True,
        "holds": holds,
    }
    return {**row, **changes}


def talk(tmp_path: Path, *rows: dict[str, Any], **changes: Any) -> lecture.Lecture:
    verdict = {
        "title": "A title",
        "statement": "Something happens.",
        "level": "abstract",
        "status": "supported",
        "expectation": "supported",
        "preset": "default",
        "n_runs": 2,
        "criteria": list(rows),
        "caveats": ["One caveat."],
    }
    storage.write_json(tmp_path / "verdict.json", {**verdict, **changes})
    paths = {"verdict": tmp_path / "verdict.json", "notes": NOTES, "tables": []}
    return lecture.Lecture(SimpleNamespace(**paths, evidence=tmp_path / "evidence.csv"))


def test_opening_warns_of_the_smoke_preset(tmp_path: Path) -> None:
    assert talk(tmp_path).opening().data.startswith("# A title\n\n> Something happens.")
    assert "Smoke" not in talk(tmp_path).opening().data
    assert "Smoke preset" in talk(tmp_path, preset="smoke").opening().data


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        (True, "it holds. It would fail with the whole interval at or above 0.5"),
        (False, "it fails. It would hold with the whole interval below 0.5 and"),
        (None, "it is undecided. It would hold with the whole interval below 0.5 and"),
    ],
)
def test_turning_points(tmp_path: Path, holds: bool | None, words: str) -> None:
    said = talk(tmp_path, criterion("one", holds)).turning_points("one").data
    assert "0.3 [0.2, 0.4]" in said and words in said


def test_undefined_is_said_and_is_no_pass(tmp_path: Path) -> None:
    row = criterion("one", None, estimate=None, ci_low=None, ci_high=None)
    own = talk(tmp_path, row)
    assert "undefined here, which is never a pass" in own.turning_points("one").data
    assert "undefined [undefined, undefined]" in own.effects().data


@pytest.mark.parametrize(
    ("holds", "follows"), [(True, "Yes."), (False, "No."), (None, "undecided")]
)
def test_alternatives_follow_the_outcome(tmp_path: Path, holds: bool | None, follows: str) -> None:
    said = talk(tmp_path, criterion("one", holds)).alternatives(("Luck.", "one", "Yes.", "No."))
    found = [words for words in ("Yes.", "No.", "undecided") if words in said.data]
    assert found == [follows]


def test_tables_keep_roles_apart(tmp_path: Path) -> None:
    rows = (
        criterion("an_effect", True),
        criterion("a_control", False, is_control=True),
        criterion("a_probe", None, confirmatory=False),
    )
    own = talk(tmp_path, *rows)
    for table, name in ((own.effects(), "effect"), (own.controls(), "control")):
        assert [w for w in ("effect", "control", "probe") if w in table.data] == [name]
    assert "a probe" in own.exploratory().data and "undecided" in own.exploratory().data
    assert "A share: below 0.5" in own.reading().data


@pytest.mark.parametrize("number", range(1, 10))
def test_every_equation_of_the_notes_is_found(tmp_path: Path, number: int) -> None:
    said = talk(tmp_path).equation(f"E{number}").data
    assert said.startswith(f"**E{number}. ") and "$" in said
    assert "Derivation" not in said and "###" not in said


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no equation E0"):
        talk(tmp_path).equation("E0")
    with pytest.raises(KeyError, match=r"runs\.csv is none of"):
        talk(tmp_path).table("runs.csv")


def test_runs_without_an_interval_can_be_drawn(tmp_path: Path) -> None:
    row = criterion("one", None, ci_low=None, ci_high=None, direction="within")
    table = pd.DataFrame({"criterion": "one", "seed": [0, 1], "value": [0.1, float("nan")]})
    storage.write_table(tmp_path / "evidence.csv", table)
    assert talk(tmp_path, row).runs("one").data[:4] == b"\x89PNG"


def test_training_for_play_is_real_and_repeats() -> None:
    options: dict[str, Any] = {"width": 20, "max_steps": 500, "axes": 2}
    one, two = (lecture.train("clusters", [0], **options) for _ in range(2))
    assert one.runs.loss[0, -1] < 0.5 * one.runs.loss[0, 0]
    assert (one.runs.W_events == two.runs.W_events)[:, -1].all()


def test_mathml() -> None:
    drawn = mathml(r"\hat w = \|a\|", "block")
    assert drawn.startswith("<math") and 'display="block"' in drawn
    assert drawn.count('lspace="0"') == 2 and "\\" not in drawn
