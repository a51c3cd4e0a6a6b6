"""Theory on common axes: closed form, numerical flow and trained network (E2, E5, E6).

Each comparison gives a tidy table with a column ``source``, and rows for the table of errors:
the largest error by a stated definition, and the tolerance that the theory itself allows, such as
the first-order error of a finite step. Sources are

* ``closed form``: formulas of :mod:`neuron_race.theory.equations`;
* ``numerical flow``: E1 integrated by SciPy's ``solve_ivp``;
* ``engine frozen``: the training engine with gates and residual as at initialisation;
* ``trained network``: the training engine as used everywhere, nothing frozen.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from neuron_race.common.seeds import stream
from neuron_race.data import datasets
from neuron_race.models import shallow
from neuron_race.theory import equations
from neuron_race.training.engine import train
from neuron_race.training.recipe import Recipe, Runs

Array = NDArray[np.float64]
Row = dict[str, Any]

NAME = "theory"  # of the random streams
SEED = 7  # neither one of the seeds used to explore nor a confirmatory one
SHOWN = 8  # neurons whose race is compared
WIDTH = 40  # neurons of the trained networks
TASK = {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6, "n_train": 60, "n_test": 1}
RTOL = 1e-10  # of the integrator
# The first-order error of a step is known; what is left is of second order, far below a tenth.
MARGIN = 1.1


def tables(seed: int = SEED) -> dict[str, pd.DataFrame]:
    """``race``, ``escape``, ``limit``, ``conservation`` and ``errors`` of one seed."""
    made: dict[str, pd.DataFrame] = {}
    rows: list[Row] = []
    for part in (race, escape, limit, conservation):
        made[part.__name__], errors = part(seed)
        rows += errors
    return {**made, "errors": pd.DataFrame(rows)}


def _row(
    table: str, name: str, equation: str, definition: str, error: float, tolerance: float, why: str
) -> Row:
    """One comparison."""
    return {
        "table": table,
        "name": name,
        "equation": equation,
        "definition": definition,
        "error": float(error),
        "tolerance": float(tolerance),
        "tolerance_from": why,
    }


# --- Tasks, networks, flows ---------------------------------------------------------------------


def _clusters(seed: int) -> tuple[Array, Array]:
    """Inputs (N, d) and targets (N, 1) of noisy clusters with XOR labels."""
    sample = datasets.make(NAME, TASK, seed)
    return sample.X, sample.Y


def _mirrored(seed: int) -> tuple[Array, Array]:
    """Inputs x and -x with targets y and -y: every neuron has the same D, whatever its gates."""
    rng = stream(NAME, seed, "mirrored data")
    half = rng.standard_normal((30, 10)) / np.sqrt(10)
    Y = half @ rng.standard_normal((10, 1))
    return np.concatenate([half, -half]), np.concatenate([Y, -Y])


def _orthogonal(seed: int) -> tuple[Array, Array]:
    """Five orthogonal inputs of unequal norm in six dimensions, labels of both signs.

    Labels and norms are fixed, so that the lanes and their rates are those of no lucky draw.
    """
    Q = np.linalg.qr(stream(NAME, seed, "orthogonal data").standard_normal((6, 6)))[0]
    norms = np.array([[1.0], [1.5], [0.8], [1.2], [0.9]])
    return Q[:5] * norms, np.array([[1.0], [0.7], [-0.8], [1.2], [-1.1]])


def _engine(X: Array, Y: Array, starts: Sequence[tuple[Array, Array]], recipe: Recipe) -> Runs:
    """Train one network per start (W (m, d), A (m, 1)) on the same data."""
    S = len(starts)
    W, A = (np.stack(part) for part in zip(*starts, strict=True))
    X, Y = (np.broadcast_to(Z, (S, *Z.shape)).copy() for Z in (X, Y))
    explode = np.inf if "residual" in recipe.freeze else 1e3
    return train(X, Y, W, A, recipe, device="cpu", explode=explode)


def _pack(W: Array, A: Array) -> Array:
    return np.concatenate([W.ravel(), A.ravel()])


def _unpack(state: Array, m: int) -> tuple[Array, Array]:
    """Weights (..., m, d) and heads (..., m, 1) from states (..., m d + m)."""
    W, A = state[..., :-m], state[..., -m:]
    return W.reshape(*W.shape[:-1], m, -1), A[..., None]


def _frozen_flow(X: Array, Y: Array, W: Array, A: Array, times: Array) -> tuple[Array, Array]:
    """E1 with gates and residual as at initialisation (f = 0), at the times asked for."""
    gates = (X @ W.T > 0).astype(float)
    scale = np.abs(W).max()  # the equations are linear: the integrator should see weights near 1

    def velocity(_: float, state: Array) -> Array:
        return _pack(*equations.neuron_velocity(*_unpack(state, len(W)), X, Y, gates))

    done = solve_ivp(
        velocity,
        (0.0, times[-1]),
        _pack(W, A) / scale,
        method="DOP853",
        t_eval=times,
        rtol=RTOL,
        atol=RTOL,
    )
    final_W, final_A = _unpack(done.y.T, len(W))
    return scale * final_W, scale * final_A


# --- E5: the race -------------------------------------------------------------------------------


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
    X, Y = _clusters(seed)
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
        return _engine(X, Y, [(W, A)], recipe)

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
            rows.append(_row("race", name, "E5", words, error[quantity], tolerance, why))
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
    runs = _engine(X, Y, [(W, A)], recipe)
    measured = {name: values[0] for name, values in runs.measured.items()}
    found = {
        "cos_delta": measured["cos_delta"],
        "norm_product": measured["norm_w"] * measured["norm_a"],
    }
    kept = np.logical_and.accumulate(measured["gate_changes"] == 0, axis=0)
    return rate * runs.step, found, kept


def _free_race(seed: int, rate: float) -> tuple[pd.DataFrame, list[Row]]:
    """The balanced neurons in a network that trains: E5 holds until a first gate flips."""
    X, Y = _clusters(seed)
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
        rows.append(_row("race", name, "E5", GAP[quantity], error, tolerance, why))
    parts = [
        _tidy("free", "closed form", times, tau, law),
        _tidy("free", "trained network", times, tau, found),
    ]
    return pd.concat(parts, ignore_index=True), rows


def _mirrored_race(seed: int, rate: float) -> tuple[pd.DataFrame, list[Row]]:
    """Mirrored data: E5 up to the drop, whatever the gates do."""
    X, Y = _mirrored(seed)
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
        rows.append(_row("race", name, "E5", GAP[quantity], error, 0.05 + lag, why))
    parts = [
        _tidy("mirrored", source, times, tau[:, :SHOWN], {q: v[:, :SHOWN] for q, v in data.items()})
        for source, data in (("closed form", law), ("trained network", found))
    ]
    return pd.concat(parts, ignore_index=True), rows


# --- E6: escape from the plateau ----------------------------------------------------------------


def _slope(x: Array, y: Array) -> float:
    """Slope of the least-squares line."""
    return float(np.polyfit(x, y, 1)[0])


def _flow_drop(
    X: Array, Y: Array, W: Array, A: Array, drop: float, end: float, step: float = 0.2
) -> float:
    """Time at which the loss under E1 has fallen by the fraction ``drop``.

    Runge-Kutta of fourth order with a fixed step: some target directions are kinks w . x_i = 0 that
    attract from both sides, on which an integrator that controls its error comes to a standstill.
    """
    limit = (1 - drop) * equations.loss_value(equations.network_output(W, A, X), Y)

    def velocity(w: Array, a: Array) -> tuple[Array, Array]:
        return equations.flow_field(w, a, X, Y)

    before = np.inf
    for n in range(int(end / step)):
        now = equations.loss_value(equations.network_output(W, A, X), Y)
        if now <= limit:
            return step * (n - (limit - now) / (before - now))
        before = now
        w1, a1 = velocity(W, A)
        w2, a2 = velocity(W + 0.5 * step * w1, A + 0.5 * step * a1)
        w3, a3 = velocity(W + 0.5 * step * w2, A + 0.5 * step * a2)
        w4, a4 = velocity(W + step * w3, A + step * a3)
        W = W + step / 6 * (w1 + 2 * w2 + 2 * w3 + w4)
        A = A + step / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
    raise ArithmeticError(f"the flow's loss has not dropped by {drop:.0%} at t = {end:g}")


def escape(seed: int = SEED, rate: float = 1.0) -> tuple[pd.DataFrame, list[Row]]:
    """E6: the time of a loss drop of 10 % against the init scale, for networks and for the flow.

    Both start from one draw, rescaled. ``closed form`` comes twice, with the flow's own rate and
    with that of gradient descent, each anchored at the smallest scale: E6 predicts differences.
    """
    X, Y = _clusters(seed)
    scales = np.array([10.0**-n for n in range(2, 13)])
    base = shallow.initialise(NAME, seed, WIDTH, X.shape[1], 1, "balanced", 1.0)
    starts = [(alpha * base[0], alpha * base[1]) for alpha in scales]
    recipe = Recipe(
        learning_rate=rate, max_steps=20_000, snapshots=2, drops=(0.1,), stop_at_drop=True
    )
    lambda_ = equations.escape_rate(*base, X, Y)
    trained = rate * _engine(X, Y, starts, recipe).event_step[:, 1].astype(float)
    few = scales[1::2]
    numerical = np.array(
        [_flow_drop(X, Y, *start, drop=0.1, end=2 * trained[-1]) for start in starts[1::2]]
    )
    parts, rows = [], []
    for source, alphas, measured, step, grain in (
        ("trained network", scales, trained, rate, rate),
        ("numerical flow", few, numerical, None, 0.0),
    ):
        law = np.array([equations.escape_time(alpha, lambda_, step) for alpha in alphas])
        small = alphas < 2e-6
        error = _slope(law[small], measured[small]) - 1
        # The slope settles as slower lanes fall behind; and gradient descent drops at whole steps.
        # Far below what it tells apart: the two rates differ by 8 %.
        tolerance = 0.02 + grain / float(np.ptp(law[small]))
        definition = "|slope / predicted slope - 1| for alpha <= 1e-6"
        why = "slower lanes (2 %)" + (", and one step" if step else "")
        name = f"{source}: slope"
        rows.append(_row("escape", name, "E6", definition, abs(error), tolerance, why))
        which = "gradient descent" if step else "flow"
        for label, times in (
            (source, measured),
            (f"closed form, {which}", law + measured[-1] - law[-1]),
        ):
            parts.append(pd.DataFrame({"alpha": alphas, "source": label, "value": times}))
    return pd.concat(parts, ignore_index=True), rows


# --- Orthogonal inputs: the limit of vanishing initialisation -----------------------------------


def limit(seed: int = SEED, rate: float = 0.2) -> tuple[pd.DataFrame, list[Row]]:
    """Orthogonal inputs: distance to one minimum-norm neuron per label sign, against the scale.

    The limit alpha -> 0 is that of Boursier, Pillaud-Vivien and Flammarion (2022). What is left at
    finite alpha are slower lanes: a lane sees some of the points of its sign and grows at rate
    |(y_i |x_i|)_i| / N over these, so that its share is alpha^(2 (1 - lambda_2 / lambda_1)) (E6).
    """
    X, Y = _orthogonal(seed)
    scales = np.array([10.0**-n for n in range(2, 13)])
    base = shallow.initialise(NAME, seed, 160, X.shape[1], 1, "balanced", 1.0)
    starts = [(alpha * base[0], alpha * base[1]) for alpha in scales]
    runs = _engine(X, Y, starts, Recipe(learning_rate=rate, max_steps=3000, snapshots=2))
    W, A = runs.W_events[:, -1], runs.A_events[:, -1]
    y = Y[:, 0]
    probes = stream(NAME, seed, "probes").standard_normal((300, X.shape[1]))
    goal, exponents = np.zeros(len(probes)), []
    for sign in (1.0, -1.0):
        half = y * sign > 0
        interpolator = np.linalg.pinv(X[half]) @ np.abs(y[half])
        goal += sign * np.maximum(probes @ interpolator, 0)
        pulls = np.sort((np.abs(y) * np.linalg.norm(X, axis=1))[half]) / len(X)
        fast, next_ = (
            equations.effective_rate(float(np.linalg.norm(lane)), rate)
            for lane in (pulls, pulls[1:])
        )
        exponents.append(2 * (1 - next_ / fast))
    exponent = min(exponents)  # the slower of the two signs to converge
    distance = np.sqrt(((shallow.forward(probes, W, A)[..., 0] - goal) ** 2).mean(axis=1))
    distance /= np.sqrt((goal**2).mean())
    law = distance[-1] * (scales / scales[-1]) ** exponent
    parts = [
        pd.DataFrame({"alpha": scales, "source": source, "value": value})
        for source, value in (("closed form", law), ("trained network", distance))
    ]
    small = scales < 2e-8
    measured = _slope(np.log(scales[small]), np.log(distance[small]))
    name = "trained network: power of alpha"
    definition = "|power / predicted power - 1| for alpha <= 1e-8"
    why = "lanes further behind"
    rows = [_row("limit", name, "E6", definition, abs(measured / exponent - 1), 0.1, why)]
    name = "trained network: distance at alpha = 1e-12"
    definition = "RMS distance to the limit's function / its RMS"
    rows.append(_row("limit", name, "E6", definition, distance[-1], 0.05, why))
    return pd.concat(parts, ignore_index=True), rows


# --- E2: conservation ---------------------------------------------------------------------------


def conservation(seed: int = SEED, rate: float = 0.2) -> tuple[pd.DataFrame, list[Row]]:
    """E2: drift of Q_j at one end time for falling step sizes, until well after the drop.

    ``closed form`` sums the exact change of each step along gradient descent in numpy;
    ``numerical flow`` is its limit of small steps, rate * integral of |a'|^2 - |w'|^2 along E1.
    """
    X, Y = _clusters(seed)
    W, A = shallow.initialise(NAME, seed, WIDTH, X.shape[1], 1, "gaussian", 0.1)
    end, rates = 60.0, rate / 2.0 ** np.arange(4)
    m = len(W)

    def velocity(_: float, state: Array) -> Array:
        d_w, d_a = equations.flow_field(*_unpack(state[:-m], m), X, Y)
        return np.concatenate([_pack(d_w, d_a), equations.conservation_drift(d_w, d_a, 1.0)])

    start = np.concatenate([_pack(W, A), np.zeros(m)])
    state = solve_ivp(velocity, (0.0, end), start, rtol=1e-5, atol=1e-7).y[:, -1]
    final_W, final_A = _unpack(state[:-m], m)
    size = float((np.sum(final_W**2, axis=1) + final_A[:, 0] ** 2).max())
    rows_of, off, beyond = [], [], []
    for step in rates:
        w, a, summed = W, A, np.zeros(m)
        for _ in range(round(end / step)):
            d_w, d_a = equations.flow_field(w, a, X, Y)
            summed += equations.conservation_drift(d_w, d_a, step)
            w, a = w + step * d_w, a + step * d_a
        recipe = Recipe(learning_rate=step, max_steps=round(end / step), snapshots=2)
        runs = _engine(X, Y, [(W, A)], recipe)
        trained_w, trained_a = runs.W_events[0, -1], runs.A_events[0, -1]
        trained = equations.conserved_quantity(trained_w, trained_a) - equations.conserved_quantity(
            W, A
        )
        small = step * state[-m:]
        for source, drift in (
            ("closed form", summed),
            ("numerical flow", small),
            ("trained network", trained),
        ):
            value = np.abs(drift).max() / size
            rows_of.append({"rate": step, "source": source, "value": value})
        off.append(np.abs(trained - summed).max() / np.abs(summed).max())
        beyond.append(np.abs(trained - small).max() / np.abs(small).max())
    words = "largest |ΔQ - predicted| / largest |predicted|"
    rows = [
        _row("conservation", "trained network: drift", "E2", words, max(off), 1e-8, "rounding"),
        _row(
            "conservation",
            "trained network: drift of the flow's limit, smallest rate",
            "E2",
            words,
            beyond[-1],
            beyond[0] / 2 ** (len(rates) - 2),
            "first order in rate: at most twice the error at the largest rate, times the ratio",
        ),
    ]
    return pd.DataFrame(rows_of), rows
