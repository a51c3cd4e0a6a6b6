"""Where libraries write if the home folder takes nothing."""

from pathlib import Path

import pytest

from neuron_race.common import homes
from neuron_race.training import compiled_engine


@pytest.mark.parametrize("missing", ["", "a/b/c"])
def test_folders_that_take_files(tmp_path: Path, missing: str) -> None:
    assert homes.takes_files(tmp_path / missing)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["a_file", "a_file/below", "dangling/below", "/proc/nonexistent"])
def test_folders_that_take_none(tmp_path: Path, where: str) -> None:
    (tmp_path / "a_file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    assert not homes.takes_files(tmp_path / where)


def test_a_home_folder_that_takes_files_is_left_alone(tmp_path: Path) -> None:
    assert homes.instead({"HOME": str(tmp_path)}, tmp_path / "base") == {}
    assert list(tmp_path.iterdir()) == []


def test_other_folders_than_those_that_take_none(tmp_path: Path) -> None:
    (tmp_path / ".config").touch()
    base = tmp_path / "base"
    there = {"MPLCONFIGDIR": str(base / "mplconfigdir")}
    assert homes.instead({"HOME": str(tmp_path)}, base) == there
    assert homes.instead({"HOME": str(tmp_path), "MPLCONFIGDIR": "own"}, base) == {}
    assert set(homes.instead({"HOME": "/proc/nonexistent"}, base)) == set(homes.KEPT)


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_user_without_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", no_home)
    assert set(homes.instead({}, tmp_path)) == set(homes.KEPT)
    # The compiled engine is built for each process alone.
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert compiled_engine.cache_folder() == compiled_engine._folder_of_this_process()
