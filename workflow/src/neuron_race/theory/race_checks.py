"""The race (E5) on common axes: gates and residual fixed, set free, and on mirrored data."""

import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

from neuron_race.models import shallow
from neuron_race.theory import equations
from neuron_race.theory.comparison import (
    NAME,
    SEED,
    WIDTH,
    Array,
    Row,
    clusters,
    mirrored,
    pack,
    row,
    train_each,
    unpack,
)
from neuron_race.training.recipe import Recipe, Runs

SHOWN = 8  # neurons whose race is compared
RTOL = 1e-10  # of the integrator
# The first-order error of a step is known; what is left is of second order, far below a tenth.
MARGIN = 1.1


def _frozen_flow(X: Array, Y: Array, W: Array, A: Array, times: Array) -> tuple[Array, Array]:
    """E1 with gates and residual as at initialisation (f = 0), at the times asked for."""
    gates = (X @ W.T > 0).astype(float)
    scale = np.abs(W).max()  # the equations are linear: the integrator should see weights near 1

    def velocity(_: float, state: Array) -> Array:
        return pack(*equations.neuron_velocity(*unpack(state, len(W)), X, Y, gates))

    done = solve_ivp(
        velocity,
        (0.0, times[-1]),
        pack(W, A) / scale,
        method="DOP853",
        t_eval=times,
        rtol=RTOL,
        atol=RTOL,
    )
    final_W, final_A = unpack(done.y.T, len(W))
    return scale * final_W, scale * final_A


def _observe(W: Array, A: Array, D: Array, signs: Array) -> dict[str, Array]:
    """Alignment to s_j D_j, and norm product, of (..., m, d) and (..., m, 1)."""
    norm_w, pull = np.linalg.norm(W, axis=-1), signs[:, None] * D
    return {
        "cos_delta": np.sum(W * pull, axis=-1) / (norm_w * np.linalg.norm(D, axis=-1)),
        "norm_product": norm_w * np.abs(A[..., 0]),
    }


def _tidy(
    case: str, source: str, times: Array, tau: Array, values: dict[str, Array]
) -> pd.DataFrame:
    """Arrays (T, m) as rows; NaN (a neuron that is no longer compared) gives none."""
    T, m = tau.shape
    frame = pd.DataFrame(
        {
            "case": case,
            "neuron": np.tile(np.arange(m), T),
            "time": np.repeat(times, m),
            "tau": tau.ravel(),
        }
    )
    parts = [
        frame.assign(quantity=quantity, source=source, value=value.ravel())
        for quantity, value in values.items()
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def _gap(found: dict[str, Array], law: dict[str, Array]) -> dict[str, float]:
    """Largest error: of cos delta absolute (it runs from -1 to 1), of the norm product relative."""
    return {
        "cos_delta": float(np.nanmax(np.abs(found["cos_delta"] - law["cos_delta"]))),
        "norm_product": float(np.nanmax(np.abs(found["norm_product"] / law["norm_product"] - 1))),
    }


GAP = {"cos_delta": "largest |Δ cos δ|", "norm_product": "largest |Δc| / c"}


def _law(head: str, W: Array, A: Array, D: Array, times: Array) -> dict[str, Array]:
    """E5 at (T, m): from angle and norm product if balanced, otherwise from the weights."""
    signs, tau = np.sign(A[:, 0]), np.linalg.norm(D, axis=1) * times[:, None]
    start = _observe(W, A, D, signs)
    if head == "balanced":
        cos, c = equations.race_law(start["norm_product"], start["cos_delta"], tau)
        return {"cos_delta": cos, "norm_product": c}
    law_W, law_A = equations.race_law_unbalanced(W, A[:, 0], D, times[:, None])
    return _observe(law_W, law_A[..., None], D, signs)


def race(seed: int = SEED, rate: float = 4e-3) -> tuple[pd.DataFrame, list[Row]]:
    """E5 for a handful of neurons, first with gates and residual fixed, then set free.

    Cases: ``balanced`` and ``gaussian`` heads with gates and residual fixed; ``free``: the balanced
    neurons in a network that really trains, up to its loss drop, where E5 holds until a neuron's
    first gate flips; ``mirrored``: real training on mirrored data, where D does not depend on the
    gates and E5 holds up to the drop.

    Args:
        seed: of data and weights.
        rate: the engine's step size; it runs at half of it, too.
    """
    X, Y = clusters(seed)
    parts: list[pd.DataFrame] = []
    rows: list[Row] = []
    for head in ("balanced", "gaussian"):
        W, A = shallow.initialise(NAME, seed, WIDTH, X.shape[1], 1, head, 1e-3)
        W, A = W[:SHOWN], A[:SHOWN]
        more, errors = _frozen_race(head, X, Y, W, A, rate)
        parts, rows = [*parts, more], [*rows, *errors]
    for compare in (_free_race, _mirrored_race):
        more, errors = compare(seed, rate)
        parts, rows = [*parts, more], [*rows, *errors]
    return pd.concat(parts, ignore_index=True), rows


def _frozen_race(
    head: str, X: Array, Y: Array, W: Array, A: Array, rate: float
) -> tuple[pd.DataFrame, list[Row]]:
    """Gates and residual fixed: closed form, numerical flow and engine must agree."""
    D = equations.gated_residual_correlation(W, X, Y)[:, 0]
    strength, signs = np.linalg.norm(D, axis=1), np.sign(A[:, 0])
    steps = round(4.0 / (strength.max() * rate))  # up to tau = 4 for the fastest

    def trained(halvings: int) -> Runs:
        recipe = Recipe(
            learning_rate=rate / 2**halvings,
            max_steps=steps * 2**halvings,
            snapshots=40,
            freeze=("gates", "residual"),
            max_weight_bytes=2**30,
        )
        return train_each(X, Y, [(W, A)], recipe)

    def observed(runs: Runs) -> dict[str, Array]:
        assert runs.W is not None and runs.A is not None
        return _observe(runs.W[0], runs.A[0], D, signs)

    coarse = trained(0)
    times = rate * coarse.step
    tau = times[:, None] * strength
    law = _law(head, W, A, D, times)
    integrated = _observe(*_frozen_flow(X, Y, W, A, times), D, signs)
    engine, fine = observed(coarse), observed(trained(1))
    # In log c a step's error is of first order: twice the finer run minus the coarser removes it.
    limit = {
        "cos_delta": 2 * fine["cos_delta"][-1] - engine["cos_delta"][-1],
        "norm_product": fine["norm_product"][-1] ** 2 / engine["norm_product"][-1],
    }
    end = {quantity: value[-1] for quantity, value in law.items()}
    # In each step both modes fall behind the flow, growing as well as decaying: over a time t the
    # norm product by exp(-eta |D| tau), and the angle by less.
    lag = MARGIN * float((rate * strength * tau).max())
    parts = [
        _tidy(head, source, times, tau, values)
        for source, values in (
            ("closed form", law),
            ("numerical flow", integrated),
            ("engine frozen", engine),
        )
    ]
    rows = []
    for quantity, words in GAP.items():
        for source, error, tolerance, why in (
            ("numerical flow", _gap(integrated, law), 1e-6, "integrator, rtol 1e-10"),
            ("engine frozen", _gap(engine, law), lag, "first order in rate"),
            ("engine frozen, rate to 0", _gap(limit, end), 1e-4, "second order in rate"),
        ):
            name = f"{source}, {head} head: {quantity}"
            rows.append(row("race", name, "E5", words, error[quantity], tolerance, why))
    return pd.concat(parts, ignore_index=True), rows


def _to_the_drop(
    X: Array, Y: Array, W: Array, A: Array, rate: float
) -> tuple[Array, dict[str, Array], Array]:
    """Real training up to a loss drop of 5 %: times, alignment and norm product, open gates kept.

    The last array (T, m) is true as long as none of a neuron's gates has changed.
    """
    recipe = Recipe(
        learning_rate=rate, max_steps=100_000, snapshots=200, drops=(0.05,), stop_at_drop=True
    )
    runs = train_each(X, Y, [(W, A)], recipe)
    measured = {name: values[0] for name, values in runs.measured.items()}
    found = {
        "cos_delta": measured["cos_delta"],
        "norm_product": measured["norm_w"] * measured["norm_a"],
    }
    kept = np.logical_and.accumulate(measured["gate_changes"] == 0, axis=0)
    return rate * runs.step, found, kept


def _free_race(seed: int, rate: float) -> tuple[pd.DataFrame, list[Row]]:
    """The balanced neurons in a network that trains: E5 holds until a first gate flips."""
    X, Y = clusters(seed)
    W, A = shallow.initialise(NAME, seed, WIDTH, X.shape[1], 1, "balanced", 1e-3)
    times, found, kept = _to_the_drop(X, Y, W, A, rate)
    output = float(np.abs(shallow.forward(X, W, A)).max())
    W, A, kept = W[:SHOWN], A[:SHOWN], kept[:, :SHOWN]
    found = {quantity: value[:, :SHOWN] for quantity, value in found.items()}
    D = equations.gated_residual_correlation(W, X, Y)[:, 0]
    strength = np.linalg.norm(D, axis=1)
    tau = times[:, None] * strength
    law = _law("balanced", W, A, D, times)
    until = {quantity: np.where(kept, value, np.nan) for quantity, value in found.items()}
    reached = float(np.where(kept, rate * strength * tau, 0).max())
    # Besides the step, the residual has moved by the output, which starts near alpha^2.
    tolerance = MARGIN * reached + output
    rows = []
    for quantity, error in _gap(until, law).items():
        name = f"trained network, to the first gate flip: {quantity}"
        why = "first order in rate"
        rows.append(row("race", name, "E5", GAP[quantity], error, tolerance, why))
    parts = [
        _tidy("free", "closed form", times, tau, law),
        _tidy("free", "trained network", times, tau, found),
    ]
    return pd.concat(parts, ignore_index=True), rows


def _mirrored_race(seed: int, rate: float) -> tuple[pd.DataFrame, list[Row]]:
    """Mirrored data: E5 up to the drop, whatever the gates do."""
    X, Y = mirrored(seed)
    W, A = shallow.initialise(NAME, seed, WIDTH, X.shape[1], 1, "balanced", 1e-3)
    times, found, _ = _to_the_drop(X, Y, W, A, rate)
    D = np.tile(0.5 * (Y * X).mean(axis=0), (WIDTH, 1))
    law = _law("balanced", W, A, D, times)
    tau = times[:, None] * np.linalg.norm(D, axis=1)
    lag = float((rate * np.linalg.norm(D[0]) * tau).max())
    rows = []
    for quantity, error in _gap(found, law).items():
        name = f"trained network, mirrored data, to the drop: {quantity}"
        why = "loss lost so far (5 %), and first order in rate"
        rows.append(row("race", name, "E5", GAP[quantity], error, 0.05 + lag, why))
    parts = [
        _tidy("mirrored", source, times, tau[:, :SHOWN], {q: v[:, :SHOWN] for q, v in data.items()})
        for source, data in (("closed form", law), ("trained network", found))
    ]
    return pd.concat(parts, ignore_index=True), rows
