"""Every setting that is asked for is in force, in the jobs too, or refused before any job."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from smoke_run import copy_project, snakemake

from neuron_race.common import storage
from neuron_race.figures import style
from neuron_race.settings import configuration, reading

TEACHER = "results/datasets/teacher.npz"
SMALL = ("datasets={teacher: {n_train: 4, n_test: 2, dim: 5}}", "seeds={first: 7, count: 2}")


def planned(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A dry run for one data set."""
    return snakemake(folder, TEACHER, "-n", "--cores", "1", *options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with overlays and a profile."""
    root = copy_project(tmp_path_factory.mktemp("force") / "its race")
    (root / "a.yaml").write_text("preset: a\nseeds: {count: 2}\n")
    (root / "b.yaml").write_text('{"preset": "b",\n "shard": "experiment"}')
    (root / "twice.yaml").write_text("preset: a\nseeds: {count: 2}\npreset: b\n")
    (root / "octal.yaml").write_text("seeds:\n  first: 0600\n")
    (root / "profiles/mine").mkdir()
    (root / "profiles/mine/config.yaml").write_text("configfile: a.yaml\n")
    return root


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            "--configfile a.yaml --configfile b.yaml",
            "a.yaml would be left out, .* --configfile a.yaml b.yaml",
        ),
        ("--config preset=x -C device=cpu", "preset=x would .*: --config preset=x device=cpu"),
        (
            "--profile profiles/mine --configfile b.yaml",
            "a.yaml would .* --configfile a.yaml b.yaml",
        ),
        ("--configfile a.yaml --replace-workflow-config", "--replace-workflow-config: jobs would"),
        (
            "--directory elsewhere --configfile a.yaml --configfile b.yaml",
            "a.yaml would be left out, .* --configfile a.yaml b.yaml",
        ),
        ("--configfile twice.yaml", "twice.yaml: line 3: preset is there already, on line 1"),
        ("--configfile octal.yaml", "octal.yaml: line 2: seeds.first: .*; write 600, or '0600'"),
        ("--config 'seeds={first: 1:30}'", "--config seeds: line 1: first: .* in decimal"),
    ],
)
def test_what_would_not_be_in_force_is_refused_before_any_job(
    folder: Path, options: str, words: str
) -> None:
    done = planned(folder, *shlex.split(options))
    said = done.stdout + done.stderr
    assert done.returncode == 1 and re.search(words, said) and "Traceback" not in said
    assert not (folder / "results").exists()


def test_all_of_one_option_is_in_force(folder: Path) -> None:
    for options in (
        "--configfile a.yaml b.yaml --directory elsewhere",
        "--profile profiles/mine --config device=cpu",
    ):
        done = planned(folder, *options.split())
        assert done.returncode == 0, done.stderr


def test_equal_keys_in_the_projects_own_files_are_refused(tmp_path: Path) -> None:
    root = copy_project(tmp_path / "its race")
    for name, key in (("config/config.yaml", "device"), ("config/claims/racing.yaml", "criteria")):
        path = root / name
        kept = path.read_text()
        path.write_text(f"{kept}\n{key}: cpu\n")
        done = planned(root)
        path.write_text(kept)
        lines = len(kept.splitlines()) + 2
        said = rf"{path.name}: line {lines}: {key} is there already, on line \d+"
        assert done.returncode == 1 and re.search(said, done.stdout + done.stderr)


def test_nested_options_reach_the_jobs_as_numbers(folder: Path, tmp_path: Path) -> None:
    done = snakemake(
        folder, TEACHER, "--cores", "1", "--directory", str(tmp_path), "--config", *SMALL
    )
    assert done.returncode == 0, done.stderr
    arrays = storage.read_arrays(tmp_path / TEACHER)
    assert arrays["X"].shape == (2, 4, 5) and arrays["seed"].tolist() == [7, 8]


def test_make_refuses_what_would_not_be_in_force(folder: Path) -> None:
    for options, words in (
        ("--configfile a.yaml --configfile b.yaml", "--configfile a.yaml b.yaml"),
        ("--configfile twice.yaml", "line 3: preset is there already"),
        ("--config seeds=0600", "write 600"),
    ):
        command = [sys.executable, "workflow/scripts/overlays.py", *options.split()]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 1 and words in done.stderr


def test_a_misspelt_name_is_told_once_and_before_any_job(folder: Path, tmp_path: Path) -> None:
    change = "experiments={pair: {conditions: {gausian: {width: 9}}}}"
    options = ("--directory", str(tmp_path), "--config", *SMALL, change)
    done = snakemake(folder, TEACHER, "--cores", "1", *options)
    said = "config: experiments.pair.conditions.gausian: no claim reads it; did you mean gaussian?"
    assert done.returncode == 0 and done.stderr.count(said) == 1
    assert done.stderr.index(said) < done.stderr.index("rule dataset:")


def test_misspelt_variables_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURON_RACE_CASHE", "/tmp")
    done = planned(folder)
    assert done.returncode == 1 and "NEURON_RACE_CASHE is none of" in done.stdout + done.stderr


# --- A finished run -----------------------------------------------------------------------------

# Values of the smoke preset and the default one, in another order and otherwise written.
SAME = """
extensions:
  schedule: {conditions: {lazy: {learning_rate: 5e-2, alpha: 3}}, width: 30}
  residual: {conditions: {fixup: {gain: {others: 1e-1, outgoing: 0.0, incoming: .577}}}}
experiments:
  regimes: {conditions: {a1e0_m300: {learning_rate: 5.0E-2, alpha: 1}}}
  pair: {conditions: {lazy: {learning_rate: .05, alpha: 1}, gaussian: {head: gaussian}}}
weight_tickets: {lenet: {digits: {dataset: digits_all}}}
datasets:
  two_features: {strengths: [1, 3e-1]}
explorer: {conditions: {regimes: [a1e6_m300, a1e2_m300]}, seeds: 3}
images: {mnist: {loader: mnist}}
preset: smoke
"""


def test_settings_written_otherwise_rerun_nothing(smoke: Path, tmp_path: Path) -> None:
    done = Path(shutil.copytree(smoke, tmp_path / "its race", symlinks=True))
    # An overlay of another name would change the commands that the site shows.
    overlay = done / "config/smoke.yaml"
    date = overlay.stat().st_mtime_ns
    (done / "more.yaml").write_text(SAME)
    both = reading.merged([overlay, done / "more.yaml"])
    overlay.write_text(yaml.safe_dump(both, sort_keys=True))
    os.utime(overlay, ns=(date, date))
    dry = snakemake(done, "-n", "--cores", "1", "--configfile", "config/smoke.yaml")
    assert dry.returncode == 0
    rules = re.findall(r"^(?:local)?rule (\w+):", dry.stdout + dry.stderr, re.M)
    assert set(rules) == {"all"}  # which tells the verdicts


@pytest.mark.slow
def test_figures_have_an_order_of_their_own(smoke: Path, tmp_path: Path) -> None:
    style.apply()
    config = reading.merged([smoke / "config/config.yaml", smoke / "config/smoke.yaml"])
    settings = configuration.read(config, smoke)
    for claim, entry in settings.claims.items():
        verdict = storage.read_json(smoke / f"results/claims/{claim}.json")
        tasks = settings.tasks_drawn(claim)
        tables = {
            path: style.with_tasks(storage.read_table(smoke / "results" / path), path, tasks)
            for path in entry["figure_tables"]
        }
        for path, table in tables.items():
            if "condition" in table:
                backwards = table["condition"].unique()[::-1]
                parts = [table[table["condition"] == name] for name in backwards]
                if not path.startswith(("tickets/", "audit/")):  # of conditions that claims read
                    parts.append(parts[0].assign(condition="of_an_overlay"))
                tables[path] = pd.concat(parts).copy()  # in one piece, as it is read
        module = importlib.import_module(f"neuron_race.figures.{claim}")
        style.save(module.draw(tables, verdict)[0], tmp_path / "a.pdf", tmp_path / "a.png")
        drawn = smoke / f"figures/{claim}.png"
        assert (tmp_path / "a.png").read_bytes() == drawn.read_bytes(), claim
