"""What the laws say of a condition before it is trained: a function of its data and init alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import ranks
from neuron_race.common.seeds import stream
from neuron_race.theory import equations, laws
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


def settle(start: Start, alpha: float) -> list[laws.Lanes]:
    """Lanes of all runs under the squared loss, from the init scaled back by ``alpha``.

    They serve every loss, rate and init scale of one draw.

    Raises:
        ValueError: several outputs.
    """
    if start.Y.shape[2] != 1:
        raise ValueError(f"{start.Y.shape[2]} outputs: the laws are for one")
    d = start.X.shape[2]
    return [
        laws.settle(W[:, :d] / alpha, A / alpha, X, Y[:, 0])
        for W, A, X, Y in zip(start.W, start.A, start.X, start.Y, strict=True)
    ]


def predict(
    start: Start,
    settled: Sequence[laws.Lanes],
    options: Mapping[str, Any],
    data: Mapping[str, Any],
    name: str,
    thorough: bool,
) -> dict[str, Any]:
    """Predictions of one condition, run by run.

    Args:
        start: data and initial weights.
        settled: result of :func:`settle` for the same draw.
        options: the condition's options; width, head, alpha, loss, rate and step budget are used.
        data: the data set's options; of a set of clusters the number of axes is used.
        name: experiment, names the streams of permuted labels and random tickets.
        thorough: whether to predict also the drops of tickets, which are chosen here, and that from
            permuted labels.

    Returns:
        ``seed``; ``predicted``: for each of :data:`PREDICTED` its ``law``, ``meaning`` and
        ``values`` (S,), NaN where the law says nothing; ``tickets``: for each of :data:`TICKETS`
        the neurons ``kept`` (S, n) and the ``drop_step`` (S,) of the ticket.
    """
    # At f = 0 the residual is y, and with the logistic loss half of it.
    strength = 1.0 if options["loss"] == "squared" else 0.5
    lanes = [own.scaled(options["alpha"], strength) for own in settled]
    rows = [_run(start.part([s]), own, options, name, thorough) for s, own in enumerate(lanes)]
    width, dim = int(options["width"]), dimension(start)
    known = {
        "pruned_closed": laws.pruned_share(KEPT, options["head"], width, dim)
        if options["loss"] == "squared" and not options.get("loss_target")
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
        "tickets": {
            arm: {
                "kept": [row["tickets"][arm][0].tolist() for row in rows],
                "drop_step": [row["tickets"][arm][1] for row in rows],
            }
            for arm in (TICKETS if thorough else ())
        },
    }


def dimension(start: Start) -> int:
    """Input dimension of the data set, whatever the coordinates of the runs."""
    return start.X.shape[2] if start.basis is None else start.basis.shape[1]


def _run(
    one: Start, lanes: laws.Lanes, options: Mapping[str, Any], name: str, thorough: bool
) -> dict[str, Any]:
    """Predictions of one run, the only one of its start."""
    recipe, seed = Recipe.of(options), int(one.seed[0])
    loss: equations.Loss = "squared" if recipe.loss == "squared" else "logistic"
    X, y, A = one.X[0], one.Y[0][:, 0], one.A[0]

    def raced(own: laws.Lanes, targets: Array = y) -> laws.Race:
        budget = (recipe.learning_rate, recipe.max_steps, loss, recipe.loss_target)
        return laws.race(own, X, targets, *budget)

    full = raced(lanes)
    number = max(1, round(KEPT * len(A)))
    order = np.argsort(-full.c, kind="stable")
    winners = np.isin(np.arange(len(A)), order[:number])
    rate = laws.rate_at(lanes, full.drop_step * recipe.learning_rate, recipe.learning_rate)
    row: dict[str, Any] = {
        "drop_step": full.drop_step,
        "drop_step_shuffled": np.nan,
        "doubling": np.log(2) / (2 * rate),
        # Runs that stop at a loss wait there for one another: their end is not the race's.
        "pruned": np.nan if recipe.loss_target else laws.lost_share(full.output, winners, y, loss),
        "auroc_head": ranks.auroc(winners, np.linalg.norm(A, axis=1)),
        "tickets": {},
    }
    if not thorough:
        return row
    shuffled = stream(name, seed, "shuffled labels").permutation(one.Y, axis=1)
    (other,) = settle(replace(one, Y=shuffled), options["alpha"])
    other = other.scaled(options["alpha"], 1.0 if loss == "squared" else 0.5)
    # What never drops within the budget drops at its end at the earliest.
    row["drop_step_shuffled"] = np.fmin(raced(other, shuffled[0][:, 0]).drop_step, recipe.max_steps)
    random = stream(name, seed, "random ticket").permutation(len(A))
    for arm, first in {"winners": order, "random": random, "losers": order[::-1]}.items():
        chosen = np.sort(first[:number])
        ticket = lanes.only(np.isin(np.arange(len(A)), chosen))
        row["tickets"][arm] = chosen, raced(ticket).drop_step
    return row
