"""What was fixed before seeds were opened, and whether it still is."""

from dataclasses import replace
from pathlib import Path

import pytest

from neuron_race.common import storage
from neuron_race.evidence import registration
from neuron_race.settings import configuration, reading

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = configuration.read(reading.read_yaml(ROOT / "config/config.yaml"), ROOT)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "config/config.yaml": "seeds: 1",
        "config/claims/racing.yaml": "threshold: 1",
        "envs/requirements.lock": "torch",
        "Snakefile": "rule",
        "workflow/src/neuron_race/deep/module.py": "code",
        "workflow/src/neuron_race/training/kernel.c": "code",
        "docs/page.md": "words",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_it_freezes_all_that_decides_a_verdict_and_no_words(project: Path) -> None:
    frozen = registration.freeze(project, SETTINGS)
    assert frozen["seeds"] == SETTINGS.seeds and frozen["unopened"] == SETTINGS.unopened
    assert set(frozen["files"]) == {
        *("config/config.yaml", "config/claims/racing.yaml", "envs/requirements.lock"),
        *("Snakefile", "workflow/src/neuron_race/deep/module.py"),
        "workflow/src/neuron_race/training/kernel.c",
    }
    assert frozen["files"]["Snakefile"] == storage.checksum(project / "Snakefile")
    assert {"claim racing", "run pair/gaussian", "run lenet/digits", "data digits"} <= set(
        frozen["resolved"]
    )


def test_what_changed_since_is_named(project: Path) -> None:
    frozen, seeds = registration.freeze(project, SETTINGS), SETTINGS.seeds
    same = {**frozen["files"], **frozen["resolved"]}
    found = registration.since(frozen, "c" * 64, seeds, same)
    assert found == {"sha256": "c" * 64, "seeds": True, "changed": []}
    assert "nothing behind this verdict changed since" in registration.words(found)
    other = {**same, "claim racing": "x", "workflow/src/neuron_race/deep/new.py": "y"}
    found = registration.since(frozen, "c" * 64, seeds, other)
    assert found["changed"] == ["claim racing", "workflow/src/neuron_race/deep/new.py"]
    assert registration.words(found).endswith("changed since: claim racing, 1 file of deep")


def test_a_changed_rate_changes_its_run_alone() -> None:
    before = registration.resolved(SETTINGS)
    pair = {**SETTINGS.experiments["pair"]}
    pair["gaussian"] = {**pair["gaussian"], "learning_rate": 0.3, "seeds": [1], "device": "cpu"}
    changed = replace(SETTINGS, experiments={**SETTINGS.experiments, "pair": pair})
    after = registration.resolved(changed)
    assert [name for name in before if before[name] != after[name]] == ["run pair/gaussian"]


def test_other_seeds_are_not_registered(project: Path) -> None:
    frozen = registration.freeze(project, SETTINGS)
    found = registration.since(frozen, "c" * 64, [5], {})
    told = registration.words(found)
    assert told == "not the seeds that are registered in config/registration.json"


def test_the_projects_registration_is_of_its_seeds() -> None:
    kept = storage.read_json(ROOT / registration.FILE)
    assert kept["seeds"] == SETTINGS.seeds
    assert len(kept["files"]) > 200 and "claim racing" in kept["resolved"]
