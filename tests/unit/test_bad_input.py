"""Spoilt inputs of every kind: a clear error that names the file, and nothing else happens."""

import copy
import io
import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from small_runs import digits

from neuron_race import runs, settings, storage
from neuron_race.settings import SettingsError
from neuron_race.storage import ResultError

ROOT = Path(__file__).parents[2]
CONFIG = settings.read_yaml(ROOT / "config/config.yaml")
REGISTER = settings.read_yaml(ROOT / "config/claims.yaml")
NAME = re.compile(r"[a-z][a-z0-9_]*")
few = hypothesis_settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values in nested dictionaries and lists."""
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(tree: Any, path: tuple[Any, ...], value: Any, key: Any) -> Any:
    """A copy with the value at a path replaced, or, with ``key``, a key beside it added."""
    tree = copy.deepcopy(tree)
    at = tree
    for step in path[:-1]:
        at = at[step]
    if key is not None and isinstance(at, dict):
        at[key] = value
    else:
        at[path[-1]] = value
    return tree


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 3.0, 10**6, 10**12, 10**400, float("nan"), float("inf"), 1e-320]),
    st.sampled_from(
        ["../../etc", "/etc/passwd", "a/b", "a\n", "", ".", "$(touch x)", "é", "a" * 500]
    ),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
keys = st.one_of(st.none(), st.none(), scalars)


@few
@given(st.sampled_from(list(places(CONFIG))), values, keys)
def test_any_change_of_the_config_is_accepted_or_refused_in_words(
    path: tuple[Any, ...], value: Any, key: Any
) -> None:
    try:
        read = settings.read(changed(CONFIG, path, value, key), ROOT)
    except SettingsError as error:
        assert str(error).startswith(("config", "/")) or "claims" in str(error)
        return
    # What is accepted can't leave the folders of results: names become paths.
    for name in (*read.datasets, *read.experiments, *read.claims, *read.weight_tickets):
        assert NAME.fullmatch(name)
    for conditions in read.experiments.values():
        assert all(NAME.fullmatch(name) for name in conditions)
        for options in conditions.values():
            assert isinstance(options["width"], int) and isinstance(options["max_steps"], int)


@hypothesis_settings(few, max_examples=25)  # reading the register takes a while
@given(st.sampled_from(list(places(REGISTER))), values, keys)
def test_any_change_of_the_register_is_accepted_or_refused_in_words(
    tmp_path: Path, path: tuple[Any, ...], value: Any, key: Any
) -> None:
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(changed(REGISTER, path, value, key)))
    try:
        read = settings.read({**CONFIG, "claims": "claims.yaml"}, tmp_path)
    except SettingsError as error:
        assert "claims" in str(error)
        return
    for claim in read.claims.values():
        assert NAME.fullmatch(claim["id"])
        for table in claim["figure_tables"]:
            assert ".." not in Path(table).parts and not Path(table).is_absolute()


@few
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_yaml_or_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    try:
        settings.read_yaml(path)
    except SettingsError as error:
        assert str(error).startswith(f"{path}: ")


def bomb(depth: int = 12) -> list[Any]:
    """Twelve levels of ten references each: 10^12 values if written out."""
    level: list[Any] = ["lol"]
    for _ in range(depth):
        level = [level] * 10
    return level


@pytest.mark.parametrize("key", ["seeds", "experiments", "unknown"])
def test_an_alias_bomb_in_the_merged_config_does_not_go_off(key: str) -> None:
    with pytest.raises(SettingsError, match="more than 200000 entries"):
        settings.read({**CONFIG, key: bomb()}, ROOT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 1500, "can't be read .*maximum nesting depth"),  # the parser's own limit
        ("{a: " * 1500, "nested too deeply"),
        ("- " * 3000, "nested too deeply"),
    ],
)
def test_deep_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "deep.yaml").write_text(text)
    with pytest.raises(SettingsError, match=rf"(?s)deep\.yaml: {message}"):
        settings.read_yaml(tmp_path / "deep.yaml")


def test_deep_config_and_deep_json_are_refused(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(SettingsError, match="nested too deeply"):
        settings.read({**CONFIG, "images": deep}, ROOT)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ResultError, match=r"deep\.json: not a readable JSON file"):
        storage.read_json(tmp_path / "deep.json")


# --- Files of arrays ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as training leaves it, with its sidecar."""
    path = tmp_path_factory.mktemp("run") / "gaussian.npz"
    trained = digits()
    sidecar = {"parameters": {"options": trained.options}}
    runs.save(path, trained.start, trained.runs, sidecar)
    return path


def copied(run_file: Path, folder: Path) -> Path:
    shutil.copy(run_file, folder / run_file.name)
    shutil.copy(run_file.with_suffix(".json"), folder / f"{run_file.stem}.json")
    return folder / run_file.name


@few
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.booleans())
def test_truncated_or_damaged_runs_are_refused_or_read_unharmed(
    run_file: Path, tmp_path: Path, where: float, byte: int, cut: bool
) -> None:
    path = copied(run_file, tmp_path)
    content = bytearray(path.read_bytes())
    at = int(where * len(content))
    if cut:
        content = content[:at]
    else:
        content[at] = byte
    path.write_bytes(bytes(content))
    good = storage.read_arrays(run_file)
    try:
        runs.load(path)
        read = storage.read_arrays(path)
    except ResultError as error:
        assert "gaussian." in str(error)
        return
    # Bytes that carry nothing, such as dates, may differ; values may not.
    for name, array in good.items():
        assert read[name].tobytes() == array.tobytes(), name


Spoil = Callable[[dict[str, Any]], None]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "NaN in the loss": (lambda a: a["loss"].__setitem__((0, 1), np.nan), "loss holds a NaN"),
    "NaN in a weight": (
        lambda a: a["W_events"].__setitem__((0, 0, 0, 0), np.nan),
        "W_events holds",
    ),
    "infinity in the data": (lambda a: a["X"].__setitem__((0, 0, 0), np.inf), "X holds"),
    "NaN in a measurement": (
        lambda a: a["measured_norm_w"].__setitem__((0, 0, 0), np.nan),
        "measured_norm_w holds",
    ),
    "a run less": (lambda a: a.update(loss=a["loss"][:-1]), "has shape"),
    "a neuron less": (lambda a: a.update(A_events=a["A_events"][:, :, :-1]), "A_events has shape"),
    "an axis less": (lambda a: a.update(X=a["X"][0]), "has shape"),
    "no runs": (lambda a: a.update({k: v[:0] for k, v in a.items() if k != "step"}), "has shape"),
    "a scalar": (lambda a: a.update(W_events=np.float64(3)), "no run|shape"),
    "text": (lambda a: a.update(loss=np.array(["a", "b"])), "no array of numbers"),
    "events of another recipe": (
        lambda a: a.update(event_step=a["event_step"][:, 1:]),
        "event_step has shape",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_arrays_are_refused_by_name(run_file: Path, tmp_path: Path, case: str) -> None:
    spoil, words = SPOILT[case]
    path = copied(run_file, tmp_path)
    arrays = {name: array.copy() for name, array in storage.read_arrays(path).items()}
    spoil(arrays)
    storage.write_arrays(path, {name: np.asarray(array) for name, array in arrays.items()})
    with pytest.raises(ResultError, match=rf"gaussian\.npz: .*({words})"):
        runs.load(path)


@pytest.mark.parametrize("sidecar", ["[]", "3", "{}", '{"parameters": []}', '{"parameters": {}}'])
def test_spoilt_sidecars_are_refused_by_name(run_file: Path, tmp_path: Path, sidecar: str) -> None:
    path = copied(run_file, tmp_path)
    path.with_suffix(".json").write_text(sidecar)
    with pytest.raises(ResultError, match=r"gaussian\."):
        runs.load(path)


@few
@given(st.data())
def test_sidecars_with_any_change_are_refused_or_read(
    run_file: Path, tmp_path: Path, data: st.DataObject
) -> None:
    path = copied(run_file, tmp_path)
    sidecar = json.loads(path.with_suffix(".json").read_text())
    where = data.draw(st.sampled_from(list(places(sidecar))))
    new = changed(sidecar, where, data.draw(values), None)
    path.with_suffix(".json").write_text(json.dumps(new))
    try:
        runs.load(path)
    except ResultError as error:
        assert "gaussian." in str(error)


def archive(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(name, content)


def header(shape: str, descr: str = "'<f8'") -> bytes:
    """The beginning of an array file that claims a shape, and has no values."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "shape",
    ["(1000000000000,)", f"({10**30},)", "(-1,)", "(2,", "('a',)", "(" * 100, "__import__('os')"],
)
def test_impossible_sizes_are_refused(tmp_path: Path, shape: str) -> None:
    archive(tmp_path / "huge.npz", {"X.npy": header(shape)})
    with pytest.raises(ResultError, match=r"huge\.npz: not a readable"):
        storage.read_arrays(tmp_path / "huge.npz")


def test_a_compressed_bomb_is_refused_unopened(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.zeros(10**6))
    archive(tmp_path / "bomb.npz", {"X.npy": content.getvalue()}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ResultError, match=r"bomb\.npz: X\.npy is compressed"):
        storage.read_arrays(tmp_path / "bomb.npz")


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    objects = np.array([Trap(trap)], dtype=object)
    np.savez(tmp_path / "objects.npz", X=objects)
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Trap(trap)))
    archive(tmp_path / "inside.npz", {"X.npy": pickle.dumps(Trap(trap))})
    archive(tmp_path / "other.npz", {"X.pkl": pickle.dumps(Trap(trap))})
    for name in ("objects", "bare", "inside", "other"):
        with pytest.raises(ResultError, match=rf"{name}\.npz"):
            storage.read_arrays(tmp_path / f"{name}.npz")
        with pytest.raises(ResultError, match=rf"{name}\.npz"):
            runs.read_dataset(tmp_path / f"{name}.npz", [0])
    assert not trap.exists()


def test_names_in_an_archive_write_nothing(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    content = io.BytesIO()
    np.save(content, np.ones(3))
    archive(inner / "a.npz", {"../../escaped.npy": content.getvalue()})
    with pytest.raises(ResultError, match=r"a\.npz: no array seed, X"):
        runs.read_dataset(inner / "a.npz", [0])
    assert {path.name for path in tmp_path.rglob("*")} == {"inner", "a.npz"}
