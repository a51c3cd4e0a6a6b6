"""Late winners: neurons that the forecast from init leaves behind, and that come up after the drop.

Candidates are chosen before the end is read: forecast from init below the winners, and growing
fastest where the residual is frozen at four times the drop. Their course is replayed with other
gates (:mod:`neuron_race.theory.replay`), and the outcome is the norm product at a
multiple of the drop.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common import ranks
from neuron_race.common.defined import ratio
from neuron_race.models.norms import norm_product
from neuron_race.theory import replay
from neuron_race.theory.replay import Course, Passengers
from neuron_race.training.runs import Trained

Array = NDArray[Any]
WINNERS = 0.2  # the fraction of neurons that counts as winners
CANDIDATES = 5  # neurons of a run that are followed
MATCHED = 3  # losers to which each candidate's gates are lent
PLATEAU = 4  # multiple of the drop at which the second race is forecast
LEADS, LIFTED = 0.4, 0.3  # a lead in log c that makes a second race, a lift in log10 c that counts
EARLIER, OUTCOME = 12, 24  # multiples of the drop at which neurons are compared
DOSES = {"drop": 1, "2x": 2, "4x": 4}  # multiples of the drop from which gates are held


def top(values: Array) -> Array:
    """Whether each of the values is among the winners."""
    return ranks.top(values, WINNERS)


def agrees(lift: float, lead: float) -> float:
    """Whether losers are lifted just where a second race is forecast: 0, 1 or NaN."""
    return float((lift >= LIFTED) == (lead >= LEADS)) if np.isfinite(lift) else float("nan")


def second_race(X: Array, R: Array, W: Array, A: Array, rate: float, steps: int) -> Array:
    """Growth log c (m,) of all neurons over some steps with the residual frozen at ``R (N,)``."""
    zero = np.zeros(len(A))
    own = Passengers.own(W, A)
    c = replay.replay(X, np.tile(R, (steps + 1, 1)), own, rate, 0, (0, steps), zero)
    return np.asarray(np.log(ratio(c[1], c[0])))


class _Run:
    """One run, its recorded course, and the neurons that are followed."""

    def __init__(self, trained: Trained, s: int, forecast: Array, course: Course):
        self.X, self.course, self.forecast = trained.start.X[s], course, forecast
        self.rate = trained.recipe.learning_rate
        self.rest = (trained.start.W[s, :, self.X.shape[1] :] ** 2).sum(axis=1)
        self.drop, self.plateau, self.earlier, self.end = sorted(course.W)
        self.c = {step: self._norms(course.W[step], course.A[step]) for step in course.W}
        then = self.plateau
        frozen = course.R[then], course.W[then], course.A[then]
        self.gain = second_race(self.X, *frozen, self.rate, 2 * then)
        self.behind = ~top(forecast) & ~top(self.c[self.drop]) & np.isfinite(self.gain)
        fastest = np.argsort(np.where(self.behind, -self.gain, np.inf), kind="stable")
        self.candidates = fastest[:CANDIDATES]
        self.losers = self._losers()
        last = trained.event("end")
        self.at_end = norm_product(trained.runs.W_events[s, last], trained.runs.A_events[s, last])

    def _norms(self, W: Array, A: Array) -> Array:
        return np.asarray(np.abs(A) * np.sqrt((W**2).sum(axis=1) + self.rest))

    def _losers(self) -> Array:
        """Losers (CANDIDATES, MATCHED): of the candidate's head sign, and nearest in c at the drop.

        They are behind in both races: of that sign, in the slower half of those behind.
        """
        c, sign = np.log(self.c[self.drop]), np.sign(self.course.A[self.drop])
        apart = np.full((CANDIDATES, len(c)), np.inf)
        for row, j in zip(apart, self.candidates, strict=True):
            own = self.behind & (sign == sign[j])
            slow = own & (self.gain <= np.median(self.gain[own]))
            slow[self.candidates] = False
            row[slow] = np.abs(c - c[j])[slow]
        nearest = np.argsort(apart, axis=1, kind="stable")[:, :MATCHED]
        self.matched = np.isfinite(np.take_along_axis(apart, nearest, axis=1)).ravel()
        return nearest

    def outcomes(self) -> dict[str, Array]:
        """log10 c at the outcome, by treatment of the gates, of candidates and of losers."""
        who, lent = self.candidates, self.losers.ravel()
        n, P = len(who), len(lent)
        W, A = self.course.W[self.drop], self.course.A[self.drop]
        own, loser = Passengers.own(W[who], A[who]), Passengers.own(W[lent], A[lent])
        groups = {
            "own": own,
            **{f"held_{dose}": own.held(m * self.drop) for dose, m in DOSES.items()},
            "sham": own.held(self.drop, self.drop + 1),
            **dict.fromkeys(("loser", "lent", "foreign"), loser),
        }
        sizes = [len(group.A) for group in groups.values()]
        first = dict(zip(groups, np.cumsum([0, *sizes[:-1]]), strict=True))
        everyone = replay.together(list(groups.values()))
        # A candidate's gates; and as a control those of another loser.
        lead = everyone.leader
        lead[first["lent"] : first["lent"] + P] = np.repeat(np.arange(n), MATCHED)
        lead[first["foreign"] :] = first["loser"] + np.roll(np.arange(P), 1)
        rest = np.concatenate([*[self.rest[who]] * (2 + len(DOSES)), *[self.rest[lent]] * 3])
        path = self.X, self.course.R, everyone, self.rate, self.drop
        (c,) = replay.replay(*path, (self.end,), rest)
        logs = np.log10(np.maximum(c, np.finfo(float).tiny))
        return dict(zip(groups, np.split(logs, np.cumsum(sizes)[:-1]), strict=True))

    def closed_loop(self, Y: Array) -> float:
        """log10 c at the outcome of the first candidate's nearest loser, trained with its gates.

        The whole network is trained from the drop on, and its residual answers to the loser. A
        training in its own right needs no more than single precision, which is twice as fast.
        """
        course, loser = self.course, self.losers[0, 0]
        X, Y, W, A = (
            part.astype(np.float32)
            for part in (self.X, Y, course.W[self.drop], course.A[self.drop])
        )
        steps, leader = self.end - self.drop, self.candidates[0]
        W, A = replay.retrain(X, Y, W, A, self.rate, steps, loser, leader)
        return float(np.log10(self._norms(W, A)[loser]))

    def late(self) -> dict[str, float]:
        """Whether the largest neuron comes from behind, and what those behind have, and when."""
        final, earlier = self.c[self.end], self.c[self.earlier]
        behind, low = ~top(self.forecast), self.c[self.drop] < np.median(self.c[self.drop])
        return {
            "late_winner_earlier": float(behind[earlier.argmax()]),
            "late_winner": float(behind[final.argmax()]),
            "late_winner_end": float(behind[self.at_end.argmax()]),
            "from_bottom": float((behind & low)[final.argmax()]),
            "late_share": float(ratio(final[behind].sum(), final.sum())),
            "late_share_end": float(ratio(self.at_end[behind].sum(), self.at_end.sum())),
        }

    def summary(self, Y: Array) -> dict[str, float]:
        """What is asked of the run, with targets ``Y (N,)``."""
        out, final = self.outcomes(), self.c[self.end]
        came_up = top(np.log(ratio(final, self.c[self.plateau])))
        known = np.isfinite(self.gain)
        trained = np.log10(final[self.candidates])
        ok = self.matched
        lift, foreign = (
            float(ratio((out[name] - out["loser"])[ok].sum(), ok.sum()))
            for name in ("lent", "foreign")
        )
        ahead = np.repeat(self.gain[self.candidates], MATCHED) - self.gain[self.losers.ravel()]
        lead = float(ratio(ahead[ok].sum(), ok.sum()))
        alone = self.closed_loop(Y) if ok[0] else np.nan
        return {
            **self.late(),
            "replay_error": float(np.abs(out["own"] - trained).max()),
            "closed_loop": alone - float(out["loser"][0]),
            "closed_beyond_replay": alone - float(out["lent"][0]),
            "lent": lift,
            "lent_as_forecast": agrees(lift, lead),
            "foreign": foreign,
            "foreign_as_forecast": agrees(foreign, lead),
            "sham": float((out["own"] - out["sham"]).mean()),
            **{f"held_{dose}": float((out["own"] - out[f"held_{dose}"]).mean()) for dose in DOSES},
            "lead": lead,
            "auroc_second": ranks.auroc(came_up[known], self.gain[known]),
            "auroc_first": ranks.auroc(came_up, self.forecast),
            "false_positives": float(1 - top(final)[self.candidates].mean()),
        }


def fates(trained: Trained, s: int) -> dict[str, float]:
    """What became of the neurons that pointed against their pull at init, as shares of these.

    They turned to growth, died (closed on all samples), or stayed; whichever came first.
    """
    cos, alive = (trained.runs.measured[name][s] for name in ("cos_delta", "open"))
    against = (cos[0] < 0) & (alive[0] > 0)
    after = len(cos)
    turned, died = (
        np.where(seen.any(axis=0), seen.argmax(axis=0), after)[against]
        for seen in ((cos > 0) & (alive > 0), alive == 0)
    )
    count = against.sum()
    return {
        "turned": float(ratio((turned < died).sum(), count)),
        "died": float(ratio((died < turned).sum(), count)),
        "stayed": float(ratio(((turned == after) & (died == after)).sum(), count)),
    }


def tables(trained: Trained, forecasts: Mapping[str, Array]) -> dict[str, pd.DataFrame]:
    """One row per run; statistics of runs that end before the outcome are undefined.

    Args:
        trained: a condition's runs, of one output and the squared loss.
        forecasts: the result of :func:`neuron_race.theory.forecast.forecast`.
    """
    drops = trained.runs.event_step[:, trained.event("drop_10")]
    multiples = (1, PLATEAU, EARLIER, OUTCOME)
    seen = (drops > 0) & (drops * OUTCOME < trained.runs.step[-1])
    seen &= np.isfinite(forecasts["norm_product"]).all(axis=1)
    wanted = [
        [m * int(drop) for m in multiples] if ok else []
        for drop, ok in zip(drops, seen, strict=True)
    ]
    courses = replay.record(trained.start, trained.recipe, wanted)
    rows = []
    for s, seed in enumerate(trained.start.seed):
        row = {"seed": int(seed), **fates(trained, s)}
        if seen[s]:
            row |= _Run(trained, s, forecasts["norm_product"][s], courses[s]).summary(
                trained.start.Y[s, :, 0]
            )
        rows.append(row)
    return {"runs": pd.DataFrame(rows).reindex(columns=["seed", *COLUMNS])}


COLUMNS = (
    *("late_winner_earlier", "late_winner", "late_winner_end", "from_bottom"),
    *("late_share", "late_share_end", "replay_error", "closed_loop", "closed_beyond_replay"),
    *("lent", "foreign", "sham", *(f"held_{dose}" for dose in DOSES)),
    *(
        "lead",
        "lent_as_forecast",
        "foreign_as_forecast",
        "auroc_second",
        "auroc_first",
        "false_positives",
    ),
    *("turned", "died", "stayed"),
)
