"""Winning tickets: subnetworks retrained from their own initial weights, and exchanged starts.

A ticket is a set of neurons. It is retrained alone, on the same data, from the weights that these
neurons had at init. Winners are known only after training, so what a ticket shows is *that* the
initial conditions matter; :mod:`neuron_race.theory.forecast` says whether they can be told
beforehand.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import ratio
from neuron_race.common.seeds import stream
from neuron_race.models import clusters, smaller
from neuron_race.models.norms import norm_product, unit
from neuron_race.theory import removal
from neuron_race.training.engine import train
from neuron_race.training.recipe import Recipe
from neuron_race.training.runs import Trained

Array = NDArray[Any]
KEPT = 0.2  # fraction of neurons in a ticket
ARMS = (
    "winners",  # largest final norm products
    "stratified",  # the same, by cluster (hence by sign)
    "forecast",  # largest forecast norm products, known before training
    "random",
    "losers",  # smallest final norm products
    "redrawn",  # as many neurons, initial weights drawn anew
    "sign_flipped",  # the winners with their outgoing weights negated
)
# All others stop at their drop: no more is asked of them.
TO_THE_END = ("winners", "forecast", "random")
PAIRS = 10  # winners and losers exchanged per run
# What is exchanged, between the extremes of the largest cluster or between any two of it.
EXCHANGES = ("direction", "head", "direction_random", "head_random")


def tables(trained: Trained, forecasts: Mapping[str, Array], name: str) -> dict[str, pd.DataFrame]:
    """Retrain tickets and exchanged starts of a condition.

    Args:
        trained: the condition's runs.
        forecasts: result of :func:`neuron_race.theory.forecast.forecast`.
        name: experiment, names the random streams.

    Returns:
        ``runs``: one row per run, undefined where the full network never dropped, a forecast never
        ended, or a ticket is the full network; for each arm ``delay_<arm>`` (time to the drop over
        that of the full network, minus 1), ``delay_error_<arm>`` (measured minus predicted by E9,
        over the full network's time), ``loss_<arm>`` (final loss over the initial loss, of those
        :data:`TO_THE_END`) and ``exchanged_<what>`` (fraction of pairs whose ranks were exchanged).
        ``tickets``: one row per run and arm.
    """
    full_drop = _drop_time(trained)
    rows: list[dict[str, Any]] = [{"seed": int(seed)} for seed in trained.start.seed]
    details = []
    for arm in ARMS:
        W, A, chosen = _starts(trained, forecasts, arm, name)
        ticket = retrain(trained, W, A, stop_at_drop=arm not in TO_THE_END)
        drop = _drop_time(ticket)
        predicted = _predicted_delay(trained, forecasts, chosen, arm)
        known = np.isfinite(full_drop) & ~chosen.all(axis=1)
        if arm == "forecast":
            known &= np.isfinite(forecasts["norm_product"]).all(axis=1)
        scale = np.where(known, full_drop, np.nan)
        for s, row in enumerate(rows):
            row[f"delay_{arm}"] = ratio(drop[s], scale[s]) - 1
            row[f"delay_error_{arm}"] = ratio(drop[s] - full_drop[s] - predicted[s], scale[s])
            if arm in TO_THE_END:
                row[f"loss_{arm}"] = (
                    ratio(ticket.runs.loss[s, -1], trained.runs.loss[s, 0]) if known[s] else np.nan
                )
            details.append(
                {
                    "seed": row["seed"],
                    "arm": arm,
                    "neurons": W.shape[1],
                    "t_drop": drop[s],
                    "t_drop_full": full_drop[s],
                    "predicted_delay": predicted[s],
                }
            )
    for what in EXCHANGES:
        fraction = _exchange(trained, what, name)
        for s, row in enumerate(rows):
            row[f"exchanged_{what}"] = fraction[s] if np.isfinite(full_drop[s]) else np.nan
    return {"runs": pd.DataFrame(rows), "tickets": pd.DataFrame(details)}


def retrain(trained: Trained, W: Array, A: Array, **changes: Any) -> Trained:
    """Train again from other weights (S, n, d), (S, n, k), with some options changed."""
    options = {**trained.options, "snapshots": 2, **changes}
    start = replace(trained.start, W=W, A=A)
    device = options.get("device", "auto")
    return Trained(start, train(start.X, start.Y, W, A, Recipe.of(options), device), options)


def _drop_time(trained: Trained) -> Array:
    return trained.runs.reached(trained.event("drop_10")) * trained.recipe.learning_rate


def _starts(
    trained: Trained, forecasts: Mapping[str, Array], arm: str, name: str
) -> tuple[Array, Array, Array]:
    """Initial weights (S, n, d), (S, n, k) of an arm's tickets, and the neurons' masks (S, m)."""
    start, m = trained.start, trained.start.W.shape[1]
    kept = smaller.number_kept(KEPT, m)
    W_end, A_end = trained.runs.W_events[:, -1], trained.runs.A_events[:, -1]
    masks, weights = [], []
    for s, seed in enumerate(start.seed):
        rng = stream(name, int(seed), f"ticket {arm}")
        final = norm_product(W_end[s], A_end[s])
        if arm == "stratified":
            active = clusters.active(start.X[s], W_end[s])
            labels = clusters.find(W_end[s], A_end[s], 0.99, active)
            mask = smaller.keep_stratified(final, labels, kept)
        else:
            score = {
                "winners": final,
                "sign_flipped": final,
                "redrawn": final,
                "losers": -final,
                "random": rng.random(m),
                "forecast": np.nan_to_num(forecasts["norm_product"][s], nan=-1.0),
            }[arm]
            mask = smaller.keep_largest(score, kept)
        W, A = start.W[s, mask], start.A[s, mask]
        if arm == "sign_flipped":
            A = -A
        if arm == "redrawn":
            W, A = _redraw(rng, start.W[s], start.A[s], start.X.shape[2], trained, kept)
        masks.append(mask)
        weights.append((W, A))
    return np.stack([w for w, _ in weights]), np.stack([a for _, a in weights]), np.stack(masks)


def _redraw(
    rng: np.random.Generator, W: Array, A: Array, d: int, trained: Trained, kept: int
) -> tuple[Array, Array]:
    """New weights by the law of the old ones: incoming drawn, outgoing permuted or balanced anew.

    Coordinates that span the data are Gaussian with the spread of the old; those beyond them, which
    only carry norm, are taken from permuted neurons.
    """
    rows = rng.permutation(len(W))[:kept]
    drawn = np.concatenate([rng.standard_normal((kept, d)) * W[:, :d].std(), W[rows, d:]], axis=1)
    heads = A[rng.permutation(len(A))[:kept]]
    if trained.options["head"] == "balanced":
        heads = unit(heads) * np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn, heads


def _predicted_delay(
    trained: Trained, forecasts: Mapping[str, Array], masks: Array, arm: str
) -> Array:
    """E9 with forecast norm products; undefined where the ticket's start is not the full one's."""
    if arm in ("redrawn", "sign_flipped"):
        return np.full(len(masks), np.nan)
    delays = []
    for s, mask in enumerate(masks):
        c = forecasts["norm_product"][s]
        step = int(forecasts["step"][s])
        rate = float(forecasts["rate"][s])
        if step <= 0 or not (rate > 0 and c[mask].sum() > 0):
            delays.append(np.nan)
            continue
        delays.append(float(removal.ticket_speed(c, c[mask], rate)))
    return np.asarray(delays)


def _exchange(trained: Trained, what: str, name: str) -> Array:
    """Exchange starts of winners and losers within the largest cluster, and retrain.

    ``direction``: the incoming directions, each neuron keeping norms and head; ``head``: the
    outgoing weights. (To exchange all of it is to rename the neurons: ranks must follow.) With
    ``_random`` pairs are drawn at random, and the one that ended ahead is the winner.

    Returns:
        Fraction of the pairs (S,) in which the former loser now ends ahead of the former winner.
    """
    start = trained.start
    W, A = start.W.copy(), start.A.copy()
    pairs: list[tuple[Array, Array]] = []
    for s in range(len(W)):
        W_end, A_end = trained.runs.W_events[s, -1], trained.runs.A_events[s, -1]
        labels = clusters.find(W_end, A_end, 0.99, clusters.active(start.X[s], W_end))
        members = np.flatnonzero(labels == 0)
        order = members[np.argsort(-norm_product(W_end, A_end)[members], kind="stable")]
        n = min(PAIRS, len(order) // 2)
        winners, losers = order[:n], order[::-1][:n]
        if what.endswith("random"):
            rng = stream(name, int(start.seed[s]), "random pairs")
            drawn = np.sort(rng.permutation(len(order))[: 2 * n].reshape(n, 2), axis=1)
            winners, losers = order[drawn[:, 0]], order[drawn[:, 1]]
        pairs.append((winners, losers))
        one, two = np.concatenate([winners, losers]), np.concatenate([losers, winners])
        if what.startswith("head"):
            A[s, one] = start.A[s, two]
        else:
            norm = np.linalg.norm(start.W[s], axis=1, keepdims=True)
            W[s, one] = unit(start.W[s])[two] * norm[one]
    # The race is over soon after the drop: a third of the budget shows who won.
    runs = retrain(trained, W, A, max_steps=max(1, trained.recipe.max_steps // 3)).runs
    final = norm_product(runs.W_events[:, -1], runs.A_events[:, -1])
    return np.asarray(
        [
            float((final[s][losers] > final[s][winners]).mean()) if len(winners) else np.nan
            for s, (winners, losers) in enumerate(pairs)
        ]
    )
