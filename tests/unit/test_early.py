"""The adaptive early phase against plain gradient descent."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_runs import DIGITS, problem, train_on

from neuron_race.theory import equations
from neuron_race.training import plateau
from neuron_race.training.engine import train
from neuron_race.training.recipe import Recipe

Array = NDArray[Any]


def norm_products(W: Array, A: Array) -> Array:
    return np.linalg.norm(W, axis=-1) * np.linalg.norm(A, axis=-1)


def test_a_leap_is_so_many_steps_of_gradient_descent_with_constant_d() -> None:
    rng = np.random.default_rng(0)
    W, D = rng.standard_normal((2, 3, 5, 4))
    A, rate = rng.standard_normal((3, 5, 1)), 0.1
    D[0, 0] = 0  # a dead neuron
    w, a = W, A
    for _ in range(37):
        w, a = w + rate * a * D, a + rate * (w * D).sum(axis=-1, keepdims=True)
    for ours, theirs in zip(plateau.leap(W, A, D, rate, 37), (w, a), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)
    np.testing.assert_array_equal(plateau.leap(W, A, D, rate, 37)[0][0, 0], W[0, 0])


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize(("loss", "freeze"), [("squared", ()), ("logistic", ("gates",))])
def test_leaps_end_where_plain_steps_end(engine: str, loss: str, freeze: tuple[str, ...]) -> None:
    problems = [problem(s, N=60, m=20, loss=loss) for s in (1, 2)]
    X, Y, W, A = (np.stack(Z) for Z in zip(*problems, strict=True))
    results = [
        train(
            *(X, Y, 1e-9 * W, 1e-9 * A),
            Recipe(loss=loss, freeze=freeze, learning_rate=0.02, max_steps=400, early=how),
            engine=engine,
        )
        for how in ("plain", "adaptive")
    ]
    plain, adaptive = results
    np.testing.assert_array_equal(plain.step, adaptive.step)
    # Where neurons slide along a kink their own D jumps to and fro; norms and averages do not.
    for name in ("norm_w", "norm_a"):
        np.testing.assert_allclose(adaptive.measured[name], plain.measured[name], rtol=0.02)
    for name in ("cos_delta", "growth", "norm_D"):
        means = (runs.measured[name].mean(axis=2) for runs in results)
        np.testing.assert_allclose(*means, rtol=0.02, atol=0.02)
    assert np.ptp(plain.measured["norm_a"]) > 1e-9  # they do grow


@pytest.mark.parametrize("alpha", [1e-4, 1e-8, 1e-20, 1e-100])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_race_from_any_scale_with_fewer_gradients(
    alpha: float, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[plateau.Plateau] = []
    build = plateau.Plateau.__init__

    def remember(self: plateau.Plateau, *args: Any) -> None:
        build(self, *args)
        made.append(self)

    monkeypatch.setattr(plateau.Plateau, "__init__", remember)
    plain, adaptive = (
        train_on(
            DIGITS, (seed,), alpha=alpha, stop_at_drop=True, snapshots=5, max_steps=9000, early=how
        ).runs
        for how in ("plain", "adaptive")
    )
    # Tolerance: the drop within one step, or a thousandth; shares within five per cent in all.
    drop, found = plain.event_step[0, 2], adaptive.event_step[0, 2]
    assert drop > 50 and abs(found - drop) <= max(1, drop / 1000)
    shares = []
    for runs in (plain, adaptive):
        c = norm_products(runs.W_events[0, 2], runs.A_events[0, 2])
        shares.append(c / c.sum())
    assert np.abs(shares[1] - shares[0]).sum() < 0.05
    assert np.abs(shares[0] - 1 / len(shares[0])).sum() > 0.5
    # Saved: more steps leapt than gradients computed for it, several times so on a long plateau.
    assert made[0].evaluations == 0 and made[1].steps > 0.5 * drop
    assert made[1].steps > (2 if alpha > 1e-6 else 3) * made[1].evaluations


def test_one_leap_over_the_whole_plateau_goes_astray() -> None:
    trained = train_on(DIGITS, (0,), stop_at_drop=True)
    start, runs, rate = trained.start, trained.runs, trained.recipe.learning_rate
    d = start.X.shape[2]
    C = equations.gated_residual_correlation(start.W[0, :, :d], start.X[0], start.Y[0])
    steps = int(runs.event_step[0, 2])
    shares = []
    for W, A in (
        plateau.leap(start.W[0, :, :d], start.A[0], C[:, 0], rate, steps),
        (runs.W_events[0, 2, :, :d], runs.A_events[0, 2]),
    ):
        c = norm_products(W, A)
        shares.append(c / c.sum())
    # Far beyond the tolerance above: it is the error control that keeps to it.
    assert np.abs(shares[1] - shares[0]).sum() > 0.2


def test_leaps_are_never_longer_than_to_the_next_snapshot_and_stop_before_the_drop() -> None:
    runs = train_on(DIGITS, (0,), early="adaptive", snapshots=40, max_steps=800).runs
    plain = train_on(DIGITS, (0,), snapshots=40, max_steps=800).runs
    np.testing.assert_array_equal(runs.step, plain.step)
    assert (np.abs(runs.event_step - plain.event_step) <= 1).all()
    np.testing.assert_allclose(runs.loss[:, -1], plain.loss[:, -1], rtol=0.02)


def test_what_leaps_cannot_do_is_refused() -> None:
    X, Y, W, A = (Z[None] for Z in problem(0, k=3))
    with pytest.raises(ValueError, match="one output"):
        train(X, Y, W, A, Recipe(early="adaptive"))
    with pytest.raises(ValueError, match="heads that move"):
        Recipe(early="adaptive", freeze=("head",))
    with pytest.raises(ValueError, match="none of plain, adaptive"):
        Recipe(early="fast")
