"""The multiverse of a smoke run, from the configuration to the figure."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from declared import check
from smoke_run import environment, snakemake

from neuron_race.common import storage
from neuron_race.settings import dictionary

SMOKE = ("--configfile", "config/smoke.yaml")


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Make the target in a finished run."""
    return snakemake(folder, "multiverse", "--cores", "2", *options, *SMOKE)


def test_the_target_tells_what_each_claim_says_in_all_universes(smoke: Path) -> None:
    done = run(smoke)
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^\w+, .* of 6 universes .*$", done.stdout, re.M)
    assert len(lines) == len(storage.read_table(smoke / "results/multiverse/claims.csv")) > 0


def test_tables_are_whole(smoke: Path) -> None:
    results = smoke / "results/multiverse"
    runs = storage.read_table(results / "runs.csv")
    assert runs["universe"].tolist() == [universe for universe in range(6) for _ in range(2)]
    decisions = storage.read_table(results / "decisions.csv")
    names = set(decisions["decision"])
    assert names <= set(runs)
    check(runs.drop(columns=["universe", "task", *names]), dictionary.MULTIVERSE, {})
    statistics = set(storage.read_table(results / "claims.csv")["statistic"])
    assert set(decisions["statistic"]) == statistics < set(runs)
    assert {path.stem for path in results.glob("*.csv")} == set(dictionary.MULTIVERSE.files)
    assert all((smoke / f"figures/multiverse.{ending}").exists() for ending in ("pdf", "png"))


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("criteria: {rho_alignment: alignment_ranks_balanced}", {"claims", "figure"}),
        ("decisions: {cosine: {options: [0.9, 0.99]}}", {"measure", "runs", "claims", "figure"}),
        (
            "decisions: {head: {options: [balanced]}}",
            {"train", "measure", "runs", "claims", "figure"},
        ),
    ],
)
def test_what_is_changed_alone_is_made_again(smoke: Path, change: str, rules: set[str]) -> None:
    dry = run(smoke, "-n", "--config", f"multiverse={{{change}}}")
    assert dry.returncode == 0, dry.stderr
    found = re.findall(r"^rule multiverse_(\w+):", dry.stdout + dry.stderr, re.M)
    assert set(found) == rules


# Plans as a dry run does, and tells how many functions were called, and the longest pattern.
COUNTING = """
import cProfile, re, sys
from snakemake import cli

compiled, lengths = re.compile, [0]

def noted(pattern, flags=0):
    lengths.append(len(getattr(pattern, "pattern", pattern)))
    return compiled(pattern, flags)

re.compile, profile = noted, cProfile.Profile()
try:
    profile.runcall(cli.main, sys.argv[1:])
except SystemExit as end:
    assert not end.code
print("counted", sum(entry.callcount for entry in profile.getstats()), max(lengths))
"""


def counted(folder: Path, shards: int) -> tuple[int, int]:
    """Functions called, and length of the longest pattern, where so many shards are planned."""
    universes = f"multiverse={{universes: {shards}, shards: {shards}}}"
    options = ["multiverse", "--dry-run", "--cores", "1", "--quiet", "all", "--config", universes]
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(folder),
    )
    (found,) = re.findall(r"^counted (\d+) (\d+)$", done.stdout, re.M)
    return int(found[0]), int(found[1])


@pytest.mark.slow
def test_each_further_shard_is_planned_by_as_much_work_as_the_one_before(project: Path) -> None:
    (few, short), (more, _), (most, long) = (counted(project, shards) for shards in (20, 120, 220))
    assert (most - more) / (more - few) == pytest.approx(1, abs=0.005)
    assert short == long
