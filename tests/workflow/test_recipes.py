"""What CONTRIBUTING.md tells to write, written: recipes work, in as many files as they say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from smoke_run import ROOT, copy_project, environment, snakemake

from neuron_race.common import storage

GUIDE = ROOT / "CONTRIBUTING.md"
TINY = {
    "experiments": {"pair": {"width": 20, "max_steps": 400}},
    "extensions": {
        "depth": {"width": 8, "max_steps": 30},
        "optimizers": {"width": 10, "max_steps": 30},
    },
}


def blocks(heading: str) -> list[tuple[str, str, str]]:
    """Kind, file and text of the blocks below a heading that name a file."""
    section = re.split(r"^## ", GUIDE.read_text(encoding="utf-8"), flags=re.M)
    (own,) = [text for text in section if text.startswith(f"{heading}\n")]
    return re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", own, re.M | re.S)


def changed(text: str, diff: str) -> str:
    """A text with the hunks of a diff, each of which fits one place."""
    for hunk in diff.split("@@\n"):
        lines = [(line[:1] or " ", line[1:]) for line in hunk.splitlines()]
        before = "".join(f"{line}\n" for mark, line in lines if mark in " -")
        after = "".join(f"{line}\n" for mark, line in lines if mark in " +")
        assert f"\n{text}".count(f"\n{before}") == 1, f"fits no place, or several:\n{before}"
        text = f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:]
    return text


def follow(folder: Path, *headings: str) -> set[str]:
    """Do what recipes say in a copy of the project; the files that this wrote."""
    written = set()
    for heading in headings:
        for kind, name, text in blocks(heading):
            path = folder / name
            if kind == "diff":
                text = changed(path.read_text(encoding="utf-8"), text)
            else:
                assert not path.exists(), f"{name} is there already"
                path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.add(name)
    return written


def run(folder: Path, *targets: str, **settings: Any) -> str:
    """Make targets of tiny networks, with settings of their own; what was said."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**TINY, **settings}))
    files = ("--configfile", "config/smoke.yaml", "tiny.yaml")
    done = snakemake(folder, "--cores", "1", *targets, *files)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def table(folder: Path, name: str) -> pd.DataFrame:
    """A table that a run has made."""
    return storage.read_table(folder / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "its race")


def test_a_claim_with_its_control_and_then_a_figure(folder: Path) -> None:
    assert len(follow(folder, "A claim with its control")) == 2
    run(folder, "lean")
    verdict = storage.read_json(folder / "results/claims/lean.json")
    assert [row["is_control"] for row in verdict["criteria"]] == [False, True]
    assert all(row["estimate"] is not None for row in verdict["criteria"])
    assert set(table(folder, "figures/lean.csv")["quantity"]) == {"lower_half_share"}
    assert len(follow(folder, "A figure")) == 2
    said = run(folder, "lean")
    assert "rule figure_lean:" in said and "rule train_pair:" not in said
    assert set(table(folder, "figures/lean.csv")["quantity"]) == {"lower_half_share", "loss"}


def test_a_statistic(folder: Path) -> None:
    written = follow(folder, "A statistic")
    command = [sys.executable, "workflow/scripts/dictionary.py"]
    subprocess.run(command, cwd=folder, env=environment(folder), check=True)
    assert "`largest_share`" in (folder / "docs/statistics.md").read_text()
    assert len(written | {"docs/statistics.md"}) == 3
    # That a criterion may ask for it is checked before any job starts.
    run(folder, "results/dynamics/pair/runs.csv")
    assert table(folder, "results/dynamics/pair/runs.csv")["largest_share"].between(0.05, 1).all()


TRAINED = {
    "A data set": (2, "results/dynamics/rings/runs.csv", "gaussian"),
    "An optimizer": (2, "results/extension/optimizers/runs.csv", "nesterov"),
    "A model": (3, "results/extension/depth/runs.csv", "funnel"),
}


def test_what_is_trained(folder: Path) -> None:
    """One recipe beside the other, for no two of them write to one place."""
    for heading, (files, _, _) in TRAINED.items():
        assert len(follow(folder, heading)) == files
    run(folder, *(target for _, target, _ in TRAINED.values()))
    for _, target, condition in TRAINED.values():
        runs = table(folder, target)
        assert (runs["condition"] == condition).sum() > 0
        assert runs["loss_end"].notna().all()


def test_a_loader_of_images(folder: Path) -> None:
    assert len(follow(folder, "A loader of images")) == 2
    rng, path = np.random.default_rng(0), folder.parent / "mnist.npz"
    arrays: dict[str, Any] = {}
    for part, n in (("train", 2000), ("test", 1000)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, 10, n, dtype=np.uint8)
    np.savez(path, **arrays)
    source = {"kind": "file", "path": str(path), "sha256": storage.checksum(path)}
    images = {"npz": {"sources": {"mnist.npz": [source]}}}
    run(folder, "results/datasets/npz.npz", images=images)
    made = storage.read_arrays(folder / "results/datasets/npz.npz")
    assert made["X"].shape[1:] == (200, 784) and made["X_test"].shape[1:] == (100, 784)


def test_the_table_counts_files() -> None:
    counts = re.findall(
        r"^\| \[(.+?)\]\(#.+?\) \| (\d) \|", GUIDE.read_text(encoding="utf-8"), re.M
    )
    for what, count in counts:
        heading = what[0].upper() + what[1:]
        if own := {name for _, name, _ in blocks(heading)}:
            generated = heading == "A statistic"
            assert len(own) + generated == int(count), heading
