"""Late winners: neurons that the forecast from init leaves behind, and that come up after the drop.

Candidates are chosen before the end is read: forecast from init below the winners, and growing
fastest where the residual is frozen at four times the drop. Their course is replayed with other gates
(:mod:`neuron_race.theory.replay`), and the outcome is the norm product at a multiple of the drop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from neuron_race.common.defined import average, ratio
from neuron_race.measures import clusters
from neuron_race.theory import replay
from neuron_race.theory.replay import Course, Passengers
from neuron_race.training.runs import Trained

Array = NDArray[Any]
WINNERS = 0.2  # the fraction of neurons that counts as winners
CANDIDATES = 5  # neurons of a run that are followed
MATCHED = 3  # losers that each candidate's gates are lent to
PLATEAU = 4  # multiple of the drop at which the second race is forecast
OUTCOME = 32  # multiple of the drop at which neurons are compared
DOSES = {"drop": 1, "2x": 2, "4x": 4}  # multiples of the drop from which gates are held


def top(values: Array, share: float = WINNERS) -> Array:
    """Whether each of the values is among the highest."""
    return np.asarray(pd.Series(values).rank(pct=True) > 1 - share)


def second_race(X: Array, R: Array, W: Array, A: Array, rate: float, steps: int) -> Array:
    """Growth log c (m,) of all neurons over some steps with the residual frozen at ``R (N,)``."""
    zero = np.zeros(len(A))
    own = Passengers.own(W, A)
    c = replay.replay(X, np.tile(R, (steps + 1, 1)), own, rate, 0, (0, steps), zero)
    return np.asarray(np.log(ratio(c[1], c[0])))


class _Run:
    """One run, its recorded course and its candidates."""

    def __init__(self, trained: Trained, s: int, forecast: Array, course: Course):
        start, runs = trained.start, trained.runs
        self.seed, self.X, self.course = int(start.seed[s]), start.X[s], course
        self.rate = trained.recipe.learning_rate
        self.drop = int(runs.event_step[s, trained.event("drop_10")])
        d = self.X.shape[1]
        self.rest = (start.W[s, :, d:] ** 2).sum(axis=1)
        self.forecast = forecast
        self.c = {t: self._norms(course.W[t], course.A[t]) for t in course.W}
        at = PLATEAU * self.drop
        gain = second_race(
            self.X, course.R[at], course.W[at], course.A[at], self.rate, 2 * PLATEAU * self.drop
        )
        self.gain = np.where(np.isfinite(gain), gain, -np.inf)
        behind = ~top(forecast) & ~top(self.c[self.drop])
        order = np.argsort(np.where(behind, -self.gain, np.inf), kind="stable")
        self.candidates = order[:CANDIDATES]
        self.behind = behind

    def _norms(self, W: Array, A: Array) -> Array:
        return np.asarray(np.abs(A) * np.sqrt((W**2).sum(axis=1) + self.rest))

    def own(self, which: Array) -> Passengers:
        """Neurons as they are at the drop."""
        return Passengers.own(self.course.W[self.drop][which], self.course.A[self.drop][which])

    def losers(self) -> Array:
        """Losers (CANDIDATES, MATCHED) nearest to each candidate in c at the drop, of its sign."""
        c, sign = np.log(self.c[self.drop]), np.sign(self.course.A[self.drop])
        found = []
        # Those that the second race leaves behind too.
        slow = self.behind & (self.gain < np.median(self.gain))
        slow[self.candidates] = False
        for j in self.candidates:
            apart = np.where(slow & (sign == sign[j]), np.abs(c - c[j]), np.inf)
            found.append(np.argsort(apart, kind="stable")[:MATCHED])
        return np.array(found)

    def outcomes(self) -> dict[str, Array]:
        """log10 c at the outcome, of candidates and losers under each treatment of their gates."""
        who, losers = self.own(self.candidates), self.losers()
        lent = self.own(losers.ravel())
        n, P = len(self.candidates), losers.size
        groups = {"own": who, **{f"held_{k}": who.held(m * self.drop) for k, m in DOSES.items()}}
        groups["sham"] = who.held(self.drop, self.drop + 1)
        groups["losers"] = lent
        groups["borrowed"] = lent
        groups["foreign"] = lent
        all_of = replay.together(list(groups.values()))
        leader, rest = all_of.leader, [self.rest[self.candidates]] * 5
        # Gates of the candidate, and as a control those of the loser after it.
        first_loser = 5 * n
        leader[first_loser + P : first_loser + 2 * P] = np.repeat(np.arange(n), MATCHED)
        leader[first_loser + 2 * P :] = first_loser + np.roll(np.arange(P), 1)
        rest += [self.rest[losers.ravel()]] * 3
        at = OUTCOME * self.drop
        c = replay.replay(
            self.X, self.course.R, all_of, self.rate, self.drop, (at,), np.concatenate(rest)
        )[0]
        with np.errstate(divide="ignore"):
            logs = np.log10(c)
        ends = np.cumsum([len(group.A) for group in groups.values()])[:-1]
        return dict(zip(groups, np.split(logs, ends), strict=True))
