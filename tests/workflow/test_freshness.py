"""Nothing stale: what an edit makes run again is what the graph says, and what the code says."""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from smoke_run import snakemake

from neuron_race import settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow/src/neuron_race"
MODULES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
)
# Read when the graph is made, before any job: what they decide reaches jobs as parameters. And
# what is left out of libraries at import changes no result.
BEFORE = {"settings", "planning", "imports"}
# Imported by modules that are read for other functions; what these jobs call does not reach them.
ENGINE = {"training", "progress", "checkpoints", "batched", "kernel", "early", "span"}
UNUSED = {
    "evidence": {"statistics"},  # thresholds are tested later
    "dynamics": ENGINE,  # reading runs, not training them
    "compression": ENGINE,
    "cosines": ENGINE | {"networks"},
    "weight_tickets": ENGINE | {"networks"},  # reads data sets by way of `runs`
    "extension": {"span", "training", "kernel", "early"},  # many runs, trained by its own module
    "forecast": {"dynamics", "clusters"},  # of use when a forecast is compared
    "audit": {"dynamics", "clusters"},
    "race": ENGINE | {"networks", "flow", "pruning", "clusters"},  # and not when made
    "race_explorer": ENGINE | {"clusters", "networks", "recipe", "runs"},  # reads what is recorded
    "scorecard": {"statistics"},  # words of verdicts, which are made before
}
# Asked for by name, not part of a smoke run.
APART = {"crate", "plots/replication"}
CONFIG = settings.read_yaml(ROOT / "config/config.yaml")
SMOKE_CONFIG = settings.read_yaml(ROOT / "config/smoke.yaml")
SMOKE = ("--configfile", "config/smoke.yaml")


@dataclass(frozen=True)
class Job:
    """A job of the graph."""

    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]

    @property
    def modules(self) -> set[str]:
        """Package modules among the inputs."""
        found = (re.search(r"src/neuron_race/(.*)\.py$", path) for path in self.inputs)
        return {match[1] for match in found if match}


def jobs(said: str) -> set[Job]:
    """All jobs that a dry run lists."""
    found = set()
    for block in re.split(r"^(?:local)?rule ", said, flags=re.M)[1:]:
        parts = dict(re.findall(r"^    (input|output): (.*)$", block, re.M))
        names = [frozenset(filter(None, parts.get(k, "").split(", "))) for k in ("input", "output")]
        found.add(Job(block.split(":", 1)[0], *names))
    return {job for job in found if job.outputs}


@pytest.fixture(scope="module")
def graph(project: Path, tmp_path_factory: pytest.TempPathFactory) -> set[Job]:
    """The graph of the smoke preset, from nothing."""
    empty = str(tmp_path_factory.mktemp("empty"))
    dry = snakemake(project, "-n", "--cores", "1", "--directory", empty, *SMOKE)
    assert dry.returncode == 0, dry.stderr
    return jobs(dry.stdout + dry.stderr)


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


def used(start: Iterable[str]) -> set[str]:
    """Modules that these modules use, through any number of imports, and themselves."""
    done: set[str] = set()
    waiting = set(start)
    while waiting:
        name = waiting.pop()
        done.add(name)
        waiting |= imports(PACKAGE / f"{name}.py") - done
    return done


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


def test_rules_name_every_module_that_their_scripts_use(graph: set[Job]) -> None:
    seen = set()
    for job in graph:
        start = imports(script_of(job.rule))
        if job.rule in ("dynamics", "compression"):  # measure.py imports the one it is told to
            start.add(job.rule)
        if job.rule.startswith("figure_"):
            start.add(f"plots/{job.rule.removeprefix('figure_')}")
        if job.rule == "extension":  # a study for several targets, or one by the target's name
            (target,) = {Path(path).parent.name for path in job.outputs}
            start.add(f"extensions/{CONFIG['extensions'][target]['study']}")
        missing = used(start) - job.modules - BEFORE - UNUSED.get(job.rule, set())
        assert not missing, f"{job.rule}: an edit of {sorted(missing)} would go unnoticed"
        seen |= job.modules
    # Every module is part of some job, or it decides nothing that is shown.
    assert seen | BEFORE | APART == set(MODULES)


def after(graph: set[Job], first: set[Job]) -> set[Job]:
    """These jobs and all that need their outputs."""
    reached = set(first)
    while True:
        made = {path for job in reached for path in job.outputs}
        more = {job for job in graph - reached if job.inputs & made}
        if not more:
            return reached
        reached |= more


def rerun(folder: Path) -> set[frozenset[str]]:
    """Outputs of the jobs that would run."""
    dry = snakemake(folder, "-n", "--cores", "1", *SMOKE)
    assert dry.returncode == 0, dry.stderr
    return {job.outputs for job in jobs(dry.stdout + dry.stderr)}


@pytest.mark.slow
@pytest.mark.parametrize("module", [name for name in MODULES if name not in BEFORE | APART])
def test_an_edited_module_reruns_what_uses_it(graph: set[Job], finished: Path, module: str) -> None:
    path = finished / f"workflow/src/neuron_race/{module}.py"
    path.write_text(path.read_text() + "\n_EDITED = True\n")
    expected = after(graph, {job for job in graph if module in job.modules})
    assert rerun(finished) == {job.outputs for job in expected}


KEYS = {  # an edit of the config, and where the outputs of the jobs that it is about begin
    "a data set": (
        "kind: teacher\n    dim: 20",
        "kind: teacher\n    dim: 21",
        "results/datasets/teacher.",
    ),
    "a condition": (
        "balanced: {head: balanced}",
        "balanced: {head: pytorch}",
        "results/runs/pair/",
    ),
    "an experiment": ("learning_rate: 1.0\n", "learning_rate: 0.9\n", "results/runs/digits10/"),
    "a protocol": (
        "digits: {dataset: digits_all}",
        "digits: {dataset: digits10}",
        "results/weights/",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", KEYS)
def test_an_edited_config_key_reruns_what_it_is_about(
    graph: set[Job], finished: Path, case: str
) -> None:
    old, new, where = KEYS[case]
    config = finished / "config/config.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    about = {job for job in graph if any(path.startswith(where) for path in job.outputs)}
    expected = {job.outputs for job in after(graph, about)}
    found = rerun(finished)
    # The options of an experiment are parameters of its forecast too.
    forecast = {job for job in graph if job.rule == "forecast"}
    assert expected <= found <= expected | {job.outputs for job in after(graph, forecast)}


def test_a_deleted_intermediate_is_made_again(graph: set[Job], finished: Path) -> None:
    gone = [
        job for job in graph if job.rule in ("dataset", "train_teacher", "dynamics", "forecast")
    ]
    for job in gone:
        (finished / min(job.outputs)).unlink()
    assert {job.outputs for job in gone} <= rerun(finished)


def test_changed_contents_of_an_input_are_noticed(graph: set[Job], finished: Path) -> None:
    name = "results/datasets/teacher.npz"
    data = finished / name
    content = bytearray(data.read_bytes())
    content[-200] ^= 1
    data.unlink()
    data.write_bytes(bytes(content))
    concerned = {job for job in graph if name in job.inputs}
    assert {job.outputs for job in after(graph, concerned)} <= rerun(finished)
