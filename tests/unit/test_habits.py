"""What runs elsewhere, at each push and each commit: it parses, and asks for what there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
FORMS = sorted(path.name for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_every_target_that_is_called_exists() -> None:
    workflow = read(".github/workflows/ci.yml")
    commands = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    called = {name for text in commands for name in re.findall(r"\bmake ([a-z-]+)", text)}
    assert {"check", "test-fast", "report"} <= called <= TARGETS
    for preset in re.findall(r"config/\w+\.yaml", "\n".join(commands)):
        assert (ROOT / preset).exists()


def test_all_supported_versions_are_tested() -> None:
    matrix = read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    low, high = re.findall(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text()
    )[0]
    assert matrix == [f"3.{minor}" for minor in range(int(low), int(high))]


def test_hooks_are_of_this_environment() -> None:
    (own,) = read(".pre-commit-config.yaml")["repos"]
    assert own["repo"] == "local"
    entries = [hook["entry"].split() for hook in own["hooks"]]
    assert all(entry[:2] == [".venv/bin/python", "-m"] for entry in entries)
    lock = (ROOT / "envs/requirements.lock").read_text(encoding="utf-8")
    assert all(re.search(rf"^{entry[2]}==", lock, re.M) for entry in entries)
    files = next(re.compile(hook["files"]) for hook in own["hooks"] if "files" in hook)
    assert files.search("Snakefile") and files.search("workflow/rules/claims.smk")
    assert not files.search("workflow/scripts/train.py")


@pytest.mark.parametrize("name", [name for name in FORMS if name != "config.yml"])
def test_forms_ask(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}")
    assert {"name", "description", "body"} <= set(form)
    names = [part["id"] for part in form["body"]]
    assert len(names) == len(set(names))
    assert all(part["attributes"]["label"] for part in form["body"])


def test_the_catalogue_knows_how_to_use_it() -> None:
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert usage["software-stack-deployment"]["conda"] and usage["report"]
    assert (ROOT / "config/README.md").exists() and (ROOT / "envs/neuron_race.yaml").exists()
    # Everything that config/ holds is described.
    described = (ROOT / "config/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "config").glob("*.yaml"):
        assert path.name in described
