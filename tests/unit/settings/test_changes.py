"""How settings differ from a preset's."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuron_race.settings import changes, configuration, reading

ROOT = Path(__file__).parents[3]
# As the schema has it, a key holds mappings or values, never now this and now that.
VALUES = st.dictionaries(
    st.sampled_from("xyz"), st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2)
)
SECTIONS = st.dictionaries(st.sampled_from("ab"), VALUES)
TREES = st.builds(lambda one, two, three: {**one, **two, **three}, VALUES, SECTIONS, SECTIONS)


@given(TREES, TREES)
def test_the_overlay_gives_the_other_configuration_back(base: dict, over: dict) -> None:
    after = reading.override(base, over)
    assert reading.override(base, changes.overlay(base, after)) == after
    assert (changes.changes(base, after) == {}) == (base == after)


def test_changes_name_key_and_both_values() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    after = {"a": {"b": 2, "c": [1]}, "d": 3, "e": {"f": 4}}
    found = changes.changes(before, after)
    assert found == {"a.b": [1, 2], "a.c": [[1, 2], [1]], "e": [None, {"f": 4}]}
    assert changes.words({"a.b": [1, 2], "e": [None, 4]}) == "a.b 2 (preset: 1); e 4 (preset: none)"


def test_a_preset_is_found_by_its_name_and_another_name_is_the_default() -> None:
    assert changes.preset("smoke", ROOT)["seeds"]["count"] == 2
    assert changes.preset("default", ROOT) == changes.preset("mine", ROOT)


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("experiments.pair.alpha", True),
        ("experiments.pairs.alpha", False),
        ("experiments.regimes.alpha", False),
        ("datasets.digits.n_train", True),
        ("seeds.count", True),
        ("device", True),
        ("explorer.seeds", False),
        ("preset", False),
    ],
)
def test_changes_that_can_change_a_verdict(key: str, counts: bool) -> None:
    names = {"experiments": ["pair"], "datasets": ["digits"]}
    assert (key in changes.concerning({key: [1, 2]}, names)) is counts


def test_two_files_with_the_name_of_one_preset_are_refused(tmp_path: Path) -> None:
    for name in ("config", "smoke", "small"):
        text = (ROOT / f"config/{'config' if name == 'config' else 'smoke'}.yaml").read_text()
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / f"config/{name}.yaml").write_text(text)
    with pytest.raises(
        configuration.SettingsError, match=r"smoke\.yaml: preset 'smoke' is the name of"
    ):
        changes.preset("smoke", tmp_path)
