"""Runs of any model, and their forecasts: what they start from, how they are trained and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.common.seeds import stream
from neuron_race.models import deep, shallow
from neuron_race.models.units import Units
from neuron_race.training import any_model

Array = NDArray[Any]
Arrays = dict[str, Array]
Data = Mapping[str, Mapping[str, Array]]
Parameters = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Problem:
    """Stacked data of a condition's runs: X (S, N, d), Y (S, N, k), and the test split."""

    X: torch.Tensor
    Y: torch.Tensor
    X_test: torch.Tensor
    Y_test: torch.Tensor
    seeds: list[int]
    loss: str


@dataclass(frozen=True)
class Start:
    """What a condition's runs start from: model, data, initial weights, and how to train."""

    model: deep.Network
    given: Problem
    weights: Parameters
    plan: any_model.Plan


@dataclass(frozen=True)
class Trained:
    """A condition's runs.

    Attributes:
        start: what they started from.
        history: what training recorded.
        ahead: parameters at the end of the plateau as forecast, and the ``step`` of that end.
        wrong: the same forecast from permuted targets.
    """

    start: Start
    history: any_model.History
    ahead: Parameters
    wrong: Parameters


def problem(options: Mapping[str, Any], data: Data, dtype: torch.dtype) -> Problem:
    """The data of a condition."""
    own = data[options["dataset"]]
    X, Y, X_test, Y_test = (
        torch.as_tensor(own[name], dtype=dtype) for name in ("X", "Y", "X_test", "Y_test")
    )
    return Problem(X, Y, X_test, Y_test, list(options["seeds"]), options["loss"])


def begin(target: str, options: Mapping[str, Any], data: Data) -> Start:
    """Model, data, initial weights and plan of a condition.

    With the option ``head`` the weights are those of one hidden layer as :mod:`shallow` draws
    them, at scale ``alpha``; otherwise all are Gaussian, with ``gain``.
    """
    dtype = torch.float32 if options["precision"] == "single" else torch.float64
    given = problem(options, data, dtype)
    dim, outputs = given.X.shape[2], given.Y.shape[2]
    model, plan = deep.build(options, dim, outputs), any_model.Plan.of(options)
    if "head" not in options:
        weights = deep.initial(model, target, given.seeds, options["gain"], dtype)
        return Start(model, given, weights, plan)
    drawn = [
        shallow.initialise(
            target, seed, options["width"], dim, outputs, options["head"], options["alpha"]
        )
        for seed in given.seeds
    ]
    return Start(model, given, stacked_weights(drawn, dtype), plan)


def stacked_weights(weights: Sequence[tuple[Array, Array]], dtype: torch.dtype) -> Parameters:
    """Weights (m, d) and (m, k) of one hidden layer, of many runs, as parameters."""
    return {
        "hidden.0.weight": torch.as_tensor(np.stack([w for w, _ in weights]), dtype=dtype),
        "head.weight": torch.as_tensor(np.stack([a.T for _, a in weights]), dtype=dtype),
    }


def shuffled(Y: torch.Tensor, name: str, seeds: list[int]) -> torch.Tensor:
    """Targets of each run permuted: what a forecast must not do well with."""
    order = [stream(name, s, "shuffled labels").permutation(Y.shape[1]) for s in seeds]
    return torch.stack([y[torch.as_tensor(o)] for y, o in zip(Y, order, strict=True)])


def run(
    start: Start, label: str, snapshots: Sequence[int] = (), summed: Any = None
) -> any_model.History:
    """Train all runs of a condition; see :func:`any_model.train`."""
    given = start.given
    return any_model.train(
        start.model,
        start.weights,
        given.X,
        given.Y,
        start.plan,
        given.seeds,
        label,
        snapshots,
        summed,
    )


def forecasts(start: Start, target: str) -> tuple[Parameters, Parameters]:
    """From init and data alone: parameters where the plateau ends; so, too, by permuted targets."""
    given = start.given
    model, weights, plan = start.model, start.weights, start.plan
    ahead = any_model.forecast(model, weights, given.X, given.Y, plan)
    Y_wrong = shuffled(given.Y, target, given.seeds)
    until = ahead["step"].numpy()
    return ahead, any_model.forecast(model, weights, given.X, Y_wrong, plan, until)


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """Train all runs of a condition, and forecast them; the arrays of its run file."""
    start = begin(target, options, data)
    history = run(start, f"{target}/{name}")
    return recorded(history, *forecasts(start, target))


def recorded(
    history: any_model.History, ahead: Parameters | None = None, wrong: Parameters | None = None
) -> Arrays:
    """Arrays of a run file; initial weights are drawn again by those who need them."""
    parts = {"drop": history.drop, "end": history.end, "ahead": ahead or {}, "wrong": wrong or {}}
    tensors = {
        f"{part}/{name}": value for part, own in parts.items() for name, value in own.items()
    }
    if history.total is not None:
        tensors["total"] = history.total
    return {
        "loss": history.loss,
        "drop_step": history.drop_step,
        **{name: value.numpy(force=True) for name, value in tensors.items()},
    }


def recall(start: Start, arrays: Mapping[str, Array]) -> Trained:
    """Runs as they were when :func:`recorded` kept them."""
    drop, end, ahead, wrong = (stored(arrays, part) for part in ("drop", "end", "ahead", "wrong"))
    total = torch.as_tensor(arrays["total"]) if "total" in arrays else None
    history = any_model.History(
        arrays["loss"], arrays["drop_step"], start.weights, drop, end, total=total
    )
    return Trained(start, history, ahead, wrong)


def stored(arrays: Mapping[str, Array], path: str) -> Parameters:
    """The parameters that a run file holds below a path."""
    names = [name for name in arrays if name.startswith(f"{path}/")]
    return {name.removeprefix(f"{path}/"): torch.as_tensor(arrays[name]) for name in names}


def norm_products(model: deep.Network, stacked: Parameters, run: int) -> list[Array]:
    """Norm products (m,) of each hidden layer of one run."""
    parameters = any_model.one(stacked, run)
    return [weights_norm_product(parameters, u) for u in model.units]


def weights_norm_product(parameters: Parameters, units: Units) -> Array:
    """c_j of a layer from its weights alone; behind a normalisation, with its gain folded in."""
    A = parameters[f"{units.outgoing}.weight"].to(torch.float64)
    norm_a = A.transpose(0, 1).flatten(1).norm(dim=1)
    W = parameters[f"{units.incoming}.weight"].to(torch.float64).flatten(1)
    square = W.square().sum(dim=1)
    bias = parameters.get(f"{units.incoming}.bias")
    if bias is not None:
        square = square + bias.to(torch.float64).square()
    if units.normalisation is not None:  # |w| does not enter the function, the gain does
        square = parameters[f"{units.normalisation}.weight"].to(torch.float64).square()
    return (norm_a * square.sqrt()).numpy()
