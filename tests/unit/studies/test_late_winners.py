"""Replays against training, growth by hand, and gates of the wrong neuron."""

from dataclasses import replace
from functools import cache

import numpy as np
from declared import check
from small_runs import DIGITS, train_on

from neuron_race.settings import dictionary
from neuron_race.studies import late_winners
from neuron_race.theory import forecast, replay
from neuron_race.theory.replay import Passengers
from neuron_race.training.runs import Trained


@cache
def trained() -> Trained:
    return train_on(DIGITS, (0, 1), max_steps=1200, learning_rate=1.0)


def course(steps: tuple[int, ...]) -> replay.Course:
    return replay.record(trained().start, trained().recipe, [steps, steps])[0]


def rest() -> np.ndarray:
    start = trained().start
    return np.asarray((start.W[0, :, start.X.shape[2] :] ** 2).sum(axis=1))


def test_own_gates_return_the_run_from_any_step() -> None:
    X, steps = trained().start.X[0], (0, 20, 100, 400)
    seen = course(steps)
    for first in (0, 20):
        who = Passengers.own(seen.W[first], seen.A[first])
        found = replay.replay(X, seen.R, who, 1.0, first, steps[2:], rest())
        for c, step in zip(found, steps[2:], strict=True):
            true = np.abs(seen.A[step]) * np.sqrt((seen.W[step] ** 2).sum(axis=1) + rest())
            np.testing.assert_allclose(c, true, rtol=1e-9)


def test_recorded_residual_is_that_of_the_run() -> None:
    made = trained().runs
    seen = course((300,))
    known = [(t, step) for t, step in enumerate(made.step) if step <= 300]
    loss = [0.5 * (seen.R[step] ** 2).mean() for _, step in known]
    np.testing.assert_allclose(loss, [made.loss[0, t] for t, _ in known], rtol=1e-10)


def test_closed_loop_with_own_gates_is_the_run_and_with_foreign_ones_is_not() -> None:
    start, seen = trained().start, course((20, 100))
    given = start.X[0], start.Y[0, :, 0], seen.W[20], seen.A[20], 1.0, 80
    own, _ = replay.retrain(*given, 3, 3)
    np.testing.assert_allclose(own, seen.W[100], rtol=1e-9, atol=1e-12)
    gates = start.X[0] @ seen.W[20].T > 0
    other = int((gates != gates[:, [3]]).sum(axis=0).argmax())
    foreign, _ = replay.retrain(*given, 3, other)
    assert not np.allclose(foreign[3], own[3], rtol=1e-3)


def test_one_step_by_hand() -> None:
    X, R = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 5.0]] * 2)
    who = Passengers.own(np.array([[1.0, -1.0]]), np.array([2.0]))
    # Open on the first sample alone: D = (1.5, 0), and w.D = 1.5.
    first, second = replay.replay(X, R, who, 0.1, 0, (0, 1), np.zeros(1))
    np.testing.assert_allclose(first, 2 * np.sqrt(2))
    np.testing.assert_allclose(second, (2 + 0.15) * np.hypot(1 + 0.3, -1))


def test_frozen_residual_and_gates_grow_at_the_rate_of_the_target() -> None:
    X, R = np.array([[1.0, 0.0]]), np.array([0.5])
    gain = late_winners.second_race(X, R, np.array([[1.0, 0.0]]), np.array([1.0]), 0.1, 40)
    np.testing.assert_allclose(gain, 2 * 40 * np.log1p(0.1 * 0.5))


def test_held_gates_stay_and_are_set_free() -> None:
    X, R = np.array([[1.0]]), np.full((12, 1), -1.0)
    who = Passengers.own(np.array([[0.1]]), np.array([1.0]))
    free, held, sham = (
        replay.replay(X, R, p, 0.2, 0, (11,), np.zeros(1))[0, 0]
        for p in (who, who.held(0), who.held(1, 2))
    )
    assert held > 2 * free  # pushed through the kink, it grows on the other side
    assert sham == free  # closed already, or open as before: one step changes nothing


def test_leaders_stay_those_of_their_group() -> None:
    one = Passengers.own(np.ones((2, 1)), np.ones(2))
    assert replay.together([one, one]).leader.tolist() == [0, 1, 2, 3]


def forecasts() -> dict[str, np.ndarray]:
    return forecast.forecast(trained().start, trained().options, "small")


def test_columns_are_those_declared() -> None:
    table = late_winners.tables(trained(), forecasts())["runs"]
    own = {**trained().options, "outputs": 1}
    declared = check(table, dictionary.TABLES["late_winners"], own)
    assert set(table) - {"seed", "condition"} == declared
    assert (table["replay_error"] < 1e-9).all()
    np.testing.assert_allclose(table[["turned", "died", "stayed"]].sum(axis=1), 1)


def test_runs_that_end_before_the_outcome_are_undefined() -> None:
    short = train_on(DIGITS, (0,), max_steps=60, learning_rate=1.0)
    found = forecast.forecast(short.start, short.options, "small")
    table = late_winners.tables(short, found)["runs"]
    assert table["lent"].isna().all() and table["turned"].notna().all()


def test_gates_of_the_wrong_neuron_change_the_verdict() -> None:
    """Two directions: a candidate on the one that is left, and losers on the one that is fitted."""
    steps = {1: 1, 2: 4, 3: 12, 4: 24}
    X = np.vstack([np.eye(2)] * 2)
    R = np.tile([0.0, 0.3, 0.0, 0.3], (30, 1))
    W = 1e-3 * np.array([[0.1, 1.0]] * 5 + [[1.0, -0.1]] * 15 + [[0.1, 1.0]] * 5)
    A = np.full(25, 1e-3)
    every = dict.fromkeys(steps.values(), W), dict.fromkeys(steps.values(), A)
    start = replace(trained().start, X=X[None], W=W[None])
    made = replace(trained(), start=start)
    order = np.r_[np.zeros(20), np.ones(5)]
    run = late_winners._Run(made, 0, order, replay.Course(R, *every))
    assert sorted(run.candidates) == [0, 1, 2, 3, 4]
    out = run.outcomes()
    right = (out["lent"] - out["loser"]).mean()
    wrong = (out["foreign"] - out["loser"]).mean()
    assert right > 0.3 > 0.1 > abs(wrong)
    # Sabotage: what is lent as the candidate's is the loser's.
    run.candidates = run.losers[:, 0]
    out = run.outcomes()
    assert abs((out["lent"] - out["loser"]).mean()) < 0.1
