"""Data of a user's own file: what is read of it, how it is split, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuron_race.common import validation
from neuron_race.data import datasets, kind
from neuron_race.data.kind import DatasetError
from neuron_race.settings import schema

SIZES = {"n_train": 20, "n_test": 10}


def options(path: Path, **changes: Any) -> dict[str, Any]:
    return {"kind": "file", "path": str(path), **SIZES, **changes}


def arrays(n: int = 40) -> dict[str, Any]:
    """Inputs whose first entry is the number of the sample, and classes that take turns."""
    X = np.random.default_rng(0).standard_normal((n, 3))
    X[:, 0] = np.arange(n)
    return {"X": X, "y": np.arange(n) % 2}


def saved(folder: Path, **changes: Any) -> Path:
    np.savez(folder / "mine.npz", **{**arrays(), **changes})
    return folder / "mine.npz"


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


def table(rows: int = 40, header: str = "a,b,animal\n") -> str:
    return header + "".join(f"{i},{i % 7}.5,{'cat' if i % 2 else 'dog'}\n" for i in range(rows))


def raw(own: dict[str, Any], seed: int = 0) -> kind.Sample:
    return datasets.make("own", {**own, "centre": False, "scale": "none"}, seed)


@pytest.mark.parametrize("values", [[0, 1], [3.0, 8.0], ["cat", "dog"], [False, True]])
def test_two_classes_become_signs_in_the_order_of_their_names(
    tmp_path: Path, values: list[Any]
) -> None:
    own = options(saved(tmp_path, y=np.array(values)[np.arange(40) % 2]))
    assert datasets.faults(own, {}) == []
    sample = raw(own)
    assert sample.Y.shape == (20, 1) and sample.Y_test.shape == (10, 1)
    for X, Y in ((sample.X, sample.Y), (sample.X_test, sample.Y_test)):
        assert np.array_equal(Y[:, 0], np.where(X[:, 0] % 2 == 0, 1.0, -1.0))


def test_splits_are_disjoint_and_other_seeds_take_other_samples(tmp_path: Path) -> None:
    own = options(saved(tmp_path))
    one, other = raw(own, 0), raw(own, 1)
    assert not set(one.X[:, 0]) & set(one.X_test[:, 0])
    assert set(one.X[:, 0]) != set(other.X[:, 0])
    assert np.array_equal(one.X, raw(own, 0).X)


@pytest.mark.parametrize("rare", [3, 5, 19])
def test_classes_keep_their_shares_in_both_splits(tmp_path: Path, rare: int) -> None:
    own = options(saved(tmp_path, y=np.arange(40) < rare), n_train=24, n_test=16)
    assert datasets.faults(own, {}) == []
    for seed in range(5):
        sample = raw(own, seed)
        for Y in (sample.Y, sample.Y_test):
            assert abs((Y == -1).sum() - rare * len(Y) / 40) < 1


def test_images_are_flattened_and_one_hot_stays(tmp_path: Path) -> None:
    which = np.arange(40) % 3
    path = saved(tmp_path, X=np.arange(480).reshape(40, 4, 3), y=np.eye(3, dtype=int)[which])
    own = options(path)
    assert datasets.inputs(own, {}) == 12 and kind.of("file").outputs(own) == 3
    sample = raw(own)
    assert np.array_equal(sample.Y.argmax(axis=1), sample.X[:, 0] // 12 % 3)
    two = options(saved(tmp_path, y=np.eye(2)[np.arange(40) % 2]))
    assert kind.of("file").outputs(two) == 1 and raw(two).Y.shape == (20, 1)


@pytest.mark.parametrize("header", ["a,b,animal\n", ""])
def test_a_csv_has_its_label_last(tmp_path: Path, header: str) -> None:
    own = options(written(tmp_path, table(header=header)))
    assert datasets.faults(own, {}) == [] and datasets.inputs(own, {}) == 2
    sample = raw(own)
    assert np.array_equal(sample.Y[:, 0], np.where(sample.X[:, 0] % 2 == 1, 1.0, -1.0))


def test_a_csv_may_name_its_label(tmp_path: Path) -> None:
    text = "animal,a\n" + "".join(f"{i % 2},{i}\n" for i in range(40))
    sample = raw(options(written(tmp_path, text), label="animal"))
    assert np.array_equal(sample.Y[:, 0], np.where(sample.X[:, 0] % 2 == 0, 1.0, -1.0))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    own = options(saved(tmp_path))
    before = raw(own).X
    saved(tmp_path, X=np.zeros((41, 2)) + np.arange(41)[:, None], y=np.arange(41) % 2)
    assert raw(own).X.shape != before.shape


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no y": ({"labels": 0}, r"holds X, labels; needed are X \(samples, \.\.\.\) and y"),
    "nan": ({"X": np.full((40, 2), np.nan)}, r"X\[0\], input 0: nan; finite numbers are needed"),
    "text": ({"X": np.full((40, 2), "a")}, "needed are numbers"),
    "lengths": ({"y": np.arange(7) % 2}, r"y has shape \(7,\) and X \(40, 3\)"),
    "one class": ({"y": np.zeros(40, int)}, "40 of 0; two classes are needed"),
    "one of a class": ({"y": np.arange(40) == 0}, "39 of False, 1 of True; two classes"),
    "three": ({"y": np.arange(40) % 3}, r"3 classes \(0, 1, 2\); .* given as one-hot y"),
    "no one-hot": ({"y": np.ones((40, 3))}, r"y of shape \(40, 3\) is not one-hot"),
    "nan in y": ({"y": np.where(np.arange(40) > 3, 1.0, np.nan)}, r"y\[0\]: no finite number"),
    "objects": ({"y": np.array([None] * 40, dtype=object)}, "can't be read as .npz"),
    "few": ({"X": np.eye(3), "y": np.arange(3) % 2}, "3 samples; at least 4"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_file_can_not_be_is_refused_with_its_name(tmp_path: Path, case: str) -> None:
    changes, message = REFUSED[case]
    whole = {**arrays(), **changes}
    if case == "no y":
        del whole["y"]
    np.savez(tmp_path / "mine.npz", **whole)
    (fault,) = datasets.faults(options(tmp_path / "mine.npz"), {})
    assert fault.startswith(f"path: {tmp_path / 'mine.npz'}: ")
    with pytest.raises(DatasetError, match=message):
        raw(options(tmp_path / "mine.npz"))


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        (table() + "1,x,cat\n", {}, "line 42, column b: 'x' is no finite number"),
        (table() + "1,inf,cat\n", {}, "column b: 'inf' is no finite number"),
        (table() + "1,2\n", {}, "line 42: 2 columns, where the first has 3"),
        (table() + "1,2,\n", {}, "line 42: no label"),
        (table(), {"label": "colour"}, "label: 'colour' is no column; columns are a, b, animal"),
        (table(header=""), {"label": "b"}, "the file has no header"),
        ("", {}, "no columns"),
    ],
)
def test_lines_that_are_no_samples_are_refused(
    tmp_path: Path, text: str, changes: dict[str, Any], message: str
) -> None:
    (fault,) = datasets.faults(options(written(tmp_path, text), **changes), {})
    assert message in fault and "mine.csv" in fault


@pytest.mark.parametrize(
    ("name", "message"),
    [("mine.npz", "No such file"), ("mine.txt", "allowed are .npz, .csv"), (".", "regular file")],
)
def test_a_path_that_is_no_such_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "mine.txt").write_text("1,2\n")
    (fault,) = datasets.faults(options(tmp_path / name), {})
    assert message in fault
    assert datasets.inputs(options(tmp_path / name), {}) is None


def test_sizes_that_the_file_does_not_have_are_refused(tmp_path: Path) -> None:
    own = options(saved(tmp_path, y=np.arange(40) < 2))
    (fault,) = datasets.faults({**own, "n_test": 21}, {})
    assert "n_train + n_test = 41" in fault and "has 40 samples" in fault
    (fault,) = datasets.faults({**own, "n_train": 5, "n_test": 30}, {})
    assert fault.startswith("n_train: 5 samples") and "none of class True (2 of 40)" in fault


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Opened:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "touched",))

    np.savez(tmp_path / "mine.npz", X=np.array([Opened()] * 40), y=np.arange(40) % 2)
    (fault,) = datasets.faults(options(tmp_path / "mine.npz"), {})
    assert "can't be read" in fault and not (tmp_path / "touched").exists()


def test_the_settings_need_a_path_and_may_name_a_label() -> None:
    rules = schema.of("config")["properties"]["datasets"]
    own = {"kind": "file", "path": "a.csv", **SIZES}
    validation.validate({"own": {**own, "label": "b"}}, {**rules, "$defs": {"name": {}}}, "config")
    with pytest.raises(validation.SettingsError, match="'path' is a required property"):
        wrong = {"own": {"kind": "file", **SIZES}}
        validation.validate(wrong, {**rules, "$defs": {"name": {}}}, "config")
