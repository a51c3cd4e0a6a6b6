"""A tiny multiverse from the configuration to the figure."""

import re
import subprocess
from pathlib import Path

import pytest
from declared import check
from smoke_run import copy_project, snakemake

from neuron_race.common import storage
from neuron_race.settings import dictionary

SMALL = "width: {options: [20], paper: null}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished multiverse of small networks."""
    root = copy_project(tmp_path_factory.mktemp("many") / "its race")
    done = run(root)
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^\w+, .* of 4 universes .*$", done.stdout, re.M)
    assert len(lines) == len(storage.read_table(root / "results/multiverse/claims.csv"))
    return root


def run(
    root: Path, *options: str, decisions: str = "", rest: str = ""
) -> subprocess.CompletedProcess[str]:
    """Make the target with other decisions than the preset's."""
    change = f"multiverse={{universes: 4, decisions: {{{SMALL}{decisions}}}{rest}}}"
    return snakemake(root, "multiverse", "--cores", "2", *options, "--config", change)


def test_tables_are_whole(folder: Path) -> None:
    results = folder / "results/multiverse"
    runs = storage.read_table(results / "runs.csv")
    assert runs["universe"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    decisions = storage.read_table(results / "decisions.csv")
    names = set(decisions["decision"])
    assert names <= set(runs) and (runs["width"] == 20).all()
    check(runs.drop(columns=["universe", "task", *names]), dictionary.MULTIVERSE, {})
    statistics = set(storage.read_table(results / "claims.csv")["statistic"])
    assert set(decisions["statistic"]) == statistics < set(runs)
    assert {path.stem for path in results.glob("*.csv")} == set(dictionary.MULTIVERSE.files)
    assert all((folder / f"figures/multiverse.{ending}").exists() for ending in ("pdf", "png"))


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, set()),
        ({"rest": ", criteria: {rho_alignment: alignment_ranks_balanced}"}, {"claims", "figure"}),
        ({"decisions": ", cosine: {options: [0.9, 0.99]}"}, {"runs", "claims", "figure"}),
        ({"decisions": ", head: {options: [balanced]}"}, {"train", "runs", "claims", "figure"}),
    ],
)
def test_what_is_changed_alone_is_made_again(
    folder: Path, change: dict[str, str], rules: set[str]
) -> None:
    dry = run(folder, "-n", **change)
    assert dry.returncode == 0, dry.stderr
    found = re.findall(r"^rule multiverse_(\w+):", dry.stdout + dry.stderr, re.M)
    assert set(found) == rules
