"""The multiverse of a smoke run, from the configuration to the figure."""

import re
import subprocess
from pathlib import Path

import pytest
from declared import check
from smoke_run import snakemake

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
        ("decisions: {cosine: {options: [0.9, 0.99]}}", {"runs", "claims", "figure"}),
        ("decisions: {head: {options: [balanced]}}", {"train", "runs", "claims", "figure"}),
    ],
)
def test_what_is_changed_alone_is_made_again(smoke: Path, change: str, rules: set[str]) -> None:
    dry = run(smoke, "-n", "--config", f"multiverse={{{change}}}")
    assert dry.returncode == 0, dry.stderr
    found = re.findall(r"^rule multiverse_(\w+):", dry.stdout + dry.stderr, re.M)
    assert set(found) == rules
