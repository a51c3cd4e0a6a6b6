"""Who will win, from the initial weights and the data alone.

The forecast integrates the neuron equations (E1) from the init with the residual frozen at f = 0,
until the network it describes would itself pass the loss drop. Where the first lanes fit less than
the drop asks for, its loss rises before; then it ends at the largest part of the drop that it
reaches. Nothing after step 0 of the real training enters: :func:`forecast` never sees it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import average, ratio
from neuron_race.common.seeds import stream
from neuron_race.models.norms import norm_product
from neuron_race.theory import equations
from neuron_race.training.recipe import Recipe, Runs, TrainingDiverged
from neuron_race.training.runs import Start, Trained

Array = NDArray[Any]
DROPS = (0.02, 0.04, 0.06, 0.08, 0.1)  # parts of the initial loss, the drop last


def forecast(start: Start, options: Mapping[str, Any], name: str) -> dict[str, Array]:
    """Forecast norm products at the drop, a function of initial weights and data alone.

    Args:
        start: data and initial weights.
        options: the condition's options; loss, rate and step budget are used.
        name: experiment, names the stream that shuffles labels for the control.

    Returns:
        ``norm_product (S, m)`` forecast; ``norm_product_shuffled`` the same with shuffled labels,
        integrated for the same time; ``race_score`` (S, m), the asymptotic share of the closed form
        (E5) with D at init; ``rate (S,)``: growth rate lambda of each layer at its end (E6);
        ``step (S,)`` at which the forecast ends, -1 where it never reached the least
        part of the drop (then the forecast is NaN).
    """
    recipe = replace(
        Recipe.of(options),
        freeze=("residual",),
        loss_target=0.0,
        stop_at_drop=True,
        after_drop=0.0,
        snapshots=2,
        drops=DROPS,
    )
    device = options.get("device", "auto")
    runs = _integrate(start, start.Y, recipe, device)
    every, reached = np.arange(len(start.seed)), (runs.event_step[:, 1:-1] >= 0).sum(axis=1)
    c = norm_product(runs.W_events[every, reached], runs.A_events[every, reached])
    step = np.where(reached > 0, runs.event_step[every, reached], -1)
    c[reached == 0] = np.nan
    shuffled = np.full(start.W.shape[:2], np.nan)
    score = np.empty(start.W.shape[:2])
    for s, seed in enumerate(start.seed):
        one = start.part([s])
        score[s] = closed_form(start, s, recipe.loss)
        if step[s] > 0:
            Y = stream(name, int(seed), "shuffled labels").permutation(start.Y[s])[None]
            budget = replace(recipe, max_steps=int(step[s]), stop_at_drop=False)
            end = _integrate(one, Y, budget, device)
            shuffled[s] = norm_product(end.W_events[0, -1], end.A_events[0, -1])
    return {
        "norm_product": c,
        "norm_product_shuffled": shuffled,
        "race_score": score,
        "rate": average(
            runs.measured["growth"][:, -1],
            axis=1,
            weights=norm_product(runs.W_events[:, -1], runs.A_events[:, -1]),
        )
        / 2,
        "step": step,
        "seed": start.seed,
    }


def closed_form(start: Start, s: int, loss: str) -> Array:
    """Scores (m,) of a run's neurons by the closed form (E5), with D at init and f = 0.

    A neuron closed on all data does not race: its score is 0.
    """
    d = start.X.shape[2]
    R = equations.residual(np.zeros_like(start.Y[s]), start.Y[s], loss)
    C = equations.gated_residual_correlation(start.W[s, :, :d], start.X[s], R)
    pulled = C.any(axis=(1, 2))
    score = np.zeros(len(C))
    score[pulled] = equations.race_score(start.W[s, pulled, :d], start.A[s, pulled], C[pulled])
    return score


def _integrate(start: Start, Y: Array, recipe: Recipe, device: str) -> Runs:
    from neuron_race.training.engine import train

    # With the residual frozen the loss explodes after the drop; runs wait there for one another.
    arrays = (start.X, Y, start.W, start.A)
    try:
        return train(*arrays, recipe, device, explode=np.inf)
    except TrainingDiverged as overflow:
        # One never gets there, for its loss rises before a tenth is lost, until numbers end. Growth
        # is exponential: at three quarters of that time all are far below it.
        if overflow.step < 2:
            raise
        budget = replace(recipe, max_steps=3 * overflow.step // 4)
        return train(*arrays, budget, device, explode=np.inf)


def audit(trained: Trained, noisy: Trained, stored: Array, name: str) -> pd.DataFrame:
    """What moves a forecast, one row per run: largest or median relative change of norm products.

    ``forecast_changed``: the stored forecast against one made from a run file in which all that was
    recorded after step 0 is noise (largest); ``budget_changed``: other step budget, snapshots and
    loss target (largest); ``init_changed``: initial weights changed by 1 % (median);
    ``leak_changed``: what the same noise does to a "forecast" that peeks at the norm products at
    the drop (median). The last two spread over orders of magnitude between runs; of their
    ``..._log10`` a mean over runs can speak.

    Args:
        trained: the condition's runs, as read from disk.
        noisy: the same, read from a file treated with :func:`noise`.
        stored: the forecast norm products (S, m) that claims are judged by.
        name: experiment.
    """
    rng = np.random.default_rng(np.random.SeedSequence(0))
    blind = forecast(noisy.start, noisy.options, name)["norm_product"]
    other = {**trained.options, "max_steps": 2 * trained.recipe.max_steps, "snapshots": 7}
    budget = forecast(trained.start, {**other, "loss_target": 0.5}, name)["norm_product"]
    shaken = replace(
        trained.start, W=trained.start.W * (1 + 0.01 * rng.standard_normal(trained.start.W.shape))
    )
    moved = forecast(shaken, trained.options, name)["norm_product"]
    drop = trained.event("drop_10")
    peek, peek_noisy = (
        norm_product(own.runs.W_events[:, drop], own.runs.A_events[:, drop])
        for own in (trained, noisy)
    )
    table = pd.DataFrame(
        {
            "seed": trained.start.seed,
            "forecast_changed": _change(stored, blind).max(axis=1),
            "budget_changed": _change(stored, budget).max(axis=1),
            "init_changed": np.median(_change(stored, moved), axis=1),
            "leak_changed": np.median(_change(peek, peek_noisy), axis=1),
        }
    )
    for name in ("init_changed", "leak_changed"):
        # An unchanged forecast counts as one changed in the last bit.
        table[f"{name}_log10"] = np.log10(table[name].clip(lower=np.finfo(float).eps))
    return table


def noise(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays of a run file with all that was recorded after step 0 replaced by noise.

    It is noise that a run file can hold: no loss below 0, and drops before the end.
    """
    rng = np.random.default_rng(np.random.SeedSequence(1))
    noisy = {key: np.array(value) for key, value in arrays.items()}
    for name in ("W_events", "A_events", "W", "A", "loss"):
        for key in {name, f"{name}_span"} & set(noisy):
            noisy[key][:, 1:] = rng.standard_normal(noisy[key][:, 1:].shape)
    noisy["loss"] = np.abs(noisy["loss"])
    drops, end = noisy["event_step"][:, 1:-1], noisy["event_step"][:, -1:]
    drops[:] = rng.integers(0, end + 1, drops.shape)
    for key in [key for key in noisy if key.startswith("measured_")]:
        noisy[key][:, 1:] = rng.integers(-5, 5, noisy[key][:, 1:].shape)
    return noisy


def _change(before: Array, after: Array) -> Array:
    return ratio(np.abs(after - before), np.abs(before))
