"""Results without trained networks."""

import os
from pathlib import Path

import pytest

from neuron_race.common import storage
from neuron_race.operations import slim

NETWORKS = {"results/runs/pair/gaussian.npz", "results/multiverse/shard_0.npz"}
OTHERS = {
    "results/runs/pair/gaussian.json",
    "results/multiverse/runs.csv",
    "results/datasets/digits.npz",
    "results/claims/racing.json",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run: each network has a second name."""
    for path in map(Path, [*NETWORKS, *OTHERS]):
        storage.write_bytes(tmp_path / path, b"x" * 1000)
    for number, path in enumerate(sorted(NETWORKS)):
        kept = tmp_path / f"results/checkpoints/runs/a/b/{number}.npz"
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / path, kept)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_networks_go_and_all_else_stays(folder: Path) -> None:
    assert slim.slim() == 2000
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert there == {*OTHERS, str(slim.MARK)}
    assert slim.slim() == 0


def test_deleted_networks_are_not_asked_for(folder: Path) -> None:
    everything = sorted(NETWORKS | OTHERS)
    assert slim.left(everything) == everything
    slim.slim()
    assert slim.left(everything) == sorted(OTHERS)
    again = sorted(NETWORKS)[0]  # trained once more, for its measures were edited
    storage.write_bytes(folder / again, b"x")
    assert slim.left(everything) == sorted({again, *OTHERS})


def test_much_space_is_told_once_for_each_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slim.told() == ""  # 2000 bytes
    monkeypatch.setattr(slim, "WORTH_TELLING", 2000)
    assert slim.told().startswith("Trained networks take 0.0 GB.") and "make slim" in slim.told()
    monkeypatch.setattr(slim, "WORTH_TELLING", 2001)
    assert slim.told() == ""
    monkeypatch.setattr(slim, "WORTH_TELLING", 1)
    slim.slim()
    assert slim.told() == ""
