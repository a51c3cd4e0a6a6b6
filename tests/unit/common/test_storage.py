"""Results on disk: whole or not at all, the same bytes, never pickled."""

import json
import os
import subprocess
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_runs import digits

from neuron_race.common import leftovers, storage
from neuron_race.common.storage import ResultError
from neuron_race.training import runs

ARRAYS = {
    "W": np.random.default_rng(0).standard_normal((3, 4)),
    "step": np.arange(5),
    "scalar": np.array(2.5),
    "mask": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "special": np.array([np.nan, np.inf, -0.0, 1e-320]),
}


class Spy:
    """Unpickled, it would run code."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("raise SystemExit('code ran')",)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "new folder/a.npz"
    storage.write_arrays(path, ARRAYS)
    back = storage.read_arrays(path)
    assert list(back) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype and back[name].tobytes() == array.tobytes(), name
    assert list(storage.read_arrays(path, ("step", "W"))) == ["step", "W"]


def test_same_arrays_same_bytes_at_any_time_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write_arrays(tmp_path / "a.npz", ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    storage.write_arrays(tmp_path / "other/b.npz", ARRAYS)
    one, two = (tmp_path / "a.npz").read_bytes(), (tmp_path / "other/b.npz").read_bytes()
    assert one == two
    storage.write_arrays(tmp_path / "c.npz", {**ARRAYS, "step": np.arange(5) + 1})
    assert (tmp_path / "c.npz").read_bytes() != one


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "a.npz"
    storage.write_arrays(path, ARRAYS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ResultError, match=r"a\.npz: not a readable"):
        storage.read_arrays(path)


def test_a_damaged_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    storage.write_arrays(path, {"W": np.ones(1000)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ResultError, match=r"a\.npz: not a readable"):
        storage.read_arrays(path)


@pytest.mark.parametrize("content", [b"no archive", b"", b"\x93NUMPY\x01\x00garbage"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ResultError, match=r"a\.npz"):
        storage.read_arrays(path)


def test_a_single_array_is_no_archive(tmp_path: Path) -> None:
    with open(tmp_path / "a.npz", "wb") as stream:
        np.save(stream, np.ones(3))
    with pytest.raises(ResultError, match="not a readable"):
        storage.read_arrays(tmp_path / "a.npz")


def test_objects_are_refused_on_writing_and_on_reading(tmp_path: Path) -> None:
    objects = np.array([Spy()], dtype=object)
    with pytest.raises(TypeError, match="W holds objects"):
        storage.write_arrays(tmp_path / "a.npz", {"fine": np.ones(2), "W": objects})
    record = np.zeros(1, dtype=[("x", object)])
    with pytest.raises(TypeError, match="W holds objects"):
        storage.write_arrays(tmp_path / "a.npz", {"W": record})
    assert list(tmp_path.iterdir()) == []
    np.savez(tmp_path / "b.npz", W=objects)
    with pytest.raises(ResultError, match=r"b\.npz: not a readable.*allow_pickle"):
        storage.read_arrays(tmp_path / "b.npz")


def test_missing_files_and_arrays_are_named(tmp_path: Path) -> None:
    for read in (storage.read_arrays, storage.read_json, storage.read_table):
        with pytest.raises(ResultError, match="nowhere"):
            read(tmp_path / "nowhere")
    storage.write_arrays(tmp_path / "a.npz", ARRAYS)
    with pytest.raises(ResultError, match="no array A, b; it has W, step"):
        storage.read_arrays(tmp_path / "a.npz", ("W", "A", "b"))


class DiskFull(OSError):
    pass


@pytest.mark.parametrize("before", [None, b"the old content"])
@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_nothing_behind_and_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, before: bytes | None
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise DiskFull("no space left")

    path = tmp_path / "a.npz"
    if before is not None:
        path.write_bytes(before)
    target = {"write": "numpy.lib.format.write_array", "fsync": "os.fsync", "replace": "os.replace"}
    monkeypatch.setattr(target[moment], fail)
    with pytest.raises(DiskFull):
        storage.write_arrays(path, ARRAYS)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["a.npz"])
    assert before is None or path.read_bytes() == before


def test_what_a_killed_process_left_is_tidied_up(tmp_path: Path) -> None:
    for name in (".a.npz.1.part", ".b.npz.1.part"):
        (tmp_path / name).write_bytes(b"half a file")
    storage.write_arrays(tmp_path / "a.npz", ARRAYS)
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", ".b.npz.1.part"}


def test_what_killed_processes_left_goes_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yesterday = time.time() - leftovers.DAY - 10
    names = ["neuron_race-old", "neuron_race-young", "other-old"]
    old, young, other = (tmp_path / name for name in names)
    for folder in (old, young, other):
        folder.mkdir()
        (folder / "part").touch()
    script = tmp_path / "neuron_race-script"
    script.touch()
    for path in (old, other, script):
        os.utime(path, (yesterday, yesterday))
    with leftovers.scratch() as own:
        (own / "part").touch()
        assert sorted(tmp_path.iterdir()) == sorted([young, other, own])
    assert sorted(tmp_path.iterdir()) == sorted([young, other])
    leftovers.tidy([tmp_path / "gone", other, young])
    assert list(tmp_path.iterdir()) == [young] and (young / "part").exists()


@pytest.fixture(scope="module")
def ended() -> int:
    """Number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_folders_of_dead_processes_are_tidied_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int
) -> None:
    names = ("living", "dead", "elsewhere", "alike", "unmarked", "neuron_race-dead")
    for name in names:
        (tmp_path / name).mkdir()
    mark = next(leftovers.own(tmp_path / "living").iterdir()).name
    assert str(os.getpid()) in mark
    dead = mark.replace(str(os.getpid()), str(ended))
    (tmp_path / "dead" / dead).touch()
    (tmp_path / "neuron_race-dead" / dead).touch()
    (tmp_path / "elsewhere" / f".neuron_race-{ended}@another-host").touch()
    (tmp_path / "alike" / f"{dead}-2").touch()  # a machine whose name begins as this one's
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with leftovers.scratch() as own:
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {*names, own.name} - {"neuron_race-dead"}
        leftovers.tidy_owned(tmp_path.iterdir())
        assert {path.name for path in tmp_path.iterdir()} == left - {"dead"}


def test_of_shared_files_only_the_parts_of_dead_processes_are_tidied_up(
    tmp_path: Path, ended: int
) -> None:
    path = tmp_path / "a.json"
    with storage.part(path) as own:
        pass
    living, dead = (own.name.replace(str(os.getpid()), str(n)) for n in (os.getppid(), ended))
    others = {living, f".a.json.{ended}@another-host.part", f".b.json.{ended}.part"}
    for name in {*others, dead}:
        (tmp_path / name).write_bytes(b"half a file")
    impossible = dead.replace(str(ended), "9" * 30)
    (tmp_path / impossible).touch()
    assert len(own.name) <= len(path.name) + 25  # names of image files may have 200 of 255
    storage.write_json(path, {}, shared=True)
    assert {p.name for p in tmp_path.iterdir()} == {"a.json", *others}
    storage.write_json(path, {})
    assert {p.name for p in tmp_path.iterdir()} == {"a.json", f".b.json.{ended}.part"}


def test_an_unserialisable_value_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        storage.write_json(tmp_path / "a.json", {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    content = {
        "nan": float("nan"),
        "inf": -np.inf,
        "numpy": np.float64("nan"),
        "array": np.array([1.0, np.nan]),
        "nested": [{"deep": (np.float32(0.5), np.nan)}],
        "kinds": [np.int64(3), np.bool_(True), True, 1, None, "é", Path("a/b")],
    }
    storage.write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "NaN" not in text and "Infinity" not in text and "é" in text and text.endswith("\n")
    back = storage.read_json(tmp_path / "a.json")
    assert back["nan"] is back["inf"] is back["numpy"] is None
    assert back["array"] == [1.0, None] and back["nested"] == [{"deep": [0.5, None]}]
    assert back["kinds"] == [3, True, True, 1, None, "é", "a/b"]
    assert back["kinds"][1] is True and not isinstance(back["kinds"][3], bool)


def test_json_that_is_none_is_refused(tmp_path: Path) -> None:
    for content in (b"{", b"\xff\xfe\x00", b""):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(ResultError, match=r"a\.json: not a readable JSON file"):
            storage.read_json(tmp_path / "a.json")


def test_tables_come_back_and_have_the_same_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"seed": [0, 1], "x": [1 / 3, np.nan], "name": ['a "b"', "c, d"]})
    for name in ("a.csv", "b.csv"):
        storage.write_table(tmp_path / name, table)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    back = storage.read_table(tmp_path / "a.csv")
    assert back["name"].tolist() == table["name"].tolist() and back["seed"].tolist() == [0, 1]
    np.testing.assert_allclose(back["x"], table["x"], rtol=1e-9)
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(ResultError, match=r"a\.csv: not a readable table"):
        storage.read_table(tmp_path / "a.csv")


def test_tables_are_joined_as_if_written_whole_one_at_a_time(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": range(40), "x": [0.1, np.nan] * 20, "text": ["é", "a,b"] * 20})
    parts = [tmp_path / f"{at}.csv" for at in range(4)]
    for at, part in enumerate(parts):
        storage.write_table(part, table[10 * at : 10 * at + 10])

    def one_at_a_time() -> Iterator[Path]:
        for part in parts:
            yield part
            part.unlink()

    storage.write_table(tmp_path / "whole.csv", table)
    storage.join_tables(tmp_path / "joined.csv", one_at_a_time())
    assert (tmp_path / "joined.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_joining_needs_memory_for_one_part(tmp_path: Path) -> None:
    part = tmp_path / "part.csv"
    storage.write_table(part, pd.DataFrame({"x": np.arange(20_000)}))
    tracemalloc.start()
    storage.join_tables(tmp_path / "joined.csv", [part] * 50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * part.stat().st_size < (tmp_path / "joined.csv").stat().st_size


def test_tables_that_can_not_be_joined_are_named(tmp_path: Path) -> None:
    for name in "ab":
        storage.write_table(tmp_path / f"{name}.csv", pd.DataFrame({name: [1]}))
    with pytest.raises(ResultError, match=r"b\.csv: has the columns b, the tables before it a"):
        storage.join_tables(tmp_path / "joined.csv", [tmp_path / "a.csv", tmp_path / "b.csv"])
    with pytest.raises(ResultError, match=r"c\.csv: not a readable table"):
        storage.join_tables(tmp_path / "joined.csv", [tmp_path / "a.csv", tmp_path / "c.csv"])
    assert not (tmp_path / "joined.csv").exists()


def test_provenance_depends_on_contents_and_not_on_place_or_time(tmp_path: Path) -> None:
    made = []
    for folder, content in (("here", b"1"), ("there", b"1"), ("third", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.npz").write_bytes(content)
        made.append(
            storage.provenance([tmp_path / folder / "data.npz"], {"seed": 0}, {"a.py": "0"})
        )
    assert made[0] == made[1] != made[2]
    digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # of "1"
    assert made[0]["inputs"] == {"data.npz": digest} and made[0]["parameters"] == {"seed": 0}
    assert {"python", "numpy", "torch"} <= set(made[0]["versions"])
    assert str(tmp_path) not in json.dumps(made)


# --- Runs ---------------------------------------------------------------------------------------


def test_runs_come_back_as_they_were_trained(tmp_path: Path) -> None:
    trained = digits()
    sidecar = {"parameters": {"options": trained.options}}
    runs.save(tmp_path / "a.npz", trained.start, trained.runs, sidecar)
    back = runs.load(tmp_path / "a.npz")
    assert back.start.rank == trained.start.rank and back.recipe == trained.recipe
    for part in ("seed", "X", "Y", "X_test", "Y_test", "W", "A"):
        np.testing.assert_array_equal(getattr(back.start, part), getattr(trained.start, part))
    for part in ("step", "loss", "event_step", "W_events", "A_events", "W", "A"):
        np.testing.assert_array_equal(getattr(back.runs, part), getattr(trained.runs, part))
    for name, array in trained.runs.measured.items():
        np.testing.assert_array_equal(back.runs.measured[name], array)
    assert storage.read_json(tmp_path / "a.json")["weights_kept"] == "all snapshots"


def test_runs_without_sidecar_or_array_are_refused(tmp_path: Path) -> None:
    trained = digits()
    path, sidecar = tmp_path / "a.npz", {"parameters": {"options": trained.options}}
    runs.save(path, trained.start, trained.runs, sidecar)
    arrays = storage.read_arrays(path)
    arrays.pop("measured_growth")
    storage.write_arrays(path, arrays)
    with pytest.raises(ResultError, match="measured_growth"):
        runs.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(ResultError, match=r"a\.json"):
        runs.load(path)


def test_data_sets_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    good = {
        "seed": np.array([3, 5]),
        "X": np.ones((2, 4, 3)),
        "Y": np.ones((2, 4, 1)),
        "X_test": np.ones((2, 6, 3)),
        "Y_test": np.ones((2, 6, 1)),
    }
    bad = {
        "samples": ({**good, "X": np.ones((2, 5, 3))}, "shapes do not fit together"),
        "runs": ({**good, "X_test": np.ones((1, 6, 3))}, "shapes do not fit together"),
        "outputs": ({**good, "Y_test": np.ones((2, 6, 2))}, "shapes do not fit together"),
        "nan": ({**good, "Y": np.full((2, 4, 1), np.nan)}, "Y is no stack of matrices of finite"),
        "flat": ({**good, "Y": np.ones((2, 4))}, "Y is no stack of matrices of finite numbers"),
        "lacking": ({"seed": good["seed"], "X": good["X"]}, "no array Y, X_test, Y_test"),
        "seeds": ({**good, "seed": np.array([3, 4])}, r"of seeds \[3, 4\], wanted \[3, 5\]"),
    }
    storage.write_arrays(tmp_path / "good.npz", good)
    assert runs.read_dataset(tmp_path / "good.npz", [3, 5])["X"].shape == (2, 4, 3)
    for name, (arrays, message) in bad.items():
        storage.write_arrays(tmp_path / f"{name}.npz", arrays)
        with pytest.raises(ResultError, match=rf"{name}\.npz: {message}"):
            runs.read_dataset(tmp_path / f"{name}.npz", [3, 5])


def test_archives_are_plain_zip_files_without_a_date(tmp_path: Path) -> None:
    storage.write_arrays(tmp_path / "a.npz", ARRAYS)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(tmp_path / "a.npz", allow_pickle=False) as loaded:
        np.testing.assert_array_equal(loaded["W"], ARRAYS["W"])
