"""What the laws say of a condition before it is trained: a function of its data and init alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import ranks
from neuron_race.common.seeds import stream
from neuron_race.models import smaller
from neuron_race.theory import equations, laws, settling
from neuron_race.theory.settling import Lanes
from neuron_race.training.recipe import Recipe
from neuron_race.training.runs import Start

Array = NDArray[Any]
# The law that gives each number, and what the number is.
PREDICTED = {
    "drop_step": ("L5", "step at which a tenth of the loss of f = 0 is lost"),
    "drop_step_shuffled": (
        "L5",
        "the same from permuted labels, a control; no later than the budget of steps",
    ),
    "doubling": ("L3", "lead that a doubling of the summed scores brings, in units of time"),
    "start": ("L3", "log2 of width times squared init scale"),
    "pruned": ("L1", "share of the learned loss that is lost, a fifth of the neurons kept"),
    "pruned_closed": ("L1", "the same by the closed form, from head, width and dimension alone"),
    "auroc_head": ("L6", "AUROC of the head's initial size for the fifth forecast to win"),
    "groups": ("L4", "groups of neurons, in the mean over inits"),
    "axes": ("L4", "axes of the task: the fewest neurons that could do it, for comparison"),
}
TICKETS = ("winners", "random", "losers")
KEPT = 0.2  # of the neurons, by the pruning and in a ticket
LEFT = 0.9  # of the loss at the drop
FINER = 4  # refreshes of the gates where there is a bias


def draw(options: Mapping[str, Any], outputs: int) -> tuple[Any, ...]:
    """What the lanes of a condition depend on: conditions that agree in it share them."""
    own = ["dataset", "head", "width", "bias", "without", "redraw_init"]
    if outputs > 1:  # the residual of f = 0, and how far neurons turn before the drop
        own += ["loss", "alpha"]
    return tuple(options.get(key) or None for key in own)


def settle(start: Start, options: Mapping[str, Any]) -> list[Lanes]:
    """Lanes of all runs from their init scaled back, for all conditions of one :func:`draw`.

    Those of one output are under the residual y, whatever the loss.
    """
    d, alpha = start.X.shape[2], options["alpha"]
    turning = settling.turning(alpha) if start.Y.shape[2] > 1 else settling.TURNING[0]
    finer = FINER if options.get("bias") else 1
    return [
        settling.settle(
            W[:, :d] / alpha, A / alpha, X, _residual(Y, options["loss"]), turning, finer
        )
        for W, A, X, Y in zip(start.W, start.A, start.X, start.Y, strict=True)
    ]


def scaled(settled: Sequence[Lanes], start: Start, options: Mapping[str, Any]) -> list[Lanes]:
    """Lanes of :func:`settle` from a condition's own init, and under its own residual at f = 0."""
    strength = 0.5 if start.Y.shape[2] == 1 and options["loss"] != "squared" else 1.0
    return [own.scaled(options["alpha"], strength) for own in settled]


def _residual(Y: Array, loss: equations.Loss) -> Array:
    """At f = 0, and for one output that of the squared loss, of which others are a multiple."""
    return Y if Y.shape[1] == 1 else equations.residual(np.zeros_like(Y), Y, loss)


def predict(
    start: Start,
    settled: Sequence[Lanes],
    options: Mapping[str, Any],
    data: Mapping[str, Any],
    name: str,
    tickets: bool = False,
    shuffled: bool = False,
) -> dict[str, Any]:
    """Predictions of one condition, run by run.

    Args:
        start: data and initial weights.
        settled: result of :func:`settle` for the same draw.
        options: the condition's options; width, head, alpha, loss, rate and step budget are used.
        data: the data set's options; of a set of clusters the number of axes is used.
        name: experiment, names the streams of permuted labels and random tickets.
        tickets: whether to choose tickets and predict their drops, too.
        shuffled: whether to predict the drop from permuted labels, too, which costs as much again.

    Returns:
        ``seed``; ``predicted``: for each of :data:`PREDICTED` its ``law``, ``meaning`` and
        ``values`` (S,), NaN where the law says nothing; ``tickets``: for each of :data:`TICKETS`
        the neurons ``kept`` (S, n) and the ``drop_step`` (S,) of the ticket.
    """
    lanes = scaled(settled, start, options)
    rows = _rows(start, lanes, options)
    chosen = _tickets(start, lanes, rows, options, name) if tickets else {}
    if shuffled:
        for row, step in zip(rows, _shuffled(start, options, name), strict=True):
            row["drop_step_shuffled"] = step
    width, dim = int(options["width"]), dimension(start)
    known = {
        "pruned_closed": laws.pruned_share(KEPT, options["head"], width, dim)
        if start.Y.shape[2] == 1
        and options["loss"] == "squared"
        and laws.has_closed_form(options["head"], 1)
        and not options.get("loss_target")
        else np.nan,
        "groups": laws.occupied_groups(data["axes"], width)
        if data["kind"] == "clusters" and data["axes"] % 2 == 0
        else np.nan,
        "axes": data["axes"] if data["kind"] == "clusters" else np.nan,
        "start": laws.start_in_doublings(width, options["alpha"]),
    }
    return {
        "seed": start.seed.tolist(),
        "predicted": {
            key: {
                "law": law,
                "meaning": meaning,
                "values": [float(known[key] if key in known else row[key]) for row in rows],
            }
            for key, (law, meaning) in PREDICTED.items()
        },
        "tickets": chosen,
    }


def dimension(start: Start) -> int:
    """Input dimension of the data set, whatever the coordinates of the runs."""
    return start.X.shape[2] if start.basis is None else start.basis.shape[1]


def _races(
    start: Start, lanes: Sequence[Lanes], options: Mapping[str, Any], Y: Array, ends: float
) -> list[laws.Race]:
    """Races of all runs for targets ``Y (S, N, k)``, until ``ends`` of the loss is left."""
    recipe = Recipe.of(options)
    budget = (recipe.learning_rate, recipe.max_steps, recipe.loss, ends)
    return laws.races(lanes, start.X, Y, *budget)


def _rows(start: Start, lanes: Sequence[Lanes], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Predictions that differ from run to run, and the race's norm products ``c``."""
    recipe, rows = Recipe.of(options), []
    full = _races(start, lanes, options, start.Y, recipe.loss_target)
    for own, raced, Y, A in zip(lanes, full, start.Y, start.A, strict=True):
        order = np.argsort(-raced.c, kind="stable")
        winners = np.isin(np.arange(len(A)), order[: smaller.number_kept(KEPT, len(A))])
        time = raced.drop_step * recipe.learning_rate
        rate = laws.rate_at(own, time, recipe.learning_rate)
        # Runs that stop at a loss wait there for one another: their end is not the race's. Heads of
        # several outputs turn on after the drop.
        share = (
            np.nan
            if recipe.loss_target or Y.shape[1] > 1
            else laws.lost_share(raced.output, winners, Y, recipe.loss)
        )
        rows.append(
            {
                "c": raced.c,
                "drop_step": raced.drop_step,
                "drop_step_shuffled": np.nan,
                "doubling": np.log(2) / (2 * rate),
                "pruned": share,
                "auroc_head": ranks.auroc(winners, np.linalg.norm(A, axis=1)),
            }
        )
    return rows


def _shuffled(start: Start, options: Mapping[str, Any], name: str) -> Array:
    """Drop steps (S,) from permuted labels: what never drops within the budget does at its end."""
    Y = np.stack(
        [
            stream(name, int(seed), "shuffled labels").permutation(own)
            for seed, own in zip(start.seed, start.Y, strict=True)
        ]
    )
    lanes = scaled(settle(replace(start, Y=Y), options), start, options)
    steps = [raced.drop_step for raced in _races(start, lanes, options, Y, LEFT)]
    return np.asarray(np.fmin(steps, Recipe.of(options).max_steps))


def _tickets(
    start: Start,
    lanes: Sequence[Lanes],
    rows: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    name: str,
) -> dict[str, dict[str, Any]]:
    """Neurons ``kept`` and ``drop_step`` of each of :data:`TICKETS`, run by run."""
    kept: dict[str, list[Array]] = {arm: [] for arm in TICKETS}
    for seed, row in zip(start.seed, rows, strict=True):
        order = np.argsort(-row["c"], kind="stable")
        random = stream(name, int(seed), "random ticket").permutation(len(order))
        for arm, first in zip(TICKETS, (order, random, order[::-1]), strict=True):
            kept[arm].append(np.sort(first[: smaller.number_kept(KEPT, len(order))]))
    alone = [
        own.only(np.isin(np.arange(len(own.score)), which))
        for arm in TICKETS
        for own, which in zip(lanes, kept[arm], strict=True)
    ]
    many = len(TICKETS)
    again = replace(start, X=np.tile(start.X, (many, 1, 1)), Y=np.tile(start.Y, (many, 1, 1)))
    steps = [raced.drop_step for raced in _races(again, alone, options, again.Y, LEFT)]
    return {
        arm: {"kept": [which.tolist() for which in kept[arm]], "drop_step": own.tolist()}
        for arm, own in zip(TICKETS, np.split(np.asarray(steps), many), strict=True)
    }
