"""First things first: which jobs start before which, and when verdicts come then."""

import pytest

from neuron_race.operations import order

# Two claims share long jobs; a third has a job of its own, and a fourth a longer one.
SECONDS = {"train": 60.0, "measure": 10.0, "prune": 5.0, "quick": 8.0, "long": 100.0, "figure": 7.0}
NEEDS = {
    "slow": ["long"],
    "racing": ["train", "measure"],
    "pruning": ["train", "prune"],
    "fast": ["quick"],
}
BEFORE = {
    "train": [],
    "measure": ["train"],
    "prune": ["train"],
    "quick": [],
    "long": [],
    "figure": ["quick"],
}


def test_the_most_verdicts_for_the_least_work_come_first() -> None:
    found = order.priorities(NEEDS, SECONDS.__getitem__)
    assert found == {"quick": 4, "train": 3, "prune": 3, "measure": 2, "long": 1}


def test_claims_that_share_their_jobs_come_before_a_cheaper_one_alone() -> None:
    shared = {"alone": ["a"], **{f"claim{n}": ["b"] for n in range(3)}}
    found = order.priorities(shared, {"a": 50.0, "b": 60.0}.__getitem__)
    assert found["b"] > found["a"]


@pytest.mark.parametrize(
    ("cores", "ends"),
    [
        (1, {"quick": 8, "train": 68, "prune": 73, "measure": 83, "long": 183, "figure": 190}),
        (2, {"quick": 8, "train": 60, "prune": 75, "measure": 70, "long": 108, "figure": 82}),
    ],
)
def test_a_schedule_by_hand(cores: int, ends: dict[str, float]) -> None:
    priority = {"quick": 4, "train": 3, "measure": 2, "long": 1}
    priority |= {"prune": 3} if cores == 1 else {}
    assert order.simulate(BEFORE, SECONDS.__getitem__, priority, cores) == ends


def test_without_priorities_jobs_start_as_they_are_listed() -> None:
    ended = order.simulate(BEFORE, SECONDS.__getitem__, {}, 1)
    assert sorted(ended, key=ended.__getitem__) == list(BEFORE)


@pytest.mark.parametrize("jobs", [100, 1000])
def test_a_job_is_looked_at_once_however_many_there_are(jobs: int) -> None:
    asked = []

    class Priorities(dict[str, int]):
        def get(self, job: str, default: int = 0) -> int:  # type: ignore[override]
            asked.append(job)
            return default

    before = {str(n): [] for n in range(jobs)} | {"last": [str(n) for n in range(jobs)]}
    assert order.simulate(before, lambda job: 1.0, Priorities(), 2)["last"] == jobs / 2 + 1
    assert sorted(asked) == sorted(before)
