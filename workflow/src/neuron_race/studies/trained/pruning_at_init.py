"""Tickets of neurons before training: the forecast against magnitude, SNIP, GraSP, SynFlow, chance.

Scores of single weights are those of their papers (Lee et al. 2019, Wang et al. 2020, Tanaka et
al. 2020); a neuron's score is their sum over its incoming and outgoing weights. All tickets of all
runs are trained from their own init as one stack.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call, grad

from neuron_race.common.seeds import stream
from neuron_race.measures import layers
from neuron_race.measures.layers import Parameters
from neuron_race.models import clusters, deep, smaller
from neuron_race.models.losses import mean_loss
from neuron_race.models.units import Units
from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Arrays, Data
from neuron_race.training import any_model

Array = NDArray[Any]
Tensor = torch.Tensor
ROUNDS = 20  # of SynFlow's pruning
COSINE = 0.99  # between pulls of one lane


def magnitude(parameters: Parameters) -> Parameters:
    """|theta|."""
    return {name: value.abs() for name, value in parameters.items()}


def snip(model: nn.Module, parameters: Parameters, X: Tensor, Y: Tensor, loss: str) -> Parameters:
    """Connection sensitivity |theta dL/dtheta| (Lee, Ajanthan, Torr 2019), not normalised."""
    slopes = grad(_loss(model, X, Y, loss))(parameters)
    return {name: (parameters[name] * slopes[name]).abs() for name in parameters}


def grasp(model: nn.Module, parameters: Parameters, X: Tensor, Y: Tensor, loss: str) -> Parameters:
    """theta (H g) (Wang, Zhang, Grosse 2020), at temperature 1.

    Removing a weight changes the squared gradient norm by -2 theta (H g) to first order; weights
    whose removal would lower it most are kept, so this is the paper's score with its sign changed.
    """
    slope = grad(_loss(model, X, Y, loss))

    def half_flow(weights: Parameters) -> Tensor:
        return 0.5 * sum(
            (value.square().sum() for value in slope(weights).values()), torch.zeros(())
        )

    product = grad(half_flow)(parameters)  # H g
    return {name: parameters[name] * product[name] for name in parameters}


def synflow(model: nn.Module, parameters: Parameters, X: Tensor) -> Parameters:
    """theta dR/dtheta with R = 1^T prod |theta| 1 (Tanaka et al. 2020), one round, no data.

    ReLUs pass the positive signals of absolute weights unchanged; of ``X`` only the shape counts.
    """
    absolute = magnitude(parameters)
    slopes = grad(lambda weights: functional_call(model, weights, (torch.ones_like(X[:1]),)).sum())(
        absolute
    )
    return {name: absolute[name] * slopes[name] for name in parameters}


def _loss(model: nn.Module, X: Tensor, Y: Tensor, loss: str) -> Callable[[Parameters], Tensor]:
    return lambda weights: mean_loss(functional_call(model, weights, (X,))[None], Y[None], loss)[0]


def by_neuron(scores: Parameters, units: list[Units]) -> list[Array]:
    """Sum of the scores of each unit's incoming and outgoing weights, layer by layer, each (m,)."""
    return [
        (scores[f"{u.incoming}.weight"].sum(dim=1) + scores[f"{u.outgoing}.weight"].sum(dim=0))
        .double()
        .numpy()
        for u in units
    ]


def keep(scores: list[Array], kept: float, stratified: bool) -> list[NDArray[np.bool_]]:
    """Masks that keep a fraction of all hidden units, over all layers at once or in each.

    At least one unit of each layer stays, or no signal would pass.
    """
    if stratified:
        return [smaller.keep_largest(s, smaller.number_kept(kept, len(s))) for s in scores]
    sizes = [len(s) for s in scores]
    total = max(len(scores), round(kept * sum(sizes)))
    raised = [s.astype(float).copy() for s in scores]
    for s in raised:
        s[np.argmax(s)] = np.inf
    mask = smaller.keep_largest(np.concatenate(raised), total)
    return list(np.split(mask, np.cumsum(sizes)[:-1]))


def one_per_lane(scores: list[Array], lanes: list[Array]) -> list[Array]:
    """Scores that take the best unit of every lane first, then the second best of every lane, ...

    Args:
        scores: of each layer (m,), positive.
        lanes: of each layer, the lane of each unit (m,); -1, in none, comes last.
    """
    largest = max(float(s.max()) for s in scores)
    result = []
    for own, lane in zip(scores, lanes, strict=True):
        ahead = (lane[:, None] == lane) & (own[None, :] > own[:, None])
        rank = np.where(lane < 0, len(own), ahead.sum(axis=1))
        result.append(own / (2 * largest) - rank)
    return result


def silence(parameters: Parameters, units: list[Units], masks: list[Array]) -> Parameters:
    """Weights with all incoming and outgoing weights of the units that go set to zero.

    Their gradients are zero from then on: such units never come back.
    """
    result = {name: value.clone() for name, value in parameters.items()}
    for u, mask in zip(units, masks, strict=True):
        gone = torch.as_tensor(~mask)
        result[f"{u.incoming}.weight"][gone] = 0.0
        result[f"{u.outgoing}.weight"][:, gone] = 0.0
    return result


def narrow(
    parameters: Parameters, units: list[Units], masks: list[Array], width: int
) -> Parameters:
    """The network of the units kept, at a common width: too narrow layers keep silent units."""
    result = silence(parameters, units, masks)
    for u, mask in zip(units, masks, strict=True):
        chosen = torch.as_tensor(np.argsort(~mask, kind="stable")[:width])
        result[f"{u.incoming}.weight"] = result[f"{u.incoming}.weight"][chosen]
        result[f"{u.outgoing}.weight"] = result[f"{u.outgoing}.weight"][:, chosen]
    return result


def synflow_masks(
    model: deep.Network, parameters: Parameters, X: Tensor, kept: float, stratified: bool
) -> list[Array]:
    """SynFlow's rounds: prune to kept^(r / rounds), score what is left, and again."""
    own, masks = parameters, [np.ones(0, dtype=bool)]
    for step in range(1, ROUNDS + 1):
        scores = by_neuron(synflow(model, own, X), model.units)
        masks = keep(scores, kept ** (step / ROUNDS), stratified)
        own = silence(own, model.units, masks)
    return masks


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """Choose and train all tickets of a condition; the arrays of its run file.

    Of each percentage of neurons kept, 100 included, and each arm, for S tickets:
    ``<percent>/<arm>/loss`` (S, T + 1), ``drop_step`` (S,), ``outputs`` (S, N_test, k) on the test
    split, and ``whole`` (S,), whether nothing was pruned. ``no_score/<arm>`` (S,): whether the arm
    had no finite scores, so that its choice says nothing.
    """
    start = networks.begin(target, options, data)
    choices, no_score = choose(start, target, options)
    arrays: Arrays = {f"no_score/{arm}": np.array(own) for arm, own in no_score.items()}
    for percent, arms in choices.items():
        for arm, own in _trained(start, options, arms, f"{target}/{name}").items():
            own["whole"] &= percent < 100
            arrays |= {f"{percent}/{arm}/{key}": value for key, value in own.items()}
    return arrays


Choices = dict[int, dict[str, list[list[Array]]]]  # percent -> arm -> of each run, masks by layer


def choose(
    start: networks.Start, target: str, options: Mapping[str, Any]
) -> tuple[Choices, dict[str, list[bool]]]:
    """Which neurons each arm keeps of each run, and of each arm the runs without finite scores."""
    model, given = start.model, start.given
    ahead, wrong = networks.forecasts(start, target)
    everything = [np.ones(options["width"], dtype=bool)] * len(model.units)
    choices: Choices = {100: {"full": [everything] * len(given.seeds)}}
    choices |= {percent: {} for percent in options["percents"]}
    no_score: dict[str, list[bool]] = {}
    for run, seed in enumerate(given.seeds):
        rng = stream(target, seed, "random tickets")
        scores = _scores(start, run, ahead, wrong, rng)
        for arm, own in scores.items():
            finite = all(np.isfinite(s).all() for s in own)
            no_score.setdefault(arm, []).append(not finite)
        weights, X = any_model.one(start.weights, run), given.X[run]
        for percent in options["percents"]:
            for stratified in (False, True) if len(model.units) > 1 else (False,):
                suffix = "_layers" if stratified else ""
                chosen = {a: keep(s, percent / 100, stratified) for a, s in scores.items()}
                chosen["synflow"] = synflow_masks(model, weights, X, percent / 100, stratified)
                for arm, masks in chosen.items():
                    choices[percent].setdefault(arm + suffix, []).append(masks)
    return choices, no_score


def _scores(
    start: networks.Start,
    run: int,
    ahead: Parameters,
    wrong: Parameters,
    rng: np.random.Generator,
) -> dict[str, list[Array]]:
    """Scores of the neurons of one run, layer by layer, for each arm but SynFlow."""
    model, given = start.model, start.given
    own, X, Y = any_model.one(start.weights, run), given.X[run], given.Y[run]
    scores = {
        "forecast": networks.norm_products(model, ahead, run),
        "shuffled": networks.norm_products(model, wrong, run),
        "magnitude": by_neuron(magnitude(own), model.units),
        "snip": by_neuron(snip(model, own, X, Y, given.loss), model.units),
        "grasp": by_neuron(grasp(model, own, X, Y, given.loss), model.units),
        "random": [rng.random(len(s)) for s in networks.norm_products(model, start.weights, run)],
    }
    scores["losers"] = [-s for s in scores["forecast"]]
    scores["lanes"] = scores["forecast"]  # undefined where the forecast is
    if all(np.isfinite(s).all() for s in scores["forecast"]):
        there = any_model.one(ahead, run)
        weights = {key: value for key, value in there.items() if key != "step"}
        seen = layers.observe(model, weights, X, Y, given.loss, model.units)
        # One lane, one pull; at this init the weights themselves are still on their way there.
        pulls = [clusters.find(u.velocity[0], u.A, COSINE, u.active) for u in seen]
        scores["lanes"] = one_per_lane(scores["forecast"], pulls)
    return scores


def _trained(
    start: networks.Start,
    options: Mapping[str, Any],
    arms: dict[str, list[list[Array]]],
    label: str,
) -> dict[str, Arrays]:
    """Train the tickets of all arms and runs as one stack; what is kept of each arm."""
    given, units = start.given, start.model.units
    kept_units = [masks for own in arms.values() for masks in own]
    width = max(int(layer.sum()) for kept in kept_units for layer in kept)
    which = np.tile(np.arange(len(given.seeds)), len(arms))
    tickets = [
        narrow(any_model.one(start.weights, run), units, kept, width)
        for run, kept in zip(which.tolist(), kept_units, strict=True)
    ]
    small = deep.build({**options, "width": width}, given.X.shape[2], given.Y.shape[2])
    stacked = {key: torch.stack([t[key] for t in tickets]) for key in start.weights}
    X, Y = given.X[which], given.Y[which]
    history = any_model.train(small, stacked, X, Y, start.plan, label=label)
    F = any_model.outputs(small, history.end, given.X_test[which])
    found = {
        "loss": history.loss,
        "drop_step": history.drop_step,
        "outputs": F.numpy(force=True),
        "whole": np.array([all(layer.all() for layer in kept) for kept in kept_units]),
    }
    split = {key: np.split(value, len(arms)) for key, value in found.items()}
    return {arm: {key: own[i] for key, own in split.items()} for i, arm in enumerate(arms)}
