"""Nothing stale: what an edit makes run again is what the graph says, and what the code says."""

import ast
import contextlib
import copy
import functools
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from smoke_run import copy_project, snakemake
from snakemake.utils import update_config

from neuron_race.common import freshness, storage
from neuron_race.models.options import SCHEMAS as MODEL_OPTIONS
from neuron_race.pages.site.reference import API
from neuron_race.settings import configuration, dictionary, multiverse, schema
from neuron_race.settings.configuration import Settings, SettingsError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow/src/neuron_race"
MODULES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)
# Read when the graph is made: what these decide reaches jobs as parameters. Or they change no
# result.
APART_FROM_RESULTS = {
    "operations/planning",
    "operations/order",
    "operations/slim",
    "common/imports",
    "common/progress",
    "common/homes",
}
APART_FROM_RESULTS |= {"common/terminal", "common/freshness", "common/leftovers"}
APART_FROM_RESULTS |= {"operations/telling", "settings/assignments"}
APART_FROM_RESULTS |= {
    *(f"settings/{name}" for name in ("configuration", "reading", "commandline", "canonical")),
    *(f"settings/{name}" for name in ("options", "additions", "criteria", "register", "claims")),
    *(f"settings/{name}" for name in ("conditions", "copies", "nulls", "resolved", "schema")),
    "settings/origins",
    *(
        f"settings/dictionary/{name}"
        for name in (
            "statistic",
            "experiments",
            "extensions",
            "laws",
            "late_winners",
            "moments",
            "tickets",
        )
    ),
    *(
        "common/validation",
        "models/options",
        "settings/dictionary/multiverse",
        "settings/multiverse",
    ),
}
# Asked for by name, not part of a smoke run.
APART = {"operations/crate", "figures/replication", "evidence/reference"}
APART |= {"studies/trial", "pages/trial", "data/kinds/file"}
APART |= {"own/commandline", "own/inspecting"}
APART |= {
    f"data/{name}"
    for name in ("kinds/image_pairs", "kinds/images", "loaders/cifar10", "loaders/mnist")
}
CONFIG = configuration.read_yaml(ROOT / "config/config.yaml")
SMOKE_CONFIG = configuration.read_yaml(ROOT / "config/smoke.yaml")
SMOKE = ("--configfile", "config/smoke.yaml")


@dataclass(frozen=True)
class Job:
    """A job of the graph."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]


def jobs(said: str) -> set[Job]:
    """All jobs that a dry run lists."""
    found = set()
    for block in re.split(r"^(?:local)?rule ", said, flags=re.M)[1:]:
        parts = dict(re.findall(r"^    (input|output): (.*)$", block, re.M))
        names = [frozenset(filter(None, parts.get(k, "").split(", "))) for k in ("input", "output")]
        found.add(Job(block.split(":", 1)[0], *names))
    return {job for job in found if job.outputs}


@functools.cache
def listed(project: Path, preset: str) -> str:
    """What a dry run of a preset from nothing lists."""
    folder = project.parent / f"nothing of {preset}"
    options = ("--directory", str(folder), "--configfile", f"config/{preset}.yaml")
    dry = snakemake(project, "-n", "--cores", "1", *options)
    assert dry.returncode == 0, dry.stderr
    return dry.stdout + dry.stderr


@pytest.fixture(scope="module")
def graph(project: Path) -> set[Job]:
    """The graph of the smoke preset, from nothing."""
    return jobs(listed(project, "smoke"))


@pytest.fixture(scope="module")
def folder(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run for dry runs alone: what a test spoils in it, it puts right."""
    return Path(shutil.copytree(smoke, tmp_path_factory.mktemp("done") / "its race", symlinks=True))


@contextlib.contextmanager
def spoilt(folder: Path, contents: Mapping[str, str | bytes | None]) -> Iterator[None]:
    """Files with other contents, or without them (None); afterwards they are as they were."""
    with contextlib.ExitStack() as stack:
        for name, content in contents.items():
            path = folder / name
            kept = path.with_name(f".{path.name}.kept")  # hidden: a register takes it for no claim
            path.rename(kept)
            stack.callback(kept.replace, path)
            if content is not None:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        yield


@functools.cache
def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neuron_race"):
            at = (node.module or "").split(".")[1:]
            names |= {"/".join([*at, alias.name]) for alias in node.names} | {"/".join(at)}
        elif isinstance(node, ast.Import):
            names |= {"/".join(alias.name.split(".")[1:]) for alias in node.names}
    return names & set(MODULES)


@functools.cache
def script_of(rule: str) -> Path:
    """Script of a rule, as the rules files have it."""
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for block in path.read_text().split("\n\n\n"):
            named = re.search(r'rule (\w+):|name:\s+f?"(\w+)', block)
            script = re.search(r'"\.\./scripts/(\w+\.py)"', block)
            name = (named[1] or named[2]) if named else ""
            # Rules of a loop are named by it: train_, figure_.
            if script and (name == rule or (name.endswith("_") and rule.startswith(name))):
                return ROOT / "workflow/scripts" / script[1]
    raise AssertionError(f"no script found for rule {rule}")


def modules(job: Job) -> set[str]:
    """Modules of the package that a job uses, read off its script and what that loads by name."""
    start = set(imports(script_of(job.rule)))
    stems = {Path(path).parent.name for path in job.outputs}
    if job.rule in ("dynamics", "compression", "moments"):  # measure.py imports what it is told
        start.add(f"measures/{job.rule}")
    elif job.rule.startswith("figure_"):
        start.add(f"figures/{job.rule.removeprefix('figure_')}")
    elif script_of(job.rule).name == "overview_figure.py":  # which imports the module of its name
        start |= {f"figures/{Path(path).stem}" for path in job.outputs}
    elif stems & set(CONFIG["extensions"]) and job.rule in ("extension", f"train_{min(stems)}"):
        (target,) = stems  # a study for several targets, or one by the target's name
        trained = "" if job.rule == "extension" else "trained/"
        start.add(f"studies/{trained}{CONFIG['extensions'][target]['study']}")
    elif job.rule == "notebook":
        (claim,) = {Path(path).stem for path in job.outputs}
        start |= imports(ROOT / f"workflow/notebooks/{claim}.py")
        start |= {f"data/kinds/{kind}" for kind in ("clusters", "digits", "two_features")}
    elif job.rule == "lecture_data":
        start |= {"data/kinds/clusters", "data/kinds/digits"}
    elif job.rule == "dataset":
        start |= {
            f"data/kinds/{SETTINGS.datasets[Path(path).stem]['kind']}" for path in job.outputs
        }
    elif job.rule == "site":  # whose reference is made of docstrings
        start |= {module.replace(".", "/") for room in API.values() for module in room}
    elif job.rule == "tutorial":
        start |= {"own/smaller", "own/watching", "common/leftovers"}
    elif job.rule == "theory_tables":
        start.add("data/kinds/clusters")
    return used(start)


def used(start: Iterable[str]) -> set[str]:
    """Modules that these modules use, through any number of imports, and themselves."""
    done: set[str] = set()
    waiting = set(start)
    while waiting:
        name = waiting.pop()
        if name not in APART_FROM_RESULTS:
            done.add(name)
            waiting |= imports(PACKAGE / f"{name}.py") - done
    return done


def test_every_module_decides_something_that_is_shown(graph: set[Job]) -> None:
    seen = set().union(*(modules(job) for job in graph))
    assert seen | APART_FROM_RESULTS | APART == set(MODULES)


def after(graph: set[Job], first: set[Job]) -> set[Job]:
    """These jobs and all that need their outputs."""
    reached = set(first)
    while True:
        made = {path for job in reached for path in job.outputs}
        more = {job for job in graph - reached if job.inputs & made}
        if not more:
            return reached
        reached |= more


def made(which: Iterable[Job]) -> set[str]:
    """All outputs of these jobs."""
    return {path for job in which for path in job.outputs}


def makers(graph: set[Job], *starts: str) -> set[Job]:
    """Jobs with outputs whose names start so."""
    return {job for job in graph if any(path.startswith(starts) for path in job.outputs)}


def behind(graph: set[Job], first: set[Job]) -> set[Job]:
    """These jobs and all whose outputs they need."""
    reached = set(first)
    while more := {job for job in graph - reached if any(job.outputs & j.inputs for j in reached)}:
        reached |= more
    return reached


def test_predictions_are_made_before_training(graph: set[Job]) -> None:
    """Neither they nor what they are made of comes from a run; what judges them needs both."""
    (predict,) = makers(graph, "results/predictions/laws.json")
    assert {job.rule for job in behind(graph, {predict})} == {"predict", "dataset"}
    (judged,) = makers(graph, "results/laws/laws/runs.csv")
    assert {"predict", "train_laws", "dataset"} < {job.rule for job in behind(graph, {judged})}


def rerun(folder: Path, *options: str) -> set[str]:
    """Outputs of the jobs that would run."""
    dry = snakemake(folder, "-n", "--cores", "1", *(options or SMOKE))
    assert dry.returncode == 0, dry.stderr
    return made(jobs(dry.stdout + dry.stderr))


def test_the_code_of_a_job_is_all_that_it_uses(graph: set[Job]) -> None:
    """Which modules the fingerprint covers, against the walk through the imports above."""
    for job in graph:
        by_name = modules(job) - used(imports(script_of(job.rule)))  # told in the rule
        starts = [script_of(job.rule), *(PACKAGE / f"{name}.py" for name in by_name)]
        found = {
            path.removeprefix("workflow/src/neuron_race/").removesuffix(".py")
            for path in freshness.code(*starts)
            if path.endswith(".py") and path.startswith("workflow/src/") and "__init__" not in path
        }
        assert found == modules(job), job.rule


# One of each kind; the others take minutes.
TRIED = {"common/storage", "common/progress", "measures/dynamics", "studies/trained/schedule"}
assert set(MODULES) >= TRIED | APART | APART_FROM_RESULTS


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(name, marks=() if name in TRIED else pytest.mark.slow)
        for name in MODULES
        if name not in APART
    ],
)
def test_an_edited_module_reruns_what_uses_it(graph: set[Job], folder: Path, module: str) -> None:
    name = f"workflow/src/neuron_race/{module}.py"
    expected = after(graph, {job for job in graph if module in modules(job)})
    with spoilt(folder, {name: (folder / name).read_text() + "\n_EDITED = True\n"}):
        assert rerun(folder) == made(expected)


EDITED = {
    "workflow/src/neuron_race/training/kernel.c": {"train_pair", "theory_tables", "tickets"},
    "workflow/scripts/train.py": {"train_pair"},
    "workflow/notebooks/racing.py": {"notebook"},
    "workflow/src/neuron_race/pages/explorer.css": {"race_explorer", "site"},
    "workflow/src/neuron_race/pages/site/claim.md": {"site"},
    "docs/findings.md": {"site"},
    "paper_notes.md": {"notebook", "site"},
}


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        pytest.param(n, rules, marks=() if n.endswith((".c", "/claim.md")) else pytest.mark.slow)
        for n, rules in EDITED.items()
    ],
)
def test_an_edited_file_reruns_what_reads_it(
    graph: set[Job], folder: Path, name: str, rules: set[str]
) -> None:
    edited = (folder / name).read_text() + "\n"
    with spoilt(folder, {name: edited}):
        found = rerun(folder)
    assert all(any(job.outputs & found for job in graph if job.rule == r) for r in rules)
    assert found < made(graph)


# --- Keys of the configuration ------------------------------------------------------------------

Tree = dict[str, Any]
Place = tuple[Any, ...]
ROLES = {"datasets": (1,), "experiments": (1, 3), "extensions": (1, 3), "images": (1, 3)}
ROLES |= {"weight_tickets": (1, 2), "explorer": (2,)}  # where a path has a name, not a key
ROLES |= {"multiverse": (2,)}
TASKS = [  # kinds of data sets that take other keys
    {"kind": "teacher", "dim": 20, "neurons": 4},
    {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6},
    {"kind": "images", "images": "mnist", "classes": [0, 1]},
    {"kind": "images", "images": "mnist", "classes": [0, 1, 2]},
]
MODELS = [
    {"model": "perceptron", "depth": 2},
    {"model": "residual", "depth": 2, "skip": True, "scaling": "standard"},
]
# One hidden layer, which `head` asks for, is the only value allowed. What criteria ask for are the
# statistics of a study, and of a transformer those of its heads.
FIXED = {
    ("extensions", name, key)
    for name in ("schedule", "optimizers", "initialization", "sizes")
    for key in ("model", "depth")
}
FIXED |= {("extensions", name, "study") for name in CONFIG["extensions"]}
FIXED |= {("extensions", "transformer", "model")}
FIXED |= {("multiverse", "data", "digits", "kind")}  # the other kind names images, too
# No other kind has their options.
FIXED |= {("datasets", name, "kind") for name in ("digit_pairs", "digit_pairs_again")}
# The register asks for another draw there.
FIXED |= {("experiments", "pair", "conditions", "other_init", "redraw_init")}


def merged(config: Tree, overlay: Tree) -> Tree:
    """As Snakemake does, which puts keys of the overlay first: their order reaches the jobs."""
    both = copy.deepcopy(overlay)
    update_config(both, config)
    update_config(both, overlay)
    return both


MERGED = merged(CONFIG, SMOKE_CONFIG)
REGISTER = configuration.read_register(ROOT / "config/claims")
CRITERIA = [c for claim in REGISTER["claims"].values() for c in claim["criteria"]]
SETTINGS = configuration.read(MERGED, ROOT)


def leaves(tree: Tree, above: Place = ()) -> Iterator[Place]:
    """Paths of all values that are no mappings."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key)


def at(tree: Any, place: Place) -> Any:
    """The value at a path."""
    return functools.reduce(lambda inner, key: inner[key], place, tree)


def put(tree: Any, place: Place, value: Any) -> Any:
    """A copy with another value at a path."""
    if not place:
        return value
    new = tree.copy()
    new[place[0]] = put(tree[place[0]], place[1:], value)
    return new


def kind(place: Place) -> str:
    """The key without the names of data sets, experiments, conditions, ..."""
    names = ROLES.get(place[0], ())
    return ".".join("*" if i in names else str(key) for i, key in enumerate(place))


def allowed(rules: Any) -> Iterator[tuple[str, list[Any]]]:
    """Keys of a schema with the values that they may have, where these are listed."""
    if isinstance(rules, dict):
        for key, rule in rules.get("properties", {}).items():
            values = rule.get("enum") or rule.get("items", {}).get("enum")
            if values:
                yield key, values
    if isinstance(rules, dict | list):
        for rule in rules.values() if isinstance(rules, dict) else rules:
            yield from allowed(rule)


CHOICES = {key: values for name in ("config", "claims") for key, values in allowed(schema.of(name))}


def others(key: Any, value: Any) -> Iterator[Any]:
    """Other values, not all of them valid."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1, 2 * value, 4 * value, 0.5)
        case float():
            yield 0.9 * value
        case str() if key == "dataset":
            yield from (name for name in MERGED["datasets"] if name != value)
        case str() if key in ("runs", "minus"):
            experiment = value.split("/")[0]
            known = MERGED["experiments"] | MERGED["extensions"]
            names = [f"{experiment}/{name}" for name in known[experiment]["conditions"]]
            yield from (name for name in names if name != value)
        case str() if key in ("statistic", "minus_statistic"):
            tables = {c["table"] for c in CRITERIA if value in (c["statistic"], c.get(key))}
            yield from (c["statistic"] for c in CRITERIA if {c["table"]} == tables)
        case str():
            yield from (choice for choice in CHOICES.get(key, []) if choice != value)
            yield f"{value}_2"
        case list():
            yield from ((value[:-1], value[::-1]) if len(value) > 1 else ())
            for i, item in enumerate(value):
                yield from ([*value[:i], other, *value[i + 1 :]] for other in others(key, item))
        case dict():
            for name, item in value.items():
                yield from ({**value, name: other} for other in others(name, item))


# Refused where nobody reads them.
SIZES = set(MODEL_OPTIONS)
OF_STUDIES = {"percents", "design", "design_steps", "shuffled", "batch_size"}


def without(entry: Tree, gone: set[str]) -> Tree:
    """An extension without some keys, its conditions included."""
    conditions = {
        name: {key: value for key, value in own.items() if key not in gone}
        for name, own in entry["conditions"].items()
    }
    kept = {key: value for key, value in entry.items() if key not in gone}
    return kept | {"conditions": conditions}


def variants(place: Place) -> Iterator[Tree]:
    """The configuration with another value at a path, and what this value needs beside it."""
    entry, value = at(MERGED, place[:-1]), at(MERGED, place)
    match place:
        case ("claims",):  # the same file by another name
            yield put(MERGED, place, f"config/../{value}")
        case ("datasets", _, "kind"):
            kept = {key: entry[key] for key in ("n_train", "n_test")}
            new = (kept | task for task in TASKS if task["kind"] != value)
            yield from (put(MERGED, place[:-1], one) for one in new)
        case ("extensions", _, "model"):
            for model in MODELS:
                if model["model"] != value:
                    bare = without(entry, SIZES - set(model) | {"gain"}) | {"gain": 0.1}
                    # Not beside a size that each condition has of its own.
                    each = set.intersection(*map(set, bare["conditions"].values()))
                    own = {key: item for key, item in model.items() if key not in each}
                    yield put(MERGED, place[:-1], bare | own)
        case ("extensions", _, "study"):
            for study in ("architectures", "pruning_at_init"):
                own = {"percents": [20]} if study == "pruning_at_init" else {}
                if study != value:
                    yield put(
                        MERGED, place[:-1], without(entry, OF_STUDIES) | own | {"study": study}
                    )
        case ("images", _, "loader"):
            yield from (
                put(MERGED, place[:-1], other)
                for other in MERGED["images"].values()
                if other["loader"] != value
            )
        case ("multiverse", "criteria", statistic):
            asked = REGISTER["claims"][multiverse.CLAIMED[statistic]]["criteria"]
            yield from (put(MERGED, place, criterion["name"]) for criterion in asked)
        case ("multiverse", "decisions", _, "paper"):
            yield from (put(MERGED, place, other) for other in (*entry["options"], None))
        case ("explorer", "conditions", experiment) if len(value) == 1:
            names = MERGED["experiments"][experiment]["conditions"]
            yield from (put(MERGED, place, [name]) for name in names if name not in value)
        case _:
            yield from (put(MERGED, place, other) for other in others(place[-1], value))


def edited(place: Place) -> tuple[Tree, Settings]:
    """The configuration with the first other value that is valid and makes a difference."""
    valid = []
    for variant in variants(place):
        try:
            new = configuration.read(variant, ROOT)
        except SettingsError:
            continue
        if new != SETTINGS:
            return variant, new
        if variant != MERGED:
            valid.append((variant, new))
    assert valid, f"{'.'.join(map(str, place))}: no other value is valid"
    return valid[0]


def reached(place: Place) -> set[str]:
    """Conditions of an experiment or extension that a key of it reaches."""
    section, name, key, *below = place
    conditions = MERGED[section][name]["conditions"]
    if key == "conditions":
        return {below[0]}
    return {condition for condition, own in conditions.items() if key not in own}


def about(place: Place) -> set[str]:
    """What a key is about: how outputs start of the jobs that must run again, and those after."""
    match place:
        case ("preset",):
            return {"results/claims/", "results/race.html"}
        case ("seeds", _):
            return {"results/datasets/"}  # all else that is random comes after them
        case ("device",):
            names = ("runs", "forecasts", "predictions", "weights", "multiverse")
            return {f"results/{name}/" for name in names}
        case ("shard",):
            return {f"results/runs/{name}/" for name in MERGED["experiments"]}
        case ("datasets", name, _):
            return {f"results/datasets/{name}."}
        case ("experiments", name, *_):
            entry, found = MERGED["experiments"][name], reached(place)
            options = [{**entry, **entry["conditions"][condition]} for condition in found]
            forecast = any(o["alpha"] <= 0.01 and "freeze" not in o for o in options)
            starts = {f"results/runs/{name}/"} if found else set()
            starts |= {f"results/predictions/{name}."} if found and name == "laws" else set()
            return starts | ({f"results/forecasts/{name}."} if forecast else set())
        case ("extensions", name, *_):
            return {f"results/runs/{name}/"} if reached(place) else set()
        case ("weight_tickets", protocol, *_):
            return {f"results/weights/{protocol}/"}
        case ("explorer", "conditions", name):
            return {f"results/explorer/{name}."}
        case ("explorer", _):
            return {"results/explorer/"}
        case ("multiverse", "criteria", _) | ("multiverse", "decisions", _, "paper" | "known"):
            return {"results/multiverse/claims."}
        case ("multiverse", "decisions", "cosine", _):
            return {"results/multiverse/shards/", "results/multiverse/claims."}
        case ("multiverse", *_):
            return {"results/multiverse/"}
        case ("claims",) | ("image_cache",) | ("images", *_):
            return set()  # no image is used here
    raise AssertionError(f"{place}: what is this key about?")


LEAVES = [place for place in leaves(MERGED) if place not in FIXED]


def examples() -> dict[str, Place]:
    """One path for each kind of key, from as many entries as possible."""
    found: dict[str, list[Place]] = {}
    for place in LEAVES:
        if about(place):
            found.setdefault(kind(place), []).append(place)
    times: dict[Place, int] = {}
    chosen = {}
    for name, places in sorted(found.items(), key=lambda item: len(item[1])):
        chosen[name] = min(places, key=lambda place: times.get(place[:2], 0))
        times[chosen[name][:2]] = times.get(chosen[name][:2], 0) + 1
    return {name: chosen[name] for name in found}


EXAMPLES = examples()
# One of each section; the others take minutes.
QUICK = {
    "experiments.*.conditions.*.alpha",
    "extensions.*.conditions.*.gain",
    "weight_tickets.*.*.dataset",
}


def parts(read: Settings) -> dict[Place, Any]:
    """Settings one by one: options of each data set, condition and task, and all else."""
    depth = {"datasets": 1, "claims": 1, "equations": 1, "explorer": 1}
    depth |= dict.fromkeys(("experiments", "extensions", "weight_tickets"), 2)
    found = {(field.name,): getattr(read, field.name) for field in fields(Settings)}
    for name, levels in depth.items():
        for _ in range(levels):
            for place in [place for place in found if place[0] == name]:
                found |= {(*place, key): value for key, value in found.pop(place).items()}
    return found


def options_of(place: Place) -> set[Place]:
    """Settings that a key is about."""
    jobs = {p for p in parts(SETTINGS) if p[0] in ("experiments", "extensions", "weight_tickets")}
    match place:
        case ("seeds", _):
            return jobs | {("seeds",)}
        case ("device",):
            return jobs | {("multiverse",)}
        case ("multiverse", *_):
            return {("multiverse",)}
        case ("datasets", name, *_):
            return {("datasets", name)}
        case ("experiments" | "extensions" as section, name, *_):
            return {(section, name, condition) for condition in reached(place)}
        case ("explorer", "conditions", *_):
            return {("explorer", "conditions")}
        case ("weight_tickets", protocol, task, *_):
            return {("weight_tickets", protocol, task)}
        case ("claims",) | ("image_cache",) | ("images", *_):
            return set()
    return {place}


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_keys_decide_the_options_that_they_are_about(
    monkeypatch: pytest.MonkeyPatch, every: bool
) -> None:
    # The register is read and checked once.
    whole = functools.cache(configuration.read_register)
    monkeypatch.setattr("neuron_race.settings.register.read", whole)
    before = parts(SETTINGS)
    for place in LEAVES if every else EXAMPLES.values():
        new = parts(edited(place)[1])
        changed = {p for p in before | new if before.get(p) != new.get(p)}
        assert changed == options_of(place), place
    # What is chosen for the graph is of every data set, experiment, ...
    entries = {place[:2] for place in LEAVES if place[0] in ROLES and about(place)}
    chosen = {place[:2] for place in EXAMPLES.values() if place[0] in ROLES}
    assert chosen <= entries
    # ... but for data sets that have the keys of one that is chosen, and other values.
    keys = {name: tuple(options) for name, options in MERGED["datasets"].items()}
    alike = {keys[name] for section, name in chosen if section == "datasets"}
    for section, name in entries - chosen:
        assert section == "datasets" and keys[name] in alike, name
    assert set(EXAMPLES) >= QUICK


def configured(config: Tree, register: Tree | None = None) -> dict[str, str]:
    """The files of a configuration: all of it in the first one, and an overlay that adds nothing.

    An overlay of another name would change the commands that the site shows.
    """
    preset = json.dumps({"preset": config["preset"]})
    files = {
        "config/config.yaml": yaml.safe_dump(config, sort_keys=False),
        "config/smoke.yaml": preset,
    }
    files |= {"results/preset.json": preset}
    if register:
        index = {key: value for key, value in register.items() if key != "claims"}
        index["order"] = list(register["claims"])
        for name, content in {"_register": index, **register["claims"]}.items():
            files[f"config/claims/{name}.yaml"] = yaml.safe_dump(content, sort_keys=False)
    return files


@pytest.mark.parametrize(
    "key", [pytest.param(k, marks=() if k in QUICK else pytest.mark.slow) for k in EXAMPLES]
)
def test_an_edited_config_key_reruns_what_it_is_about(
    graph: set[Job], folder: Path, key: str
) -> None:
    place = EXAMPLES[key]
    with spoilt(folder, configured(edited(place)[0])):
        assert rerun(folder) == made(after(graph, makers(graph, *about(place)))), place


@pytest.mark.slow
def test_what_can_be_forecast_from_now_on_is_forecast(graph: set[Job], folder: Path) -> None:
    config = put(MERGED, ("experiments", "pair", "conditions", "gates_frozen", "freeze"), [])
    expected = after(graph, makers(graph, "results/runs/pair/", "results/forecasts/pair."))
    with spoilt(folder, configured(config)):
        assert rerun(folder) == made(expected)


def test_keys_that_change_nothing_rerun_nothing(folder: Path) -> None:
    config = MERGED
    for place in LEAVES:
        if place[0] != "images" and not about(place):
            config = put(config, place, at(edited(place)[0], place))
    # No data set of the smoke preset is drawn from images.
    images = config["images"]
    config = config | {"images": dict(zip(images, reversed(images.values()), strict=True))}
    # Nor does how the files are written.
    with spoilt(folder, configured(config, REGISTER)):
        assert rerun(folder) == set()


@pytest.mark.slow
def test_image_keys_rerun_what_is_drawn_from_the_images(tmp_path: Path) -> None:
    folder, archive = copy_project(tmp_path / "its race"), tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("data_batch_1.bin", "test_batch.bin"):
            info = tarfile.TarInfo(name)
            info.size = 40 * 3073
            records = b"".join(bytes([i % 10]) + bytes(range(i, i + 96)) * 32 for i in range(40))
            tar.addfile(info, io.BytesIO(records))
    source = {"kind": "file", "path": str(archive), "sha256": storage.checksum(archive)}
    entry = {"loader": "cifar10", "sources": {"archive.tar.gz": [source]}}
    task = {"kind": "images", "images": "toy", "classes": [0, 1], "n_train": 4, "n_test": 4}
    config = {"images": {"toy": entry, "same": entry}, "datasets": {"toy": task}}
    overlay = folder / "config/toy.yaml"
    options = ("--configfile", "config/smoke.yaml", "config/toy.yaml", "--")
    options += ("results/datasets/toy.npz",)

    def found(config: Tree) -> set[str]:
        overlay.write_text(json.dumps(config))
        return rerun(folder, *options)

    drawn = {"results/datasets/toy.npz", "results/datasets/toy.json"}
    fetched = {"results/datasets/raw/toy/manifest.json"}
    assert found(config) == drawn | fetched
    done = snakemake(folder, "--cores", "1", *options)
    assert done.returncode == 0, done.stderr
    assert found(config) == set()
    other = CONFIG["images"]["mnist"]
    assert found(put(config, ("images", "toy"), other)) == drawn | fetched
    twice = {"archive.tar.gz": [source, source]}
    assert found(put(config, ("images", "toy", "sources"), twice)) == drawn | fetched
    elsewhere = {"results/elsewhere/toy/manifest.json"}
    assert found(config | {"image_cache": "results/elsewhere"}) == drawn | elsewhere
    same = {"results/datasets/raw/same/manifest.json"}
    assert found(put(config, ("datasets", "toy", "images"), "same")) == drawn | same
    assert found(put(config, ("datasets", "toy", "classes"), [0, 2])) == drawn


# --- Fields of the register ---------------------------------------------------------------------

# Of a criterion, these say what is measured; all else, how it is judged and told.
MEASURED = {"name", "table", "statistic", "runs", "minus", "minus_statistic", "trend"}
SCHEMA = schema.of("claims")
CLAIM_FIELDS = SCHEMA["properties"]["claims"]["additionalProperties"]["properties"]
FIELDS = [
    *(name for name in CLAIM_FIELDS if name != "defaults"),  # which criteria inherit
    # What the statistic is decides whether it is a proportion.
    *(f"criteria.{n}" for n in SCHEMA["$defs"]["criterion"]["properties"] if n != "proportion"),
]


def fields_of(field: str) -> Iterator[Place]:
    """Where the register has a field; criteria on tickets decide what tickets are drawn."""
    for claim, entry in REGISTER["claims"].items():
        if not field.startswith("criteria."):
            yield from [("claims", claim, field)] if field in entry else []
            continue
        name = field.removeprefix("criteria.")
        for i, criterion in enumerate(entry["criteria"]):
            if name in criterion and criterion["table"] not in dictionary.SELECTIVE:
                yield ("claims", claim, "criteria", i, name)


def registers(
    graph: set[Job], places: Iterable[Place], folder: Path
) -> Iterator[tuple[Place, Tree]]:
    """Valid registers with another value at one of these places, whose tables are all there."""
    for place in places:
        for other in others(place[-1], at(REGISTER, place)):
            register = put(REGISTER, place, other)
            if place[-1] == "table":  # which has statistics of its own
                own = next((c["statistic"] for c in CRITERIA if c["table"] == other), None)
                register = put(register, (*place[:-1], "statistic"), own)
            if register == REGISTER:
                continue
            (folder / "claims.yaml").write_text(yaml.safe_dump(register))
            try:
                read = configuration.read(MERGED | {"claims": "claims.yaml"}, folder)
            except SettingsError:
                continue
            tables = {f"results/{table}/{name}/runs.csv" for table, name in read.tables(place[1])}
            if tables <= made(graph):
                yield place, register


@pytest.mark.parametrize(
    "field",
    [pytest.param(f, marks=() if f == "criteria.threshold" else pytest.mark.slow) for f in FIELDS],
)
def test_an_edited_field_of_the_register_measures_nothing_again(
    graph: set[Job], folder: Path, tmp_path: Path, field: str
) -> None:
    place, register = next(registers(graph, fields_of(field), tmp_path))
    measured = field == "criteria" or field.removeprefix("criteria.") in MEASURED
    starts = [f"results/{'evidence' if measured else 'claims'}/{place[1]}."]
    # Universes and moments are held against thresholds of the register.
    lent = [multiverse.criteria(MERGED["multiverse"], r["claims"]) for r in (REGISTER, register)]
    starts += ["results/multiverse/claims.", "figures/moments."] if lent[0] != lent[1] else []
    with spoilt(folder, configured(MERGED, register)):
        assert rerun(folder) == made(after(graph, makers(graph, *starts))), place


@pytest.mark.slow
def test_a_criterion_on_other_tickets_draws_them(graph: set[Job], folder: Path) -> None:
    new = {f"results/tickets/clusters/{name}.csv" for name in ("runs", "tickets")}
    assert not new & made(graph)
    claim = "lottery_ticket"
    criteria = REGISTER["claims"][claim]["criteria"]
    i = [criterion["name"] for criterion in criteria].index("winners_loss")
    register = put(REGISTER, ("claims", claim, "criteria", i, "runs"), "clusters/gaussian")
    expected = after(graph, makers(graph, f"results/evidence/{claim}."))
    with spoilt(folder, configured(MERGED, register)):
        assert rerun(folder) == made(expected) | new


@pytest.mark.slow
def test_equations_are_told_and_nothing_else(folder: Path) -> None:
    register = put(REGISTER, ("equations", "E1"), "another")
    with spoilt(folder, configured(MERGED, register)):
        assert rerun(folder) == set()  # explain_<claim>, which tells them, always runs


# --- Files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "preset",
    ["smoke", *(pytest.param(p, marks=pytest.mark.slow) for p in ("images", "paper", "full"))],
)
def test_every_file_that_a_job_writes_is_asked_for(project: Path, preset: str) -> None:
    """Snakemake makes a deleted file again only if the target asks for it, or a job that runs."""
    said = listed(project, preset)
    asked = re.search(r"^(?:local)?rule all:\n    input: (.*)$", said, re.M)
    assert asked and set(asked[1].split(", ")) == made(jobs(said)) != set()


def levels(graph: set[Job]) -> Iterator[set[Job]]:
    """Jobs by the longest chain of jobs before them: none of a level needs another of it."""
    left = set(graph)
    while left:
        waiting = made(left)
        level = {job for job in left if not job.inputs & waiting}
        yield level
        left -= level


def deleted(level: Iterable[Job], last: bool) -> list[str]:
    """The last or the first output of each job."""
    return [(max if last else min)(job.outputs) for job in level]


def test_deleted_intermediates_are_made_again(graph: set[Job], folder: Path) -> None:
    gone = [
        "results/explorer/clusters.npz",
        "results/theory/escape.csv",
        "results/notebooks/racing.ipynb",
        "results/extension/residual/details.csv",
        "results/datasets/digits_all.json",
    ]
    concerned = {job for job in graph if job.outputs & set(gone)}
    # None of them would be made again because of another.
    assert not any((after(graph, {job}) - {job}) & concerned for job in concerned)
    with spoilt(folder, dict.fromkeys(gone)):
        assert rerun(folder) == made(after(graph, concerned))


@pytest.mark.slow
@pytest.mark.parametrize("last", [False, True])
def test_outputs_of_any_job_are_made_again(graph: set[Job], folder: Path, last: bool) -> None:
    for level in levels(graph):
        with spoilt(folder, dict.fromkeys(deleted(level, last))):
            assert rerun(folder) == made(after(graph, level))


DATA = "results/datasets/teacher.npz"


def flipped(path: Path) -> bytes:
    """Contents of a file with one bit changed."""
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    return bytes(content)


def test_changed_contents_of_an_input_are_noticed(graph: set[Job], folder: Path) -> None:
    concerned = {job for job in graph if DATA in job.inputs}
    with spoilt(folder, {DATA: flipped(folder / DATA)}):
        assert rerun(folder) == made(after(graph, concerned))
    # A newer date alone is not: small files are compared by checksum.
    with spoilt(folder, {DATA: (folder / DATA).read_bytes()}):
        assert rerun(folder) == set()


def test_changed_contents_under_the_old_date_are_told_by_sidecars(folder: Path) -> None:
    """Snakemake compares checksums of those inputs only that are newer than the job's outputs.

    So a file that is replaced together with its date (cp -p, rsync -t, tar) passes unnoticed,
    whatever its contents. Sidecars hold the checksum of what was written, and of what runs read.
    """
    then = (folder / DATA).stat().st_mtime_ns
    with spoilt(folder, {DATA: flipped(folder / DATA)}):
        os.utime(folder / DATA, ns=(then, then))
        assert rerun(folder) == set()
        found = storage.checksum(folder / DATA)
    written = storage.read_json((folder / DATA).with_suffix(".json"))["checksum"]
    read = storage.read_json(folder / "results/runs/teacher/gaussian.json")["inputs"]["teacher.npz"]
    assert written == read == storage.checksum(folder / DATA) != found


# Largest share of a run's CPU-seconds, in per cent, that an edit of a module may redo.
REDONE = {
    **{name: 20 for name in MODULES if name.startswith("measures/") and "__" not in name},
    **dict.fromkeys(("measures/merging", "measures/pruning"), 15),
    # Foundations that tables of all kinds use.
    **{"models/norms": 62, "models/clusters": 46, "models/smaller": 40, "common/ranks": 36},
    **dict.fromkeys(("studies/tickets", "studies/weight_tickets"), 20),
    "evidence/collect": 20,
    "evidence/claims": 20,
    **dict.fromkeys(("common/progress", "common/leftovers", "common/terminal"), 0),
    **dict.fromkeys(("common/homes", "settings/configuration"), 0),
}
assert set(MODULES) >= set(REDONE)


def test_an_edit_redoes_no_more_than_it_must(project: Path, tmp_path: Path) -> None:
    """As `make reruns` prints it, from the graph and the measured costs."""
    done = snakemake(project, "reruns", "--cores", "1", "--directory", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = re.findall(r"neuron_race/([\w/]+)\.py +\d+ +\S+ +(\S+)$", done.stdout, re.M)
    shares = {name: float(percent) for name, percent in told}
    assert shares["common/storage"] == 100  # a table that is read
    assert {name: shares[name] for name in REDONE if shares.get(name, 0.0) > REDONE[name]} == {}


def test_verdicts_come_early(project: Path, tmp_path: Path) -> None:
    """The first within a minute, half of them by half of the time: two cores, measured costs."""
    done = snakemake(project, "timetable", "--cores", "1", "--directory", str(tmp_path))
    assert done.returncode == 0, done.stderr
    minutes = re.findall(r"^ *([\d.]+)  (\w+)$", done.stdout, re.M)
    *verdicts, end = [float(minute) for minute, _ in minutes]
    assert [claim for _, claim in minutes[-1:]] == ["everything"]
    assert len(verdicts) == len(configuration.read_register(ROOT / "config/claims")["claims"])
    assert verdicts[0] <= 1 and verdicts[len(verdicts) // 2 - 1] <= end / 2
