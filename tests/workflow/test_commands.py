"""Commands beside the workflow: verdicts on own data, a claim with other settings, two runs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from smoke_run import copy_project, environment, make

from neuron_race.common import storage
from neuron_race.studies import trial


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose networks are narrow."""
    root = copy_project(tmp_path_factory.mktemp("own data") / "its race")
    settings = root / "config/config.yaml"
    text = settings.read_text(encoding="utf-8").replace("    width: 300\n", "    width: 40\n")
    settings.write_text(text, encoding="utf-8")
    (root / ".venv").symlink_to(sys.prefix)
    return root


def command(folder: Path, target: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the Makefile with these words."""
    called = ["make", "--no-print-directory", "--assume-old=.venv/.ready", target, "CORES=2"]
    # As users have it: Python's own settings, so that no library's warnings are asked for.
    apart = ("NEURON_RACE_TERMINAL", "PYTHONWARNINGS")
    own = {key: value for key, value in environment(folder).items() if key not in apart}
    return subprocess.run(
        [*called, *words], cwd=folder, capture_output=True, text=True, timeout=600, env=own
    )


def write_data(path: Path, shift: float) -> None:
    """Two overlapping classes as a .csv whose first lines name its columns."""
    rng = np.random.default_rng(0)
    lines = ["a,b,c,d,animal"]
    for i in range(60):
        X = rng.standard_normal(4) + shift * (i % 2)
        lines.append(",".join([*(f"{x:.4f}" for x in X), ("cat", "dog")[i % 2]]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def verdict(folder: Path, claim: str) -> dict[str, Any]:
    """The verdict in a folder of results."""
    found: dict[str, Any] = storage.read_json(folder / f"results/claims/{claim}.json")
    return found


def test_own_data_get_a_page_of_verdicts(folder: Path) -> None:
    write_data(folder / "my data.csv", 1.0)
    asked = ("DATA=my data.csv", "RUNS=2")
    done = command(folder, "try", *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 samples of 4 inputs; 30 of cat, 30 of dog" in done.stdout
    assert re.search(r"Open results/try/my_data/index\.html$", done.stdout, re.M)
    for claim in trial.CLAIMS:
        assert re.search(rf"^[✓◐✕?] {claim} +\w.* controls ", done.stdout, re.M)
    # No lists of inputs, no tracebacks, no warnings of libraries.
    assert "input:" not in done.stderr and "Warning" not in done.stderr
    assert len(done.stderr.splitlines()) < 20
    own = folder / "results/try/my_data"
    page = (own / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert all(verdict(own, claim)["n_runs"] == 2 for claim in trial.CLAIMS)
    assert "jobs on 2 cores" not in command(folder, "try", *asked).stderr


@pytest.mark.slow
def test_changed_data_get_other_verdicts(folder: Path) -> None:
    own, asked = folder / "results/try/changing", ("DATA=changing.csv", "RUNS=2")
    found = []
    for shift in (1.0, 3.0):
        write_data(folder / "changing.csv", shift)
        assert command(folder, "try", *asked).returncode == 0
        found.append(verdict(own, "racing")["criteria"])
    assert found[0] != found[1]


def test_bad_data_are_refused_before_any_job(folder: Path) -> None:
    (folder / "bad.csv").write_text("1,2,a\n3,x,b\n", encoding="utf-8")
    done = command(folder, "try", "DATA=bad.csv")
    assert done.returncode != 0 and not (folder / "results/try/bad").exists()
    assert re.search(r"path: .*bad\.csv: line 2, column 2: 'x' is no finite number", done.stderr)
    assert "name a file" in command(folder, "try").stderr


def test_a_claim_with_other_settings_is_held_against_the_reference(folder: Path) -> None:
    done = command(folder, "claim", "CLAIM=merging", "SET=experiments.overparam.alpha=1e-3")
    assert done.returncode != 0 and "'overparam' is none of" in done.stderr
    assert not (folder / "results/claim").exists()
    done = command(folder, "claim", "CLAIM=schedule", "SET=seeds.count=2")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (folder / "results/claim").glob("schedule_seeds_count_2_*")
    assert storage.read_json(made / "results/claims/schedule.json")["n_runs"] == 2
    assert re.search(r"^. schedule .*\(reference\)$", done.stdout, re.M)
    assert re.search(r"^. schedule .*\(seeds\.count=2\)$", done.stdout, re.M)
    assert re.search(r"schedule, n_runs \(other runs\)\n +reference: 20\n +here: +2", done.stdout)
    told = command(folder, "compare", f"A={made}", "B=docs/reference")
    assert told.returncode == 0 and "In docs/reference only, not compared: " in told.stdout
    assert f"{made}: " in told.stdout
    assert "no verdicts here" in command(folder, "compare", "A=docs", f"B={made}").stderr


def test_a_failed_job_is_told_in_one_line_with_its_log(folder: Path) -> None:
    options = "circularity --config 'seeds={first: 1, count: 2}'"
    options += " 'experiments={pair: {learning_rate: 500}}'"
    done = make(folder, "run", options, "--configfile config/smoke.yaml --directory failing")
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    (line,) = (line for line in lines if line.startswith("Error in train_pair"))
    assert "loss diverged" in line and "details in results/logs/train/pair.log" in line
    assert any(line.startswith("Not everything could be made") for line in lines)
    assert "Traceback" not in done.stderr and "RuleException" not in done.stderr
    assert os.path.getsize(folder / "failing/results/logs/train/pair.log")
