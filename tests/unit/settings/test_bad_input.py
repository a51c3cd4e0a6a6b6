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
from smoke_run import snakemake

from neuron_race.common import storage, validation
from neuron_race.common.storage import ResultError
from neuron_race.settings import configuration, schema
from neuron_race.settings.configuration import SettingsError
from neuron_race.training import runs

ROOT = Path(__file__).parents[3]
CONFIG = configuration.read_yaml(ROOT / "config/config.yaml")
REGISTER = configuration.read_register(ROOT / "config/claims")
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


def dumped(tree: Any) -> str:
    """As YAML, by the fast dumper where there is one."""
    return str(yaml.dump(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


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
        read = configuration.read(changed(CONFIG, path, value, key), ROOT)
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
    (tmp_path / "claims.yaml").write_text(dumped(changed(REGISTER, path, value, key)))
    try:
        read = configuration.read({**CONFIG, "claims": "claims.yaml"}, tmp_path)
    except SettingsError as error:
        assert "claims" in str(error)
        return
    for claim in read.claims.values():
        assert NAME.fullmatch(claim["id"])
        for table in claim["figure_tables"]:
            assert ".." not in Path(table).parts and not Path(table).is_absolute()


WRITTEN = configuration.read_yaml(ROOT / "config/claims/capacity.yaml")


@few
@given(st.sampled_from(list(places(WRITTEN))), values, keys)
def test_any_change_of_a_claims_file_is_accepted_or_refused_by_its_name(
    tmp_path: Path, path: tuple[Any, ...], value: Any, key: Any
) -> None:
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    index = configuration.read_yaml(ROOT / "config/claims/_register.yaml")
    (folder / "_register.yaml").write_text(dumped({**index, "order": ["capacity"]}))
    (folder / "capacity.yaml").write_text(dumped(changed(WRITTEN, path, value, key)))
    try:
        read = configuration.read({**CONFIG, "claims": "own"}, tmp_path)
    except SettingsError as error:
        assert all("capacity.yaml: " in line for line in str(error).splitlines() if "own/" in line)
        assert "own/capacity.yaml: " in str(error)
        return
    assert list(read.claims) == ["capacity"]


def is_planned_or_refused_in_words(
    project: Path, tmp_path: Path, path: tuple[Any, ...], value: Any, key: Any
) -> None:
    overlay = tmp_path / "any.yaml"
    overlay.write_text(dumped(changed(CONFIG, path, value, key)))
    done = snakemake(project, "-n", "--cores", "1", "--configfile", str(overlay))
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    # Where, what, and nothing of the code.
    assert done.returncode == 0 or re.search(
        r"^WorkflowError.*:\n(config|/|.*claims).*: ", said, re.M
    )
    # Nothing is written, and nothing is planned outside the folders of results.
    assert [p.name for p in tmp_path.iterdir()] == ["any.yaml"]
    assert not (project / "results").exists()
    planned = re.findall(r"^    output: (.*)$", said, re.M)
    for name in (name for line in planned for name in line.split(", ")):
        assert name.startswith(("results/", "figures/")) and ".." not in name


# Each example starts Snakemake.
any_overlay = given(st.sampled_from(list(places(CONFIG))), values, keys)


@hypothesis_settings(few, max_examples=3)
@any_overlay
def test_some_overlays_are_planned_or_refused_in_words(
    project: Path, tmp_path: Path, path: tuple[Any, ...], value: Any, key: Any
) -> None:
    is_planned_or_refused_in_words(project, tmp_path, path, value, key)


@pytest.mark.slow
@hypothesis_settings(few, max_examples=40)
@any_overlay
def test_any_overlay_is_planned_or_refused_in_words(
    project: Path, tmp_path: Path, path: tuple[Any, ...], value: Any, key: Any
) -> None:
    is_planned_or_refused_in_words(project, tmp_path, path, value, key)


@few
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_yaml_or_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    try:
        configuration.read_yaml(path)
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
        configuration.read({**CONFIG, key: bomb()}, ROOT)


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
        configuration.read_yaml(tmp_path / "deep.yaml")


def test_deep_config_and_deep_json_are_refused(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(SettingsError, match="nested too deeply"):
        configuration.read({**CONFIG, "images": deep}, ROOT)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ResultError, match=r"deep\.json: not a readable JSON file"):
        storage.read_json(tmp_path / "deep.json")


# --- Files of arrays ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as training leaves it, with its sidecar."""
    path = tmp_path_factory.mktemp("run") / "gaussian.npz"
    trained = digits()
    parameters = {"experiment": "small", "condition": "gaussian", "options": trained.options}
    runs.save(
        path,
        trained.start,
        trained.runs,
        storage.provenance([ROOT / "LICENSE"], parameters, {"a.py": "0"}),
    )
    return path


@pytest.fixture(scope="module")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the seeds 3 and 5; its dimensions all differ."""
    path = tmp_path_factory.mktemp("data") / "clusters.npz"
    shapes = {"X": (2, 6, 4), "Y": (2, 6, 3), "X_test": (2, 5, 4), "Y_test": (2, 5, 3)}
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    storage.write_arrays(path, {"seed": np.array([3, 5]), **arrays})
    return path


READERS: dict[str, Callable[[Path], Any]] = {
    "run_file": runs.load,
    "data_file": lambda path: runs.read_dataset(path, [3, 5]),
}
each_kind = pytest.mark.parametrize("kind", READERS)


Tell = Callable[[dict[str, Any]], dict[str, Any]]


def copied(file: Path, folder: Path) -> Path:
    """A copy of a file of arrays, with its sidecar if it has one."""
    for path in file.parent.glob(f"{file.stem}.*"):
        shutil.copy(path, folder)
    return folder / file.name


def told(file: Path, folder: Path, tell: Tell) -> Path:
    """A copy of a file of arrays whose sidecar says something else."""
    path = copied(file, folder)
    sidecar = json.loads(file.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(tell(sidecar)))
    return path


@each_kind
@few
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.booleans())
def test_truncated_or_damaged_data_are_refused_or_read_unharmed(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, where: float, byte: int, cut: bool
) -> None:
    file = request.getfixturevalue(kind)
    path = copied(file, tmp_path)
    content = bytearray(path.read_bytes())
    at = int(where * len(content))
    if cut:
        content = content[:at]
    else:
        content[at] = byte
    path.write_bytes(bytes(content))
    good = storage.read_arrays(file)
    try:
        READERS[kind](path)
        read = storage.read_arrays(path)
    except ResultError as error:
        assert f"{file.stem}." in str(error)
        return
    # Bytes that carry nothing, such as dates, may differ; values may not.
    for name, array in good.items():
        assert read[name].tobytes() == array.tobytes(), name


TYPES = ("f8", "c16", "f2", "f4", ">f8", "i8", "i2", "u8", ">i8", "bool")


@st.composite
def misshapen(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    """An array of another shape or type, or with a NaN or an infinity."""
    axis = draw(st.integers(0, array.ndim - 1))
    what = draw(st.sampled_from(["shape", "type", "value"]))
    if what == "shape":
        shapes = [
            array[None],
            array[..., None],
            array.ravel()[0],
            array.take(0, axis),
            array.take([], axis),
            array.take(range(array.shape[axis] - 1), axis),
            np.concatenate([array, array], axis),
            *([np.moveaxis(array, 0, -1)] if array.ndim > 1 else []),
        ]
        return np.asarray(draw(st.sampled_from(shapes)))
    if what == "type":
        others = [name for name in TYPES if np.dtype(name) != array.dtype]
        with np.errstate(all="ignore"):
            return array.astype(draw(st.sampled_from(others)))
    spoilt = array.astype(float)
    where = draw(st.integers(0, array.size - 1))
    spoilt.flat[where] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return spoilt


@each_kind
@hypothesis_settings(few, max_examples=100)
@given(st.data())
def test_data_with_any_array_misshapen_or_lacking_are_refused_by_name(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    file = request.getfixturevalue(kind)
    path = copied(file, tmp_path)
    arrays = storage.read_arrays(file)
    name = data.draw(st.sampled_from(list(arrays)))
    good = arrays.pop(name)
    if data.draw(st.integers(0, 9)):
        arrays[name] = data.draw(misshapen(good))
    storage.write_arrays(path, arrays)
    with pytest.raises(ResultError, match=rf"{file.stem}\.npz: "):
        READERS[kind](path)


def unreached(arrays: dict[str, Any], *names: str) -> None:
    """Make the last drop one that the first run never reached, weights of some names included."""
    arrays["event_step"][0, -2] = -1
    for name in names:
        arrays[name][0, -2] = np.nan


Spoil = Callable[[dict[str, Any]], None]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "NaN in the loss": (lambda a: a["loss"].__setitem__((0, 1), np.nan), "loss holds a NaN"),
    "NaN in a weight": (
        lambda a: a["W_events_span"].__setitem__((0, 0, 0, 0), np.nan),
        "W_events_span holds",
    ),
    "infinity in the data": (lambda a: a["X_span"].__setitem__((0, 0, 0), np.inf), "X_span holds"),
    "NaN in a measurement": (
        lambda a: a["measured_norm_w"].__setitem__((0, 0, 0), np.nan),
        "measured_norm_w holds",
    ),
    "a run less": (lambda a: a.update(loss=a["loss"][:-1]), "has shape"),
    "a neuron less": (lambda a: a.update(A_events=a["A_events"][:, :, :-1]), "A_events has shape"),
    "an axis less": (lambda a: a.update(X_span=a["X_span"][0]), "has shape"),
    "targets without axes": (lambda a: a.update(Y=np.float64(3)), "Y has shape"),
    "no runs": (lambda a: a.update({k: v[:0] for k, v in a.items() if k != "step"}), "has shape"),
    "a scalar": (lambda a: a.update(W_events_span=np.float64(3)), "no run|shape"),
    "text": (lambda a: a.update(loss=np.array(["a", "b"])), "no array of numbers"),
    "events of another recipe": (
        lambda a: a.update(event_step=a["event_step"][:, 1:]),
        "event_step has shape",
    ),
    "heads of all snapshots alone": (lambda a: a.pop("W_span"), "W_span has shape missing"),
    "a foreign seed": (
        lambda a: a.update(seed=a["seed"] + 7),
        r"seeds \[7\], but gaussian\.json says \[0\]",
    ),
    "steps reversed": (lambda a: a.update(step=a["step"][::-1]), "step does not increase from 0"),
    "a step twice": (
        lambda a: a["step"].__setitem__(3, a["step"][2]),
        "step does not increase from 0",
    ),
    "steps from 1": (lambda a: a.update(step=a["step"] + 1), "step does not increase from 0"),
    "a drop after the end": (
        lambda a: a["event_step"].__setitem__((0, 2), 10**9),
        "event_step has a drop at neither -1",
    ),
    "a drop before the start": (
        lambda a: a["event_step"].__setitem__((0, 2), -2),
        "event_step has a drop at neither -1",
    ),
    "an end at another step": (
        lambda a: a["event_step"].__setitem__((0, -1), 10**9),
        "event_step does not begin at 0 and end",
    ),
    "a beginning at another step": (
        lambda a: a["event_step"].__setitem__((0, 0), 1),
        "event_step does not begin at 0 and end",
    ),
    "weights where a run never got": (
        lambda a: unreached(a, "A_events"),
        "W_events_span has weights at an event never reached",
    ),
    "heads where a run never got": (
        lambda a: unreached(a, "W_events_span"),
        "A_events has weights at an event never reached",
    ),
    "weights of a span under the name of weights": (
        lambda a: a.update(W_events=a.pop("W_events_span")),
        "no 'W_events'",
    ),
    "weights of a span without a basis": (lambda a: a.pop("basis"), "no 'X"),
    "a basis of other coordinates": (
        lambda a: a.update(basis=a["basis"][..., :-1]),
        "basis has shape",
    ),
    "a basis that turns and stretches": (
        lambda a: a.update(basis=2 * a["basis"]),
        "basis is not orthonormal",
    ),
    "a complex loss": (lambda a: a.update(loss=a["loss"] + 0j), "loss is of type complex128"),
    "a negative loss": (lambda a: a["loss"].__setitem__((0, 5), -1e-9), "loss is negative"),
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


SPOILT_DATA: dict[str, tuple[Spoil, str]] = {
    "complex inputs": (lambda a: a.update(X=a["X"] + 0j), "X is of type complex128"),
    "single precision": (lambda a: a.update(Y=a["Y"].astype("f4")), "Y is of type float32"),
    "seeds as floats": (lambda a: a.update(seed=a["seed"] * 1.0), "seed is of type float64"),
    "nothing to test": (
        lambda a: a.update(X_test=a["X_test"][:, :0], Y_test=a["Y_test"][:, :0]),
        "shapes do not fit",
    ),
}


@pytest.mark.parametrize("case", SPOILT_DATA)
def test_spoilt_data_sets_are_refused_by_name(data_file: Path, tmp_path: Path, case: str) -> None:
    spoil, words = SPOILT_DATA[case]
    path = copied(data_file, tmp_path)
    arrays = storage.read_arrays(path)
    spoil(arrays)
    storage.write_arrays(path, arrays)
    with pytest.raises(ResultError, match=rf"clusters\.npz: {words}"):
        runs.read_dataset(path, [3, 5])


def test_a_run_that_never_reached_a_drop_is_read(run_file: Path, tmp_path: Path) -> None:
    path = copied(run_file, tmp_path)
    arrays = storage.read_arrays(path)
    unreached(arrays, "W_events_span", "A_events")
    storage.write_arrays(path, arrays)
    assert runs.load(path).runs.event_step[0, -2] == -1


@pytest.mark.parametrize(
    "sidecar",
    [
        "[]",
        "3",
        "{}",
        '{"parameters": []}',
        '{"parameters": {}}',
        '{"parameters": {"options": ""}}',
    ],
)
def test_spoilt_sidecars_are_refused_by_name(run_file: Path, tmp_path: Path, sidecar: str) -> None:
    path = copied(run_file, tmp_path)
    path.with_suffix(".json").write_text(sidecar)
    with pytest.raises(ResultError, match=r"gaussian\."):
        runs.load(path)


OPTIONS = ("parameters", "options")
CONTRADICTIONS: dict[str, tuple[tuple[str, ...], Any]] = {
    "width": ((*OPTIONS, "width"), 7),
    "width as a float": ((*OPTIONS, "width"), 60.0),
    "seeds": ((*OPTIONS, "seeds"), [7]),
    "seeds as booleans": ((*OPTIONS, "seeds"), [False]),
    "more seeds": ((*OPTIONS, "seeds"), [0, 1]),
    "max_steps": ((*OPTIONS, "max_steps"), 999),
    "drops": ((*OPTIONS, "drops"), [0.05, 0.1, 0.3]),
    "rank as text": (("rank",), "x"),
    "rank below 0": (("rank",), -3),
    "rank of data as they are": (("rank",), None),
    "weights_kept": (("weights_kept",), "events only"),
    "events": (("events",), ["init", "end"]),
    "coordinates": (("coordinates",), "input space"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_sidecars_that_contradict_the_arrays_are_refused(
    run_file: Path, tmp_path: Path, case: str
) -> None:
    where, value = CONTRADICTIONS[case]
    path = told(run_file, tmp_path, lambda sidecar: changed(sidecar, where, value, None))
    # Other drops are events of other names.
    key = "events" if case == "drops" else where[-1]
    with pytest.raises(ResultError, match=rf"gaussian\.npz: .*{key}.*gaussian\.json"):
        runs.load(path)


def test_the_rank_of_data_that_were_not_reduced_is_none(run_file: Path, tmp_path: Path) -> None:
    arrays = storage.read_arrays(run_file)
    rank = arrays["X_span"].shape[2]
    del arrays["basis"]
    for name in runs.SPANNED:
        arrays[name] = arrays.pop(f"{name}_span")[..., :rank]

    def whole(rank: int | None) -> Path:
        said = {"rank": rank, "coordinates": "input space"}
        path = told(run_file, tmp_path, lambda sidecar: sidecar | said)
        storage.write_arrays(path, arrays)
        return path

    assert runs.load(whole(None)).start.rank is None
    path = whole(rank)
    with pytest.raises(ResultError, match=rf"gaussian\.npz: rank None, .* says {rank}"):
        runs.load(path)


# Options that a sidecar alone can tell: values that are none of theirs, and one that is.
ALONE: dict[str, tuple[list[Any], Any]] = {
    "head": (["zero", None], "balanced"),
    "loss": (["absolute", []], "logistic"),
    "alpha": ([0, -1.0, "1", True, float("nan"), 10**400], 3),
    "learning_rate": ([0, -0.25, None, True, float("inf"), 10**400], 0.5),
    "max_steps": ([1e9, "x", True, 10**400], 10**6),
    "snapshots": ([1, 7.0, True, None], 7),
    "max_weight_bytes": ([-1, 1.5, True, None], 0),
    "precision": (["half", 1, None], "single"),
    "loss_target": ([-0.1, 1, False, "0"], 0.5),
    "after_drop": ([1, 0.5, True, None], 12),
    "drops": ([0.1, [0], [1.0], ["x"], [None], {"0.1": 1}], [0.05, 0.1, 0.201]),
    "freeze": (["", None, {}, ["tail"], [[]]], ["head"]),
    "device": (["tpu", None, 0], "cuda"),
    "bias": ([1, None], True),
    "reduce": ([0, "no"], False),
    "stop_at_drop": ([1, []], True),
}


@pytest.mark.parametrize("key", ALONE)
def test_options_that_no_run_can_have_are_refused_by_name(
    run_file: Path, tmp_path: Path, key: str
) -> None:
    impossible, possible = ALONE[key]

    def with_value(value: Any) -> Path:
        return told(
            run_file, tmp_path, lambda sidecar: changed(sidecar, (*OPTIONS, key), value, None)
        )

    for value in impossible:
        path = with_value(value)
        with pytest.raises(ResultError, match=rf"gaussian\.(npz|json): .*{key}"):
            runs.load(path)
    assert runs.load(with_value(possible)).options[key] == possible


@pytest.mark.parametrize("engine", ["numpy", "", None, ["torch"]])
def test_engines_that_there_are_not_are_refused(
    run_file: Path, tmp_path: Path, engine: Any
) -> None:
    path = told(run_file, tmp_path, lambda sidecar: {**sidecar, "engine": engine})
    with pytest.raises(ResultError, match=r"gaussian\.json: engine can't be"):
        runs.load(path)


@pytest.mark.parametrize(
    "key", ["width", "seeds", "head", "alpha", "loss", "learning_rate", "max_steps"]
)
def test_options_that_lack_what_all_runs_have_are_refused(
    run_file: Path, tmp_path: Path, key: str
) -> None:
    def lacking(sidecar: dict[str, Any]) -> dict[str, Any]:
        del sidecar["parameters"]["options"][key]
        return sidecar

    path = told(run_file, tmp_path, lacking)
    with pytest.raises(ResultError, match=rf"gaussian\.json: no {key} in the options"):
        runs.load(path)


# What a sidecar tells of where the arrays came from.
ORIGIN = ("engine", "inputs", "code", "versions", "experiment", "condition")
likely = st.sampled_from(
    [
        *(value for _, value in CONTRADICTIONS.values()),
        *(value for impossible, possible in ALONE.values() for value in (*impossible, possible)),
        *("torch", "all snapshots", "end", "drop_10"),
    ]
)


def configurable(options: dict[str, Any]) -> bool:
    """Whether options are such as the config may give, but for the largest values there."""
    known = copy.deepcopy(schema.of("config"))
    rules = known["$defs"]["options"]["properties"] | {"device": known["properties"]["device"]}
    for rule in rules.values():
        rule.pop("maximum", None)
    numbers = [value for value in options.values() if isinstance(value, (int, float))]
    # A NaN is below nothing and above nothing, which the schema takes for right.
    return validation.validator()({"properties": rules}).is_valid(options) and all(
        abs(number) <= 1e308 for number in numbers
    )


def read_and_used(path: Path) -> tuple[runs.Trained, dict[str, Any]]:
    """A run as it is read, and the tables that are made of it."""
    from neuron_race.measures import dynamics  # only here, and pandas is slow to import

    trained = runs.load(path)
    return trained, dynamics.tables(trained)


@pytest.fixture(scope="module")
def as_it_was(run_file: Path) -> tuple[runs.Trained, dict[str, Any]]:
    return read_and_used(run_file)


@hypothesis_settings(few, max_examples=150)
@given(st.data())
def test_sidecars_with_any_change_are_refused_or_tell_what_the_arrays_can_not(
    run_file: Path,
    as_it_was: tuple[runs.Trained, dict[str, Any]],
    tmp_path: Path,
    data: st.DataObject,
) -> None:
    sidecar = json.loads(run_file.with_suffix(".json").read_text())
    tellable = [("engine",), *((*OPTIONS, key) for key in ALONE)]
    where = data.draw(st.sampled_from([*places(sidecar)]) | st.sampled_from(tellable))
    new = changed(sidecar, where, data.draw(values | likely), None)
    path = told(run_file, tmp_path, lambda _: new)
    try:
        read, made = read_and_used(path)
    except ResultError as error:
        assert "gaussian." in str(error)
        return
    if json.dumps(new) != json.dumps(sidecar):
        assert (where[:-1] == OPTIONS and where[-1] in ALONE) or set(where) & set(ORIGIN)
    before, was = as_it_was
    assert read.options == new["parameters"]["options"] and configurable(read.options)
    assert read.runs.engine in ("compiled", "torch")
    assert read.runs.step[-1] <= read.recipe.max_steps
    assert read.recipe.events == before.recipe.events and read.start.rank == before.start.rank
    # What is read can be worked with, and the same comes of it; but the rate sets the time.
    rate = read.recipe.learning_rate / before.recipe.learning_rate
    for name, table in was.items():
        times = [c for c in table.columns if c == "time" or c.startswith("t_")]
        np.testing.assert_allclose(made[name][times], table[times] * rate, rtol=1e-12)
        assert made[name].drop(columns=times).equals(table.drop(columns=times))


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
