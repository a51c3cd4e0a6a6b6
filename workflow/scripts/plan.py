"""What a preset will cost before anything starts: `make plan`, or
`python workflow/scripts/plan.py config/full.yaml`.

Jobs come from the graph (a dry run in an empty folder), costs from docs/reference/costs.csv, the
measured ones of a default run (`--measure` writes that file from results/benchmarks).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from neuron_race.common import leftovers, storage, terminal
from neuron_race.operations import cost, planning
from neuron_race.settings import configuration, reading

ROOT = Path(__file__).resolve().parents[2]

MEASURED = ROOT / "docs/reference/costs.csv"
HOURS, MEGABYTES = 1.0, 8192  # a job that needs more must be cut into shards


def read_settings(overlays: list[str]) -> configuration.Settings:
    """Settings of the default preset with overlays."""
    files = [ROOT / "config/config.yaml", *map(Path, overlays)]
    return configuration.read(reading.merged(files), ROOT)


def graph(overlays: list[str]) -> list[tuple[str, str]]:
    """Rule and name of every job that a run from nothing has."""
    with leftovers.scratch() as empty:
        command = ["snakemake", "--dry-run", "--cores", "1", "--directory", str(empty)]
        command += ["--snakefile", str(ROOT / "Snakefile")]
        if overlays:
            command += ["--configfile", *(str(Path(path).resolve()) for path in overlays)]
        # What it says is read as UTF-8, whatever this terminal shows.
        dry = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
    if dry.returncode:
        sys.exit(dry.stdout + dry.stderr)
    # Jobs are named by their benchmark files; those without one (downloads, targets) cost nothing.
    found = re.findall(r"^    benchmark: (.*)$", dry.stdout + dry.stderr, re.M)
    return [cost.job(path) for path in found]


def measure() -> None:
    """Keep the costs of the default run that results/ holds."""
    known = set(graph([]))
    jobs = cost.cost(sorted((ROOT / "results/benchmarks").rglob("*.tsv")))
    jobs = jobs[[pair in known for pair in zip(jobs["rule"], jobs["job"], strict=True)]]
    table = jobs.rename(columns={"job": "name", "cpu_s": "seconds", "max_rss_mb": "memory_mb"})
    table = table[["rule", "name", "seconds", "memory_mb"]]
    storage.write_table(MEASURED, table.fillna(0.0))  # too short to be sampled


def plan(overlays: list[str]) -> pd.DataFrame:
    """Table of all jobs with their costs: rule, name, seconds, memory_mb, disk (bytes)."""
    wanted = read_settings(overlays)
    forecaster = planning.Forecaster(planning.read_measured(MEASURED), read_settings([]))
    return pd.DataFrame([vars(forecaster.cost(wanted, *job)) for job in graph(overlays)])


def main(arguments: list[str]) -> None:
    """Print the plan; exit with an error if a job is too large."""
    if arguments == ["--measure"]:
        return measure()
    try:
        jobs = plan(arguments)
    except (configuration.SettingsError, storage.ResultError) as error:
        sys.exit(str(error))
    table = jobs.groupby("rule", sort=False).agg(
        jobs=("name", "size"),
        cpu_hours=("seconds", lambda s: s.sum() / 3600),
        longest_minutes=("seconds", lambda s: s.max() / 60),
        memory_mb=("memory_mb", "max"),
        disk_gb=("disk", lambda b: b.sum() / 1e9),
    )
    print(table.to_string(float_format="%.2f"))
    print(
        f"\n{len(jobs)} jobs, {jobs['seconds'].sum() / 3600:.1f} CPU-hours, longest job "
        f"{jobs['seconds'].max() / 60:.0f} min, largest memory {jobs['memory_mb'].max():.0f} MB, "
        f"disk {jobs['disk'].sum() / 1e9:.1f} GB"
    )
    large = jobs[(jobs["seconds"] > 3600 * HOURS) | (jobs["memory_mb"] > MEGABYTES)]
    if len(large):
        sys.exit(
            f"Beyond {HOURS:g} h or {MEGABYTES} MB, cut these:\n{large.to_string(index=False)}"
        )


if __name__ == "__main__":
    terminal.prepare()
    main(sys.argv[1:])
