"""From a data set and a condition's options to trained runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.models import shallow
from neuron_race.training import nulls, span
from neuron_race.training.checkpoints import Checkpoint
from neuron_race.training.recipe import Recipe, Runs
from neuron_race.training.runs import Start, inputs

Array = NDArray[Any]


def begin(experiment: str, options: Mapping[str, Any], data: Mapping[str, Array]) -> Start:
    """Draw the initial weights of all runs, and reduce inputs and weights to the data span.

    Args:
        experiment: name of the random stream of the initial weights.
        options: the condition's options (``width``, ``head``, ``alpha``, ``bias``, ``without``,
            ``redraw_init``, ``seeds``).
        data: arrays ``X (S, N, d)``, ``Y``, ``X_test``, ``Y_test``.
    """
    own = inputs(options, data)
    named = f"{experiment} again" if options.get("redraw_init") else experiment
    X, X_test = own["X"], own["X_test"]
    width, dim, outputs = options["width"], X.shape[2], own["Y"].shape[2]
    weights = [
        shallow.initialise(named, seed, width, dim, outputs, options["head"], options["alpha"])
        for seed in options["seeds"]
    ]
    W, A = nulls.start(
        options.get("without"), *(np.stack(part) for part in zip(*weights, strict=True))
    )
    rank = max(span.rank(x) for x in X)
    reduced = rank < dim and options.get("reduce", True)
    bases = None
    if reduced:
        bases = [span.basis(x, w, rank) for x, w in zip(X, W, strict=True)]
        W = np.stack([w @ b for w, b in zip(W, bases, strict=True)])
        X_test = np.stack([x @ b for x, b in zip(X_test, bases, strict=True)])
        X = np.stack([x @ b[:, :rank] for x, b in zip(X, bases, strict=True)])
    return Start(
        seed=np.asarray(options["seeds"], dtype=np.int64),
        X=X,
        Y=own["Y"],
        X_test=X_test,
        Y_test=own["Y_test"],
        W=W,
        A=A,
        rank=rank if reduced else None,
        basis=None if bases is None else np.stack(bases),
    )


def run(
    start: Start, options: Mapping[str, Any], label: str = "", unfinished: Path | None = None
) -> Runs:
    """Train all runs of a condition; ``unfinished`` keeps what an interruption leaves."""
    # torch is slow to import; reading runs does without
    from neuron_race.training.engine import train

    recipe = Recipe.of(options)
    # With the residual frozen nothing holds the loss; that is the ablation, not a failure.
    explode = np.inf if "residual" in recipe.freeze else 1e3
    device = options.get("device", "auto")
    checkpoint = Checkpoint(unfinished) if unfinished else None
    arrays = (start.X, start.Y, start.W, start.A)
    return train(*arrays, recipe, device, label, explode, checkpoint=checkpoint)
