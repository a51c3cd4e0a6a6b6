"""Fingerprints of jobs, and the records that they leave."""

import os
from pathlib import Path
from typing import Any

import pytest

from neuron_race.common import freshness, storage

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "workflow/scripts"


def made(tmp_path: Path, **other: Any) -> dict[str, Any]:
    """What a job is made of that reads one file and has one job before it."""
    parts = {
        "code": {"workflow/scripts/train.py": storage.checksum(SCRIPTS / "train.py")},
        "parameters": {"alpha": 0.1, "names": ["a", "b"]},
        "records": {str(tmp_path / "before.json"): "ff"},
        "sources": {"LICENSE": storage.checksum(ROOT / "LICENSE")},
    }
    return freshness.made_of(**{**parts, **other}, record=str(tmp_path / "own.json"))


@pytest.mark.parametrize(
    "other",
    [
        {"code": {"a.py": "0"}},
        {"parameters": {"alpha": 0.2, "names": ["a", "b"]}},
        {"parameters": {"alpha": 0.1, "names": ["b", "a"]}},
        {"parameters": {"beta": 0.1, "names": ["a", "b"]}},
        {"records": {"before.json": "00"}},
        {"records": {}},
        {"sources": {"LICENSE": "0"}},
    ],
)
def test_whatever_a_job_is_made_of_is_in_its_fingerprint(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    assert made(tmp_path, **other)["fingerprint"] != made(tmp_path)["fingerprint"]


def test_versions_are_in_it_and_the_order_of_settings_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made(tmp_path)["fingerprint"]
    turned = {"names": ["a", "b"], "alpha": 0.1}
    assert made(tmp_path, parameters=turned)["fingerprint"] == before
    monkeypatch.setattr(storage, "versions", lambda libraries: {"torch": "0"})
    assert made(tmp_path)["fingerprint"] != before


def test_code_is_what_is_imported_through_any_number_of_modules() -> None:
    found = freshness.code(SCRIPTS / "train.py")
    for name in ("training/runs", "training/engine", "common/storage", "common/job", "__init__"):
        assert f"workflow/src/neuron_race/{name}.py" in found
    assert {"workflow/scripts/train.py", "workflow/src/neuron_race/training/kernel.c"} <= set(found)
    assert "workflow/src/neuron_race/evidence/claims.py" not in found
    assert all(value == storage.checksum(ROOT / name) for name, value in found.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from neuron_race import gone", "neuron_race/gone.py"),
        ("from . import gone", "gone.py"),
        ("from .gone import part", "gone.py"),
        ("import neuron_race.gone", "neuron_race/gone.py"),
        ("from neuron_race.figures import gone", "figures/gone.py"),
        ('SOURCE = "gone.c"', "gone.c"),
        ("def", "can't be read as Python"),
    ],
)
def test_code_that_is_missing_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "script.py").write_text(text)
    with pytest.raises(freshness.StaleError, match=f"script.py: .*{message}"):
        freshness.code(tmp_path / "script.py")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A job that is done, as the next one meets it."""
    monkeypatch.chdir(tmp_path)
    Path("out.csv").write_text("1\n")
    earlier = made(tmp_path)
    freshness.keep(earlier, ["out.csv"])
    assert freshness.known(earlier)
    return made(tmp_path, records={earlier["record"]: earlier["fingerprint"]})


def test_what_was_recorded_passes(recorded: dict[str, Any]) -> None:
    os.utime("out.csv", (0, 0))
    freshness.check(recorded, ["out.csv", "another.csv"])


def test_what_other_settings_made_is_refused(recorded: dict[str, Any], tmp_path: Path) -> None:
    other = made(tmp_path, parameters={"alpha": 0.2})
    assert not freshness.known(other)
    freshness.keep(other, ["out.csv"])
    with pytest.raises(freshness.StaleError, match="own made is not of the data, settings and"):
        freshness.check(recorded, ["out.csv"])


def test_other_contents_are_refused_whatever_their_date(recorded: dict[str, Any]) -> None:
    then = Path("out.csv").stat().st_mtime_ns
    Path("out.csv").write_text("2\n")
    os.utime("out.csv", ns=(then, then))
    with pytest.raises(freshness.StaleError, match=r"^out.csv: not what was written"):
        freshness.check(recorded, ["out.csv"])


@pytest.mark.parametrize("content", [None, "", "[]", '{"fingerprint": 1}', '{"outputs": {}}'])
def test_a_lost_or_spoilt_record_is_none(recorded: dict[str, Any], content: str | None) -> None:
    (path,) = recorded["records"]
    Path(path).unlink() if content is None else Path(path).write_text(content)
    with pytest.raises(freshness.StaleError, match=r"record .*own\.json is gone"):
        freshness.check(recorded, ["out.csv"])


def test_a_file_that_is_read_and_no_input_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens it; what the process writes and its inputs are no secrets."""
    monkeypatch.chdir(tmp_path)
    Path("images").mkdir()
    images = ("images/manifest.json", "images/archive.tar.gz")
    for name in ("given.csv", "hidden.csv", "out.csv", *images):
        Path(name).write_text("1\n")
    watch = freshness.Watch()
    Path("given.csv").read_text()
    Path("own.txt").write_text("")
    Path("own.txt").read_text()
    freshness.keep(made(tmp_path), ["out.csv"], ["given.csv"], watch)
    # A manifest among the inputs lists the checksums of the files beside it.
    Path("images/archive.tar.gz").read_text()
    freshness.keep(made(tmp_path), ["out.csv"], ["given.csv", "images/manifest.json"], watch)
    with pytest.raises(freshness.StaleError, match=r"archive\.tar\.gz: read, but no input"):
        freshness.keep(made(tmp_path), ["out.csv"], ["given.csv"], watch)
    Path("hidden.csv").read_text()
    with pytest.raises(freshness.StaleError, match=r"hidden\.csv: read, but no input"):
        freshness.keep(made(tmp_path), ["out.csv"], ["given.csv", "images/manifest.json"], watch)


@pytest.mark.parametrize("part", ["code", "sources"])
def test_nothing_is_recorded_if_a_file_was_edited_meanwhile(tmp_path: Path, part: str) -> None:
    with pytest.raises(freshness.StaleError, match="LICENSE was edited while the run was going on"):
        freshness.keep(made(tmp_path, **{part: {"LICENSE": "0"}}), [])
    assert not (tmp_path / "own.json").exists()


def test_code_beside_a_script_and_relative_imports_are_followed(tmp_path: Path) -> None:
    for name, text in {
        "script": "import helper, math\nfrom .other import part",
        "helper": "from neuron_race.common import progress\nfrom neuron_race.common import ranks",
        "other": "",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    found = freshness.code(tmp_path / "script.py")
    names = {Path(name).name for name in found}
    assert names == {"script.py", "helper.py", "other.py", "ranks.py", "__init__.py"}


def test_names_of_files_are_in_the_fingerprint(tmp_path: Path) -> None:
    one, other = {"a.py": "1", "b.py": "2"}, {"a.py": "2", "b.py": "1"}
    first = made(tmp_path, code=one)["fingerprint"]
    assert first != made(tmp_path, code=other)["fingerprint"]
