"""Formatters, linters, types, and documents that are generated."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from neuron_race.common import storage
from neuron_race.evidence import reference
from neuron_race.settings import configuration

ROOT = Path(__file__).parents[2]
SNAKEFILES = ["Snakefile", *map(str, sorted((ROOT / "workflow/rules").glob("*.smk")))]
COMMANDS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "snakefmt": ["snakefmt", "--check", *SNAKEFILES],
    "mypy": ["mypy"],
    "snakemake --lint": ["snakemake", "--lint"],
    "README and docs/claims.md are current": ["workflow/scripts/readme.py", "--check"],
    "docs/statistics.md is current": ["workflow/scripts/dictionary.py", "--check"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_clean(name: str, tmp_path: Path) -> None:
    first, *rest = COMMANDS[name]
    start = [sys.executable, first] if first.endswith(".py") else [sys.executable, "-m", first]
    if first == "snakemake":  # elsewhere, for results here may be of another preset
        rest += ["--directory", str(tmp_path)]
    done = subprocess.run([*start, *rest], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lock_pins_every_requirement() -> None:
    lock = (ROOT / "envs/requirements.lock").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lock if line and not line.startswith("#")}
    assert all("==" in line for line in lock if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in [*project["dependencies"], *chain(*project["optional-dependencies"].values())]:
        name = re.split("[=>]", line)[0].strip().lower()
        assert name in pinned, f"{name} is not pinned"


def test_files_of_rules_are_short() -> None:
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = path.read_text()
        assert text.startswith("#"), f"{path.name} opens with what goes in and out"
        assert text.count("\nrule ") + text.count("    rule:") <= 8
        assert "run:" not in text


def test_every_claim_has_a_control_and_a_plot() -> None:
    for name, claim in configuration.read_register(ROOT / "config/claims")["claims"].items():
        assert any(c.get("control") for c in claim["criteria"])
        assert (ROOT / f"workflow/src/neuron_race/figures/{name}.py").exists()


def test_meanings_are_complete() -> None:
    for claim in configuration.read_register(ROOT / "config/claims")["claims"].values():
        for criterion in claim["criteria"]:
            assert not re.search(
                r"\bthe same(,| (with|as|on|for|of a|at)\b|$)", criterion["meaning"]
            )


@pytest.mark.parametrize("preset", reference.presets(ROOT))
def test_reference_verdicts_agree_with_the_register(preset: str) -> None:
    register = configuration.read_register(ROOT / "config/claims")["claims"]
    folder = reference.folder(ROOT, preset)
    assert {path.stem for path in folder.glob("claims/*.json")} == set(register)
    for name, claim in register.items():
        verdict = storage.read_json(folder / f"claims/{name}.json")
        assert verdict["preset"] == preset
        assert verdict["statement"] == claim["statement"]
        recorded = {
            c["name"]: (c["statistic"], c["threshold"], c["direction"], c["is_control"])
            for c in verdict["criteria"]
        }
        asked = {
            c["name"]: (
                c["statistic"],
                c["threshold"],
                c["direction"],
                c.get("control", False),
            )
            for c in claim["criteria"]
        }
        # A preset may ask the same of other data, too.
        assert asked.items() <= recorded.items() if preset != "default" else asked == recorded
