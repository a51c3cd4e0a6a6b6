"""First things first: in which order jobs start, so that verdicts come early, and when."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Job = TypeVar("Job")


def priorities(
    needs: Mapping[str, Sequence[Job]], seconds: Callable[[Job], float]
) -> dict[Job, int]:
    """Priority of each job behind a claim, from 1 on; the largest starts first.

    Claims share jobs, so that groups of them are compared: again and again, the group with the most
    verdicts for the work that is left for it is next. A group grows from one claim by the cheapest
    other one. Snakemake starts the ready job of the largest priority; what no verdict needs has 0,
    and fills the cores while the last claims' long jobs run.

    Args:
        needs: claim -> all jobs behind its verdict.
        seconds: cost of a job.
    """
    jobs = list(dict.fromkeys(job for own in needs.values() for job in own))
    place = {job: number for number, job in enumerate(jobs)}
    behind = np.zeros((len(needs), len(jobs)), dtype=bool)
    for row, own in zip(behind, needs.values(), strict=True):
        row[[place[job] for job in own]] = True
    cost = np.array([seconds(job) for job in jobs], dtype=float)
    left, done = list(range(len(needs))), np.zeros(len(jobs), dtype=bool)
    found: dict[Job, int] = {}
    while left:
        for claim in _next_group(behind, cost, left, done):
            new = behind[claim] & ~done
            found |= dict.fromkeys((jobs[j] for j in np.flatnonzero(new)), len(left))
            left.remove(claim)
            done |= new
    return found


def _next_group(
    behind: NDArray[np.bool_], cost: NDArray[np.float64], left: list[int], done: NDArray[np.bool_]
) -> list[int]:
    """Claims of those left that give the most verdicts for the work left, in their order."""
    least, best = np.inf, left
    for first in sorted(left, key=lambda claim: float(cost[behind[claim] & ~done].sum())):
        own, others, group = done | behind[first], [c for c in left if c != first], [first]
        while True:
            work = float(cost[own & ~done].sum())
            if work / len(group) < least:
                least, best = work / len(group), group.copy()
            if not others:
                break
            group.append(others.pop(int(np.argmin((behind[others] & ~own) @ cost))))
            own = own | behind[group[-1]]
    return best


def simulate(
    before: Mapping[Job, Sequence[Job]],
    seconds: Callable[[Job], float],
    priority: Mapping[Job, int],
    cores: int,
) -> dict[Job, float]:
    """When each job ends, in seconds from the start, on a number of cores.

    A free core takes, of the jobs whose inputs are there, the one of the largest priority (ties: in
    the order of ``before``).

    Args:
        before: job -> jobs whose outputs it needs, for all jobs.
        seconds: cost of a job.
        priority: of jobs; 0 for those that are not in it.
        cores: jobs at a time.
    """
    place = {job: number for number, job in enumerate(before)}
    missing = {job: len(set(needed)) for job, needed in before.items()}
    after: dict[Job, list[Job]] = {job: [] for job in before}
    for job, needed in before.items():
        for earlier in set(needed):
            after[earlier].append(job)
    running: list[tuple[float, int, Job]] = []
    ready: list[tuple[int, int, Job]] = []
    ended: dict[Job, float] = {}
    now = 0.0
    new = [job for job, count in missing.items() if not count]
    while new or ready or running:
        for job in new:
            heapq.heappush(ready, (-priority.get(job, 0), place[job], job))
        while ready and len(running) < cores:
            _, at, job = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds(job), at, job))
        now, _, done = heapq.heappop(running)
        ended[done] = now
        for job in after[done]:
            missing[job] -= 1
        new = [job for job in after[done] if not missing[job]]
    return ended
