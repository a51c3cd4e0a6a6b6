"""What was fixed before seeds were opened, and whether it still is."""

from pathlib import Path

import pytest

from neuron_race.common import storage
from neuron_race.evidence import registration

ROOT = Path(__file__).resolve().parents[2]


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
    frozen = registration.freeze(project, [5, 6], ["other tasks"])
    assert frozen["seeds"] == [5, 6] and frozen["unopened"] == ["other tasks"]
    assert set(frozen["files"]) == {
        *("config/config.yaml", "config/claims/racing.yaml", "envs/requirements.lock"),
        *("Snakefile", "workflow/src/neuron_race/deep/module.py"),
        "workflow/src/neuron_race/training/kernel.c",
    }
    known = storage.checksum(project / "Snakefile")
    assert frozen["files"]["Snakefile"] == known


def test_what_changed_since_is_named(project: Path) -> None:
    frozen = registration.freeze(project, [5, 6], [])
    same = dict(frozen["files"])
    found = registration.since(frozen, "c" * 64, [5, 6], same)
    assert found == {"sha256": "c" * 64, "seeds": True, "changed": []}
    assert "nothing behind this verdict changed since" in registration.words(found)
    other = {**same, "config/claims/racing.yaml": "x", "workflow/src/neuron_race/deep/new.py": "y"}
    found = registration.since(frozen, "c" * 64, [5, 6], other)
    assert found["changed"] == ["config/claims/racing.yaml", "workflow/src/neuron_race/deep/new.py"]
    assert registration.words(found).endswith("changed since: 2 files of config/claims, deep")


def test_other_seeds_are_not_registered(project: Path) -> None:
    frozen = registration.freeze(project, [5, 6], [])
    found = registration.since(frozen, "c" * 64, [5], {})
    assert (
        registration.words(found) == "not the seeds that are registered in config/registration.json"
    )


def test_the_projects_registration_is_of_its_seeds() -> None:
    from neuron_race.settings import configuration, reading

    kept = storage.read_json(ROOT / registration.FILE)
    settings = configuration.read(reading.read_yaml(ROOT / "config/config.yaml"), ROOT)
    assert kept["seeds"] == settings.seeds
    assert len(kept["files"]) > 200
