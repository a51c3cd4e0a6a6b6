"""A training that is interrupted goes on with the same bits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_runs import problem

from neuron_race.common import storage
from neuron_race.common.storage import ResultError
from neuron_race.models import deep
from neuron_race.training import any_model, checkpoints, kept
from neuron_race.training.checkpoints import Checkpoint
from neuron_race.training.engine import train
from neuron_race.training.recipe import MEASURED, Recipe, Runs

Array = NDArray[Any]


class Killed(Exception):
    """Stands for a signal in the middle of training."""


@dataclass
class Deadly(Checkpoint):
    """Writes whenever it can, and dies after so many."""

    every: float = 0.0
    lives: int = 1

    def write(self, state: Any) -> None:
        super().write(state)
        self._next, self.lives = 0.0, self.lives - 1
        if not self.lives:
            raise Killed


@pytest.mark.parametrize("chosen", ["compiled", "torch"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"max_weight_bytes": 0},
        {"freeze": ("gates",)},
        {"freeze": ("head",), "stop_at_drop": False},
        {"stop_at_drop": True},
        {"after_drop": 3.5, "max_steps": 3000},
    ],
    ids=str,
)
def test_one_hidden_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chosen: str, how: dict[str, Any]
) -> None:
    stacked = [np.stack(parts) for parts in zip(problem(1), problem(2), strict=True)]
    recipe = Recipe(**{"max_steps": 300, "learning_rate": 0.2, "snapshots": 30, **how})
    path = tmp_path / "unfinished.npz"

    def run(checkpoint: Checkpoint | None) -> Runs:
        return train(*stacked, recipe, "cpu", "it", engine=chosen, checkpoint=checkpoint)

    whole = run(None)
    for lives in (2, 1):  # two interruptions, one after the other
        with pytest.raises(Killed):
            run(Deadly(path, lives=lives))
    resumed = run(Checkpoint(path))
    assert "goes on from step" in capsys.readouterr().err
    for name in ("step", "loss", "event_step", "W_events", "A_events", "W", "A"):
        one, other = getattr(whole, name), getattr(resumed, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other, err_msg=name)
    for name in MEASURED:
        np.testing.assert_array_equal(whole.measured[name], resumed.measured[name], err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "momentum", "schedule": "cosine"},
        {"optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.1},
        {"batch_size": 5},
        {"stride": 0.01, "learning_rate": 0.01},
        {"freeze_residual": True, "stop_at_drop": True, "learning_rate": 0.02},
    ],
    ids=str,
)
def test_any_model_and_optimizer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
) -> None:
    seeds = [3, 4, 5]
    model = deep.Perceptron(16, 1, 5, 2)
    start = deep.initial(model, "test", seeds, 1.0)
    rng = np.random.default_rng(0)
    X = torch.as_tensor(rng.standard_normal((3, 12, 16)))
    plan = any_model.Plan(**{"learning_rate": 0.1, "max_steps": 40, **options})

    def run() -> any_model.History:
        return any_model.train(
            model,
            start,
            X,
            X[..., :1].sign(),
            plan,
            seeds,
            "it",
            snapshots=[0, 3, 30],
            summed=lambda stacked, slopes, rate: rate * slopes["head.weight"],
        )

    def killed(lives: int) -> None:
        monkeypatch.setattr(checkpoints, "Checkpoint", lambda path: Deadly(path, lives=lives))
        with pytest.raises(Killed), checkpoints.kept_in(tmp_path):
            run()
        monkeypatch.setattr(checkpoints, "Checkpoint", Checkpoint)

    def same(one: any_model.History, other: any_model.History) -> None:
        assert one.loss.shape[1] > 5
        np.testing.assert_array_equal(one.loss, other.loss)
        np.testing.assert_array_equal(one.drop_step, other.drop_step)
        assert one.total is not None and other.total is not None
        assert torch.equal(one.total, other.total)
        assert list(one.snapshots) == list(other.snapshots) and len(one.snapshots) > 1
        pairs = [(getattr(one, m), getattr(other, m)) for m in ("init", "drop", "end")]
        for a, b in [*pairs, *((one.snapshots[s], other.snapshots[s]) for s in one.snapshots)]:
            assert all(torch.equal(a[n].nan_to_num(), b[n].nan_to_num()) for n in start)

    whole = run()
    for lives in (4, 1):
        killed(lives)
    capsys.readouterr()
    with checkpoints.kept_in(tmp_path):
        resumed = run()
    assert "it: goes on from step 5 of an interrupted run\n" in capsys.readouterr().err
    same(whole, resumed)
    # And one that has ended, in a job whose next training was interrupted, is read again.
    monkeypatch.setenv("NEURON_RACE_CHECKPOINT_SECONDS", "0")
    with checkpoints.kept_in(tmp_path / "ended"):
        run()
    monkeypatch.setattr(any_model, "gradients", lambda *arguments: None)
    with checkpoints.kept_in(tmp_path / "ended"):
        same(whole, run())
    assert "it: kept from an interrupted run\n" in capsys.readouterr().err


def test_trainings_of_a_job_are_told_apart_by_their_order(tmp_path: Path) -> None:
    assert checkpoints.following() is None
    for _ in range(2):
        with checkpoints.kept_in(tmp_path):
            paths = [checkpoint.path for _ in range(2) if (checkpoint := checkpoints.following())]
        assert paths == [tmp_path / "0.npz", tmp_path / "1.npz"]
    assert checkpoints.following() is None


def test_one_that_is_not_whole_or_of_another_engine_is_no_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked = [part[None] for part in problem(1)]
    recipe = Recipe(max_steps=300, learning_rate=0.2, snapshots=30)
    path = tmp_path / "unfinished.npz"
    with pytest.raises(Killed):
        train(*stacked, recipe, engine="torch", checkpoint=Deadly(path, lives=3))
    kept = path.read_bytes()

    def goes_on(engine: str) -> bool:
        train(*stacked, recipe, label="it", engine=engine, checkpoint=Checkpoint(path))
        return "goes on" in capsys.readouterr().err

    assert goes_on("torch") and not goes_on("compiled")
    path.write_bytes(kept[: len(kept) // 2])
    assert Checkpoint(path).read() is None
    assert not goes_on("torch")
    path.write_bytes(kept)
    narrow = [
        Z[:, :-1] if Z.shape[1:] in (stacked[2].shape[1:], stacked[3].shape[1:]) else Z
        for Z in stacked
    ]
    with pytest.raises(ResultError, match=r"unfinished\.npz: not of this training .*delete it"):
        train(*narrow, recipe, engine="torch", checkpoint=Checkpoint(path))
    # Nor is the state of one engine that of the other's.
    path.rename(tmp_path / "0.npz")
    model = deep.Perceptron(4, 1, 6, 1)
    start = deep.initial(model, "test", [1], 1.0)
    X, Y = (torch.as_tensor(part) for part in stacked[:2])
    with (
        pytest.raises(ResultError, match=r"0\.npz: not of this training .*delete it"),
        checkpoints.kept_in(tmp_path),
    ):
        any_model.train(model, start, X, Y, any_model.Plan(max_steps=5))


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf", ""])
def test_a_time_between_writings_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: str
) -> None:
    monkeypatch.setenv("NEURON_RACE_CHECKPOINT_SECONDS", seconds)
    with pytest.raises(ValueError, match=f"CHECKPOINT_SECONDS: '{seconds}' is no number"):
        Checkpoint(tmp_path / "x.npz")
    monkeypatch.setenv("NEURON_RACE_CHECKPOINT_SECONDS", "0")
    assert Checkpoint(tmp_path / "x.npz").every == 0


def test_writing_takes_a_twentieth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    slow = lambda path, arrays: clock.__setitem__(0, clock[0] + 30.0)  # noqa: E731
    monkeypatch.setattr(checkpoints.storage, "write_arrays", slow)
    checkpoint = Checkpoint(tmp_path / "x.npz", every=60.0)
    assert not checkpoint.due() and not checkpoint.worth()
    clock[0] = 60.0
    assert checkpoint.due() and checkpoint.worth()
    checkpoint.write({})
    clock[0] = 90.0 + 599.0
    assert not checkpoint.due()
    clock[0] = 90.0 + 600.0
    assert checkpoint.due()


class Job:
    """A job that trains conditions, each of one number, and is asked for again and again."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        storage.write_arrays(Path("results/datasets/d.npz"), {"x": np.zeros(1)})

    def output(self, name: str) -> Path:
        return Path(f"results/runs/e/{name}.npz")

    def ask(self, **numbers: int) -> list[str]:
        """Names of the conditions that were trained."""
        options = {name: {"dataset": "d", "number": number} for name, number in numbers.items()}
        for name in numbers:  # Snakemake deletes the outputs of a job
            for ending in kept.ENDINGS:
                self.output(name).with_suffix(ending).unlink(missing_ok=True)
        made: list[str] = []

        def make(name: str, own: kept.Kept) -> None:
            made.append(name)
            storage.write_json(own.path.with_suffix(".json"), own.sidecar)
            storage.write_arrays(own.path, {"number": np.array([numbers[name]])})

        files = kept.conditions("e", options, {})
        kept.train(files, make, print)
        kept.hand_out(files, {name: self.output(name) for name in numbers})
        for name, number in numbers.items():
            assert storage.read_arrays(self.output(name))["number"] == number
            assert self.output(name).stat().st_nlink == 2  # no second copy
            assert list(files[name].path.parent.glob("*.npz")) == [files[name].path]
        return made


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path, monkeypatch)


def test_a_job_trains_the_conditions_that_it_lacks(job: Job) -> None:
    """Others get the names of outputs again; what is of other settings goes."""
    assert job.ask(a=1, b=1) == ["a", "b"]
    assert job.ask(a=1, b=1) == []
    assert job.ask(a=1, b=2) == ["b"]


@pytest.mark.parametrize("ending", kept.ENDINGS)
def test_an_output_that_was_edited_in_place_is_not_kept(job: Job, ending: str) -> None:
    """It and what is kept are one file: what was put there must not come back as trained."""
    assert job.ask(a=1) == ["a"]
    path = job.output("a").with_suffix(ending)
    other = job.output("other").with_suffix(ending)
    if ending == ".npz":
        storage.write_arrays(other, {"number": np.array([7])})
    else:
        storage.write_json(other, {})
    path.write_bytes(other.read_bytes())
    assert job.ask(a=1) == ["a"]


def test_half_a_condition_is_none(job: Job) -> None:
    assert job.ask(a=1) == ["a"]
    (seal,) = Path("results/checkpoints").rglob("*.seal")
    for content in (b"", b"{}"):
        seal.write_bytes(content)
        assert job.ask(a=1) == ["a"]
    seal.unlink()
    assert job.ask(a=1) == ["a"] and job.ask(a=1) == []
