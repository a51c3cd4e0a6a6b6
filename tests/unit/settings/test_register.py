"""The claims register as it is written: a folder with a file for each claim."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_settings import CONFIG, REGISTER, register

from neuron_race.common import storage
from neuron_race.operations import crate
from neuron_race.settings import configuration, reading
from neuron_race.settings.configuration import Settings, SettingsError

PROJECT = Path(__file__).parents[3]
GROUPED = """
title: A race
statement: They race.
level: abstract
equations: [E5]
expectation: supported
caveats: [One layer.]
figure_tables: [dynamics/digits/runs.csv]

defaults: {table: dynamics, direction: above}
criteria:
  - {name: ranks, table: race, statistic: rho_forecast, runs: digits/gaussian, threshold: 0.5,
     meaning: "x"}
  - group: {statistic: rotation, threshold: 0.5}
    of:
      - {name: shape, runs: shapes/teacher, minus: digits/balanced, meaning: "x"}
      - {name: lazy, runs: digits/lazy, threshold: 0.2, direction: below, control: true,
         meaning: "x"}
"""
INDEX = "order: [racing]\nequations: {E5: a race}\n"


def folder(path: Path, **texts: str) -> Path:
    """A register in a folder; a text for each file, without its ending."""
    path.mkdir()
    for name, text in {"_register": INDEX, "racing": GROUPED, **texts}.items():
        (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> Settings:
    return configuration.read({**yaml.safe_load(CONFIG), "claims": path.name}, path.parent)


def refused(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        read(path)
    return str(caught.value)


def written(old: str, new: str) -> str:
    assert GROUPED.count(old) == 1
    return GROUPED.replace(old, new)


def test_criteria_inherit_what_they_do_not_say(tmp_path: Path) -> None:
    assert read(folder(tmp_path / "own")).claims == register(lambda claims: None).claims


def test_a_meaning_of_a_group_is_completed_by_each_case(tmp_path: Path) -> None:
    text = GROUPED.replace(
        "threshold: 0.5}\n    of", "threshold: 0.5, meaning: 'x, {case}'}\n    of"
    )
    head, tail = text.split("    of:\n")
    tail = tail.replace('meaning: "x"', 'case: "one"', 1).replace('meaning: "x"', 'case: "two"', 1)
    claim = read(folder(tmp_path / "own", racing=head + "    of:\n" + tail)).claims["racing"]
    assert [row["meaning"] for row in claim["criteria"]] == ["x", "x, one", "x, two"]
    assert not any("case" in row for row in claim["criteria"])


def test_a_meaning_besides_that_of_the_group_is_refused(tmp_path: Path) -> None:
    text = GROUPED.replace(
        "threshold: 0.5}\n    of", "threshold: 0.5, meaning: 'x, {case}'}\n    of"
    )
    said = refused(folder(tmp_path / "own", racing=text))
    assert (
        "Names and cases alone, for the group's meaning" in said and "'case' is a required" in said
    )


def test_a_file_may_have_groups_too(tmp_path: Path) -> None:
    whole = {**yaml.safe_load(REGISTER), "claims": {"racing": yaml.safe_load(GROUPED)}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(whole))
    assert read(tmp_path / "own.yaml").claims == register(lambda claims: None).claims


def test_claims_are_in_their_order_and_others_after_them(tmp_path: Path) -> None:
    index = INDEX.replace("[racing]", "[racing, apart]")
    others = dict.fromkeys(("apart", "below", "across"), GROUPED)
    claims = read(folder(tmp_path / "own", _register=index, **others)).claims
    assert list(claims) == ["racing", "apart", "across", "below"]
    assert [claim["id"] for claim in claims.values()] == list(claims)


def test_readmes_and_what_editors_keep_are_no_claims(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    for name in ("README.md", "racing.yaml~", ".racing.yaml.swp", ".DS_Store"):
        (own / name).write_text(": no YAML")
    assert list(read(own).claims) == ["racing"]


BAD: dict[str, tuple[str, str, str]] = {
    "unknown_in_group": (
        "threshold: 0.5}",
        "treshold: 0.5}",
        "racing.yaml: claims.racing.criteria.group of shape: unknown key treshold; allowed are "
        "case, confirmatory, control, direction",
    ),
    "unknown_beside_group": (
        "    of:",
        "    off: []\n    of:",
        "claims.racing.criteria.group of shape: unknown key off; allowed are group, of",
    ),
    "unknown_in_defaults": (
        "{table: dynamics,",
        "{tabel: dynamics,",
        "racing.yaml: claims.racing.defaults: unknown key tabel; allowed are",
    ),
    "unknown_in_criterion": (
        "control: true",
        "contrl: true",
        "racing.yaml: claims.racing.criteria.group of shape.lazy: unknown key contrl; allowed are",
    ),
    "value_in_group": (
        "threshold: 0.5}",
        "threshold: low}",
        "claims.racing.criteria.group of shape.threshold: 'low' is not of type 'number'",
    ),
    "meaning_without_a_place": (
        "threshold: 0.5}",
        "threshold: 0.5, meaning: y}",
        "criteria.group of shape.meaning: 'y' does not match",
    ),
    "name_in_group": (
        "threshold: 0.5}",
        "threshold: 0.5, name: y}",
        "criteria.group of shape: name 'name': Names and cases are each criterion's own",
    ),
    "case_without_a_meaning": (
        'minus: digits/balanced, meaning: "x"}',
        'minus: digits/balanced, meaning: "x", case: "y"}',
        "group of shape.shape: name 'case': Names and meanings, for only a group's",
    ),
    "nothing_in_group": (
        "{statistic: rotation, threshold: 0.5}",
        "",
        "group of shape: None is not",
    ),
    "missing": (
        "threshold: 0.5}",
        "proportion: false}",
        "racing.yaml: claims.racing.criteria.shape: 'threshold' is a required property",
    ),
    "two_names": (
        "name: lazy",
        "name: shape",
        "racing.yaml: claims.racing: criteria need different names, got ranks, shape, shape",
    ),
    "two_keys": (
        "title: A race",
        "title: A race\ntitle: Two races",
        "racing.yaml: line 3: title is there already, on line 2; keep one",
    ),
    "two_keys_in_group": (
        "threshold: 0.5}",
        "threshold: 0.5, threshold: 0.6}",
        "racing.yaml: line 14: criteria.1.group.threshold is there already, on line 14; keep one",
    ),
    "statistic": (
        "statistic: rotation",
        "statistic: rotations",
        "racing.yaml: claims.racing.shape.statistic: 'rotations' is none of",
    ),
    "equation": ("[E5]", "[E6]", "racing.yaml: claims.racing.equations: E6 is none of E5"),
}


@pytest.mark.parametrize("case", BAD)
def test_faults_are_told_by_file_claim_criterion_and_key(tmp_path: Path, case: str) -> None:
    old, new, message = BAD[case]
    said = refused(folder(tmp_path / "own", racing=written(old, new)))
    assert message in said
    lines = [line.removeprefix(f"{tmp_path}/") for line in said.splitlines()]
    assert all(line.startswith("own/racing.yaml: ") for line in lines)


def test_a_file_is_named_like_its_claim(tmp_path: Path) -> None:
    """Whose order has the claim, and whose figure and notebook are called like it."""
    own = folder(tmp_path / "own", racing_again=GROUPED)
    (own / "racing.yaml").unlink()
    said = refused(own)
    assert (
        said == "own/_register.yaml: order: 'racing' is none of racing_again; nearest: racing_again"
    )


@pytest.mark.parametrize("name", ["Racing", "two races", "2nd", "_racing", "racing.old"])
def test_a_file_whose_name_is_no_claims_name_is_refused(tmp_path: Path, name: str) -> None:
    said = refused(folder(tmp_path / "own", **{name: GROUPED}))
    assert f"own/{name}.yaml: claims: {name!r} does not match" in said


@pytest.mark.parametrize("name", ["notes.txt", "racing.yml", "old"])
def test_what_is_no_claim_is_refused(tmp_path: Path, name: str) -> None:
    own = folder(tmp_path / "own")
    if "." in name:
        (own / name).write_text(GROUPED)
    else:
        (own / name).mkdir()
    said = f"{name}: is no claim; a folder of claims holds <claim>.yaml for each, _register.yaml"
    assert said in refused(own)


def test_a_folder_without_claims_or_index_is_refused(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    (own / "_register.yaml").unlink()
    assert "_register.yaml: is missing; a folder of claims holds" in refused(own)
    (own / "racing.yaml").unlink()
    assert "own: no claims here; a folder of claims holds" in refused(own)
    (own / "_register.yaml").write_text(INDEX)
    assert "own: no claims here" in refused(own)


@pytest.mark.parametrize("text", ["", "[]", "racing", "claims: {}", "criteria: {of: 1}"])
def test_a_file_that_is_no_claim_is_refused(tmp_path: Path, text: str) -> None:
    assert "own/racing.yaml: claims.racing: " in refused(folder(tmp_path / "own", racing=text))


@pytest.mark.parametrize("text", ["", "[]", "order: [racing]", "equations: {}\nclaims: {}"])
def test_an_index_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    assert "own/_register.yaml: top level: " in refused(folder(tmp_path / "own", _register=text))


def copied(path: Path) -> Path:
    """The project's own register, as a user's own."""
    path.mkdir()
    for file in (PROJECT / "config/claims").iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


def in_one_file(path: Path) -> Path:
    whole: dict[str, Any] = configuration.read_register(PROJECT / "config/claims")
    path.with_suffix(".yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    return path.with_suffix(".yaml")


@pytest.mark.parametrize("make", [copied, in_one_file])
def test_an_own_register_is_packed_and_named(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    own = make(tmp_path / "mine")
    target = tmp_path / "crate.zip"
    crate.pack(target, PROJECT, [], "default", {"claims": str(own)}, {})
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "crate")
    again = tmp_path / "crate"
    named = reading.read_yaml(again / "this_run.yaml")["claims"]
    assert named == ("this_register" if own.is_dir() else "this_register.yaml")
    for register_of in (own, again / named):
        assert configuration.read_register(register_of) == configuration.read_register(
            PROJECT / "config/claims"
        )
    listed = {
        entity["@id"] for entity in storage.read_json(again / "ro-crate-metadata.json")["@graph"]
    }
    assert {"this_run.yaml", *([f"{named}/racing.yaml"] if own.is_dir() else [named])} <= listed
