"""Lectures say what the verdict says, whatever it is."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fontTools.ttLib import TTFont

from neuron_race.common import storage
from neuron_race.data import datasets
from neuron_race.pages import lecture, live, notebooks, page
from neuron_race.settings import configuration

ROOT = Path(__file__).parents[3]
NOTES = ROOT / "paper_notes.md"
NOTEBOOKS = ROOT / "workflow/notebooks"


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


def talk(
    tmp_path: Path, *rows: dict[str, Any], seeds: Sequence[int] = (300, 301), **changes: Any
) -> lecture.Lecture:
    verdict = {
        "title": "A title",
        "statement": "Something happens.",
        "level": "abstract",
        "status": "supported",
        "expectation": "supported",
        "preset": "default",
        "changes": {},
        "n_runs": 2,
        "criteria": list(rows),
        "nulls": [],
        "caveats": ["One caveat."],
    }
    storage.write_json(tmp_path / "verdict.json", {**verdict, **changes})
    paths = {"verdict": tmp_path / "verdict.json", "notes": NOTES, "tables": []}
    inputs = SimpleNamespace(**paths, evidence=tmp_path / "evidence.csv")
    params = SimpleNamespace(neighbours=[None, ["racing", "Neurons race"]], seeds=seeds)
    return lecture.Lecture(SimpleNamespace(input=inputs, params=params))


def test_opening_warns_of_what_numbers_are_not(tmp_path: Path) -> None:
    plain = talk(tmp_path).opening().data
    assert plain.startswith("# A title\n\n> Something happens.")
    assert plain.endswith("*Expected before those runs:* supported.")
    assert "\n\n**Smoke preset" in talk(tmp_path, preset="smoke").opening().data
    changed = talk(tmp_path, changes={"seeds.count": [20, 2]}).opening().data
    assert "\n\n**Not the settings of preset default: " in changed and "seeds.count" in changed
    assert "\n\n**Exploratory seeds" in talk(tmp_path, seeds=[2, 300]).opening().data


def test_undefined_is_said(tmp_path: Path) -> None:
    row = criterion("one", None, estimate=None, ci_low=None, ci_high=None)
    own = talk(tmp_path, row)
    assert "undefined [undefined, undefined]" in own.verdict().data


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
    said = "The controls: what must be seen where the effect must be absent."
    effects, rest = own.verdict().data.split(f"\n\n{said}\n\n")
    controls, rest = rest.split("\n\n<details><summary>Reported, but not counted: 1</summary>\n\n")
    for table, name in ((effects, "effect"), (controls, "control"), (rest, "probe")):
        assert [w for w in ("effect", "control", "probe") if w in table] == [name]
    assert "undecided" in rest
    assert own.reading().data.count("A share: below 0.5") == 1


@pytest.mark.parametrize(
    "name", [*(f"E{n}" for n in range(1, 10)), *(f"L{n}" for n in range(1, 7))]
)
def test_every_equation_of_the_notes_is_found_with_its_symbols(tmp_path: Path, name: str) -> None:
    said, _, symbols = talk(tmp_path).equations(name).data.partition("\n\nIn it:\n\n")
    assert said.startswith(f"**{name}. ") and "$" in said
    assert "Derivation" not in said and "###" not in said and "**L" not in said[2:]
    listed = symbols.strip().splitlines()
    assert listed and all(line.startswith("- ") and ": " in line for line in listed)
    assert "$" not in page.markdown(talk(tmp_path).equations(name).data)


def test_symbols_of_several_equations_are_listed_once(tmp_path: Path) -> None:
    symbols = talk(tmp_path).equations("L1", "E9", "L2").data.partition("In them:")[2].split("\n- ")
    assert len(symbols) == len(set(symbols)) > 3


def test_neighbours_are_linked(tmp_path: Path) -> None:
    assert talk(tmp_path).neighbours().data == "- After this: [Neurons race](racing.html)"


def test_the_answer_comes_first_and_is_taken_as_it_stands(tmp_path: Path) -> None:
    own = talk(tmp_path, criterion("one", True), answer="It is {0.3}.", breaks="")
    said = own.verdict().data
    assert said.startswith("It is {0.3}.\n\n| criterion |")
    assert "must be absent.\n\nNone.\n\nNothing else was measured." in said
    assert talk(tmp_path, criterion("one", True)).verdict().data.startswith("| criterion |")


def test_nulls_bring_their_heading_and_none_is_nothing(tmp_path: Path) -> None:
    null = {"title": "a linear network", "removes": "gates", "expected": "pass", "because": "E5"}
    null |= {"as_expected": True, "asked": 1, "met": 1, "criteria": []}
    shown = talk(tmp_path, nulls=[null]).nulls().data
    assert shown.startswith("## Against nulls\n\nThe same questions")
    assert "must pass: E5" in shown.splitlines()[-1]
    assert talk(tmp_path).nulls().data == ""


def test_what_is_not_there_is_not_compared(tmp_path: Path) -> None:
    own = talk(tmp_path)
    table = pd.DataFrame({"condition": ["a", "b"], "seed": 0, "loss": [0.1, 0.2]})
    storage.write_table(tmp_path / "runs.csv", table)
    own.paths.tables = [tmp_path / "runs.csv"]
    assert own.compare("runs.csv", "loss", ["a", "c"]).data[:4] == b"\x89PNG"
    with pytest.raises(KeyError, match=r"rate: runs\.csv has condition, seed, loss"):
        own.compare("runs.csv", "rate", ["a"])
    with pytest.raises(KeyError, match=r"runs\.csv has a, b"):
        own.compare("runs.csv", "loss", ["c"])


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no equation E0"):
        talk(tmp_path).equations("E0")
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


def test_data_of_the_live_part_are_those_of_the_engine() -> None:
    tasks = live.data()
    packed = np.frombuffer(base64.b64decode(tasks["digits"]["X"]), dtype="<f4")
    drawn = datasets.make("digits", {**live.SIZES, **live.TASKS["digits"]}, live.SEED)
    np.testing.assert_allclose(packed.reshape(-1, tasks["digits"]["dim"]), drawn.X, atol=1e-7)
    assert tasks["digits"]["y"] == drawn.Y[:, 0].tolist()
    assert "drop" in live.part(tasks, ["drop"])
    with pytest.raises(ValueError, match="no_such"):
        live.part(tasks, ["no_such"])
    with pytest.raises(ValueError, match="no_such"):
        live.study(tasks, "no_such")


def test_an_edited_script_of_the_live_part_reruns_notebooks() -> None:
    rule = (ROOT / "workflow/rules/notebooks.smk").read_text(encoding="utf-8")
    named = rule[rule.index("rule notebook:") : rule.index("rule tutorial:")]
    assert [
        name for name in ("live.html", "live.css", *live.SCRIPTS) if f'"{name}"' not in named
    ] == []


def test_tasks_of_the_live_part_are_those_of_the_settings() -> None:
    settings = configuration.read_yaml(ROOT / "config/config.yaml")
    for name, task in live.TASKS.items():
        own = {key: settings["datasets"][name][key] for key in task}
        assert own == task, name


def test_every_extension_has_networks_of_its_own() -> None:
    """Of the settings' models, data and rates, and with words before them."""
    settings = configuration.read_yaml(ROOT / "config/config.yaml")["extensions"]
    tasks = live.data()
    assert set(live.STUDIES) == {name for name in settings if (NOTEBOOKS / f"{name}.py").exists()}
    for name, study in live.STUDIES.items():
        own = {key: value for key, value in settings[name].items() if key != "conditions"}
        assert (study.options["model"], study.task) == (own["model"], own["dataset"])
        assert study.options["rate"] == own["learning_rate"]
        drawn = live.study(tasks, name)
        assert all(arm.title in html.unescape(drawn) for arm in study.arms)
        source = (NOTEBOOKS / f"{name}.py").read_text(encoding="utf-8")
        said = source[: source.index(f'claim.study("{name}")')]
        for words in ("What to try below.", "What you should see.", "What would be against it."):
            assert f"*{words}*" in said


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\hat w", ['accent="true"', "\u02c6"]),
        (r"\widehat{sD}", ['stretchy="true"', "\u0302"]),
        (r"\|a\|", ['lspace="0" rspace="0">\u2016']),
        (r"a\cosh\tau", ['width="0.167em" /><mi>cosh</mi><mspace width="0.167em"']),
        (r"\cos(x)", ["<mi>cos</mi><mo"]),
        (r"\mathrm{sign}(a)", [">sign</mi>"]),
        (r"x\in\mathbb R", ["\u211d"]),
        (r"y = -x", ['form="prefix" lspace="0"']),
        (r"a_j\cdot x", ["<msub>", "\u22c5"]),
    ],
)
def test_mathml(latex: str, parts: list[str]) -> None:
    drawn = page.mathml(latex, "block")
    assert drawn.startswith("<math") and 'display="block"' in drawn and "\\" not in drawn
    for part in parts:
        assert part in drawn, drawn


def test_a_minus_between_two_is_no_sign() -> None:
    assert "prefix" not in page.mathml("y - x") + page.mathml("(y) - x") + page.mathml("|y| + x")


def test_markdown_reads_nothing_into_equations() -> None:
    cell, bare = r"$\|x_1\|*y_2*z$", "$|x_1|*|y_2|*z$"
    text = f"## A *b*\n\n| a |\n| --- |\n| {cell} |\n\nand {bare}\n$$f = g_1,$$\n"
    drawn = page.markdown(text)
    assert '<h2 id="a-b">' in drawn and drawn.count("<td>") == 1 and "<em>b</em>" in drawn
    assert drawn.count("<em>") == 1 and drawn.count("<math") == 3 and "$" not in drawn
    assert 'display="block"' in drawn
    assert all(drawn.count(page.mathml(one.strip("$"))) == 1 for one in (cell, bare))


def test_dollars_in_code_are_no_mathematics() -> None:
    drawn = page.markdown("costs `$HOME` and `$PATH`\n\n```\necho $A $B\n```\n")
    assert "<code>$HOME</code> and <code>$PATH</code>" in drawn and "<math" not in drawn
    assert '<pre tabindex="0"><code>echo $A $B' in drawn


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_no_dollar_of_an_equation_is_left(path: Path) -> None:
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown":
            drawn = re.sub("<code>.*?</code>", "", page.markdown(cell.source), flags=re.S)
            assert "$" not in drawn, cell.source


def test_the_font_has_all_that_equations_need() -> None:
    """Every character of every equation in the notes and the lectures."""
    known = set(TTFont(page.HERE / "math.woff").getBestCmap())
    sources = [NOTES.read_text(), *(p.read_text() for p in NOTEBOOKS.glob("*.py"))]
    text = "".join(re.sub("```.*?```", "", source, flags=re.S) for source in sources)
    found = re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", text, re.S)
    assert len(found) > 300
    for block, inline in found:
        drawn = re.sub("<.*?>", "", page.mathml(block or inline))
        missing = {c for c in html.unescape(drawn) if not c.isspace() and ord(c) not in known}
        assert not missing, (block or inline, missing)
