"""Settings are read as people write them; what could be read as something else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from neuron_race.settings import reading
from neuron_race.settings.reading import SettingsError

PROJECT = Path(__file__).parents[3]
FILES = sorted(
    [
        *PROJECT.glob("config/*.yaml"),
        *PROJECT.glob("workflow/src/neuron_race/settings/schemas/*.yaml"),
    ]
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_projects_own_files_are_read_as_by_pyyaml(path: Path) -> None:
    theirs = yaml.load(path.read_text(encoding="utf-8"), Loader=reading.LOADER)
    assert repr(reading.read_yaml(path)) == repr(theirs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            (text, 1e-4)
            for text in ("1e-4", "1E-4", "1.0e-4", "1.e-4", "+.1e-3", ".0001", "00.01e-2")
        ),
        *((text, 1000.0) for text in ("1e3", "1e+3", "1000.", "1_000.0")),
        *((text, 600) for text in ("600", "+600", "6_00", "0x258", "0b1001011000")),
        ("0", 0),
        ("-3", -3),
        *((text, True) for text in ("true", "True", "yes", "on", "ON")),
        *((text, False) for text in ("false", "no", "No", "off")),
        *((text, None) for text in ("~", "null", "")),
        # Quoted, it is text; so is what is no number anywhere.
        *(
            (quote + word + quote, word)
            for quote in "'\""
            for word in ("1e-4", "0600", "1:30", "no", "")
        ),
        *((text, text) for text in ("1.2.6", "e3", "1e", "y", "n", "2024-01-01", "a:1", "1%", "=")),
    ],
)
def test_values_are_read_as_people_write_them(text: str, value: Any) -> None:
    for content in (f"a: {text}", f"a:\n  - {text}", f"{{a: [{text} ]}}"):
        found = reading.parse(content, "f")["a"]
        found = found[0] if isinstance(found, list) and found else found
        if content.startswith("{") and text == "":
            continue  # an empty list
        assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "seeds:\n  first: 0600\n",
            "line 2: seeds.first: .*0600 for an octal number; write 600, or",
        ),
        ("seeds: {first: -0_17}", "line 1: seeds.first: .* write -17, or '-0_17' for text"),
        ("a: 08", "line 1: a: .* write 8, or"),
        ("a: [1, 1:30]", "line 1: a.1: .*1:30 for a number to the base of sixty; .* or '1:30' for"),
        ("a: 1:30:07.5", "line 1: a: .* base of sixty"),
        ("a: !!int 3", r"can't be read \(line 1: no tags here"),
        ("a: 1\nb:\n- c: 2\n  d: 3\n  c: 4\n", "line 5: b.0.c is there already, on line 3"),
        ('{"a": 1,\n "b": 2,\n "a": 1}', "line 3: a is there already, on line 1"),
        ("a: 1\n'a': 1", "line 2: a is there already"),
        ("? [1]\n: 2", r"line 1: a key that is no text"),
    ],
)
def test_what_could_be_read_as_something_else_is_refused_by_line_and_key(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"a\.yaml: .*{words}"):
        reading.read_yaml(tmp_path / "a.yaml")


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        reading.parse("a: 010\na: 1:30\nb: 1\nb: 2\n", "f")
    assert [line[:10] for line in str(caught.value).splitlines()] == [
        f"f: line {number}:" for number in (1, 2, 2, 4)
    ]


def test_keys_are_text() -> None:
    assert reading.parse("on: 1\n010: 2\n1.0: 3\n~: 4\n<<: {b: 5}", "f") == {
        "on": 1,
        "010": 2,
        "1.0": 3,
        "~": 4,
        "<<": {"b": 5},
    }


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="ascii")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=3)
    ),
    max_leaves=9,
)


@settings(deadline=None, derandomize=True)
@given(TREES)
def test_what_pyyaml_and_json_write_is_read_back(tree: Any) -> None:
    assert repr(reading.parse(yaml.safe_dump(tree, sort_keys=False), "f")) == repr(tree)
    if "\x7f" not in repr(tree) and "inf" not in repr(tree):
        assert repr(reading.parse(json.dumps(tree), "f")) == repr(tree)


# --- Several files, and options of the command line ---------------------------------------------


# Snakemake leaves a value that is no mapping where an empty mapping is to override it.
SHALLOW = st.dictionaries(
    st.sampled_from("abc"),
    st.integers() | st.dictionaries(st.sampled_from("abc"), st.integers(), min_size=1),
)


@settings(deadline=None, derandomize=True)
@given(st.lists(SHALLOW, max_size=3))
def test_files_override_each_other_as_in_snakemake(trees: list[dict[str, Any]]) -> None:
    theirs: dict[str, Any] = {}
    mine: dict[str, Any] = {}
    for tree in trees:
        update_config(theirs, json.loads(json.dumps(tree)))
        mine = reading.override(mine, tree)
    assert mine == theirs


def test_options_are_read_as_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("preset: x\nexperiments: {pair: {alpha: 1.0e-3, width: 9}}\n", encoding="utf-8")
    options = ["experiments={pair: {alpha: 1e-4, bias: yes, drops: [.1, '1']}}", "preset='1'", "a="]
    assert reading.merged([path], options) == {
        "preset": "1",
        "experiments": {"pair": {"alpha": 1e-4, "width": 9, "bias": True, "drops": [0.1, "1"]}},
        "a": None,
    }
    with pytest.raises(SettingsError, match=r"--config seeds: line 1: first: .* write 600"):
        reading.merged([path], ["seeds={first: 0600}"])
    with pytest.raises(SettingsError, match="--config seeds: write key=value"):
        reading.merged([path], ["seeds"])


# --- What is no YAML, or dangerous --------------------------------------------------------------

BOMB = "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"
YAML = {
    "bomb": (BOMB, "aliases are not allowed"),
    "code": ("!!python/object/apply:os.system ['true']", "can't be read"),
    "broken": ("a: [1, 2", "can't be read"),
    "deep": ("[" * 60 + "]" * 60, "nested too deeply"),
    "deepest": ("[" * 100_000, "can't be read"),
    "deep_blocks": ("\n".join(" " * i + f"a{i}:" for i in range(900)), "nested too deeply"),
    "two_documents": ("a: 1\n---\nb: 2\n", "can't be read"),
}


@pytest.mark.parametrize("case", YAML)
def test_yaml_that_is_dangerous_or_broken_is_refused(tmp_path: Path, case: str) -> None:
    content, message = YAML[case]
    (tmp_path / "a.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"a\.yaml: .*{message}"):
        reading.read_yaml(tmp_path / "a.yaml")


def test_yaml_that_is_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("#" * (reading.MAX_YAML_BYTES + 1), encoding="utf-8")
    with pytest.raises(SettingsError, match="larger than"):
        reading.read_yaml(path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SettingsError, match="can't be read"):
        reading.read_yaml(path)
    path.write_text("a: 1\n", encoding="utf-8")
    assert reading.read_yaml(path) == {"a": 1}
    with pytest.raises(SettingsError, match="no regular file"):
        reading.read_yaml(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("__use_yte__: true\npreset: ?1 + 1\n", "__use_yte__ would execute"),
        ("[1, 2]", "needs keys at top level"),
        ("", "needs keys at top level"),
        (BOMB, "YAML aliases are not allowed"),
    ],
)
def test_overlays_are_no_templates(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"a\.yaml: {message}"):
        reading.read_overlay(tmp_path / "a.yaml")
