"""Smaller networks that do the same: equivalent units merged (E7), or weak ones removed (E8).

    smaller, report = neuron_race.merge(model, data)
    print(report)

The result is a copy of the model with fewer units in the same submodules: plain PyTorch.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neuron_race.models import clusters, norms
from neuron_race.models import smaller as rules
from neuron_race.models.units import as_rows, doubles
from neuron_race.own import bounds, chains, weights
from neuron_race.own.chains import Chain, UnreadableError
from neuron_race.own.report import LayerReport, Report

Array = NDArray[np.float64]
Tensor = torch.Tensor
# What is done to a layer: to the model in place; gives the reader's change per unit of reach.
Change = Callable[[nn.Module, Chain, "Seen"], tuple[LayerReport, float]]


class Seen:
    """What a layer does on the data, in evaluation.

    Attributes:
        open: (m,), whether a unit is ever open.
        reach: (N,), see :func:`neuron_race.own.bounds.reach`.
        batches: the data.
    """

    def __init__(self, model: nn.Module, chain: Chain, batches: list[Tensor]):
        self.batches = batches
        opened, reach = [], []
        made, _, norm = weights.parts(model, chain)

        def into(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            reach.append(bounds.reach(model, chain, inputs[0]))

        def before(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            opened.append(doubles((as_rows(made, output) > 0).any(dim=0)))

        taken = made.register_forward_hook(into)
        given = (norm or made).register_forward_hook(before)
        with taken, given, weights.evaluating(model):
            for X in batches:
                model(X)
        self.open: NDArray[np.bool_] = np.any(opened, axis=0)
        self.reach: Array = np.concatenate(reach)


def merge(
    model: nn.Module, data: Any, cosine: float = 0.99, drop_silent: bool = True
) -> tuple[nn.Module, Report]:
    """Merge units that do the same, in every layer that can be read. (E7)

    Units are a group where every two of their total weight vectors, incoming times outgoing, have
    at least the given cosine. A group becomes one unit; all others keep their weights to the bit,
    and so does the whole model where nothing is merged. Layers are taken from input to output.

    Args:
        model: any module that torch.fx can trace; it is left as it is.
        data: inputs, as for :func:`neuron_race.own.weights.batches_of`; bounds and changes are of
            these samples.
        cosine: in (0, 1]; the smaller, the more is merged.
        drop_silent: also take out units that are closed on all the data, and so add nothing to it.

    Returns:
        The smaller model, and a report to print: bound and change of each sample's output.

    Raises:
        UnreadableError: the model can't be traced, or data are not what it takes.
        ValueError: a cosine outside of (0, 1].
    """
    if not 0 < cosine <= 1:
        raise ValueError(f"cosine: more than 0 and at most 1 are possible, got {cosine}")
    change = partial(_merge_layer, cosine=cosine, drop_silent=drop_silent)
    return _change_layers(model, data, change, f"merged at cosine {cosine:g}")


def prune(
    model: nn.Module, data: Any, share: float | Mapping[str, int]
) -> tuple[nn.Module, Report]:
    """Keep the units of largest norm product |a_j| |w_j|, in every layer that can be read. (E8)

    Args:
        model, data: as for :func:`merge`.
        share: how much of each layer to keep, in (0, 1], and at least one unit; or numbers of units
            by the layers' names, others staying as they are.

    Returns:
        As :func:`merge`.

    Raises:
        UnreadableError: as :func:`merge`.
        ValueError: a share outside of (0, 1], or a layer that is not there or too small.
    """
    if not isinstance(share, Mapping) and not 0 < share <= 1:
        raise ValueError(f"share: more than 0 and at most 1 are possible, got {share}")
    change = partial(_prune_layer, share=share)
    wanted = set(share) if isinstance(share, Mapping) else set()
    smaller, report = _change_layers(model, data, change, "pruned by norm product")
    if unknown := wanted - {layer.name for layer in report.layers}:
        raise ValueError(
            f"share: {', '.join(sorted(unknown))} can't be pruned; "
            f"possible: {', '.join(layer.name for layer in report.layers) or 'no layer'}"
        )
    return smaller, report


def obstacle(model: nn.Module, chain: Chain) -> str | None:
    """Why units of a chain can be read, but not taken out; None if they can."""
    norm = weights.parts(model, chain)[2]
    if norm is None:
        return None
    if not isinstance(norm, weights.BATCH_NORMS):
        return f"{chain.units.normalisation} normalises over its units, so each depends on all"
    if norm.weight is None or norm.running_var is None:
        return f"{chain.units.normalisation} has no gain or no running statistics of its own"
    return None


def _change_layers(
    model: nn.Module, data: Any, change: Change, done: str
) -> tuple[nn.Module, Report]:
    """Change a copy of the model layer by layer, and compare it with the original."""
    model = chains.plain(model)
    found = chains.find(model)
    batches = weights.batches_of(data, model)
    before = outputs(model, batches)
    smaller = copy.deepcopy(model)
    layers, refused = [], dict(found.refused)
    bound = np.zeros(len(before))
    for chain in found.chains:
        if (reason := obstacle(model, chain)) is not None:
            refused[chain.name] = reason
            continue
        seen = Seen(smaller, chain, batches)
        stretch = bounds.stretch(smaller, chain.rest)
        layer, moved = change(smaller, chain, seen)
        layers.append(layer)
        if moved:
            bound += seen.reach * moved * stretch
    after = outputs(smaller, batches)
    return smaller, Report(
        done=done,
        layers=tuple(layers),
        refused=refused,
        bound=bound,
        change=np.linalg.norm((after - before).reshape(len(before), -1), axis=1),
        size=np.linalg.norm(before.reshape(len(before), -1), axis=1),
        parameters=(_count(model), _count(smaller)),
    )


def outputs(model: nn.Module, batches: list[Tensor]) -> Array:
    """Outputs in evaluation, (N, ...).

    Raises:
        UnreadableError: the data do not pass the model, or give no tensor of one row of finite
            numbers a sample.
    """
    found = []
    with weights.evaluating(model):
        for X in batches:
            try:
                F = model(X)
            except Exception as error:  # the user's own code
                raise UnreadableError(
                    f"data of shape {tuple(X.shape)} and type {X.dtype} do not pass the model: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not isinstance(F, Tensor) or F.ndim == 0 or len(F) != len(X):
                raise UnreadableError("the model's output is no tensor of one row a sample")
            found.append(doubles(F))
            if not np.isfinite(found[-1]).all():
                raise UnreadableError(
                    "the model's output is NaN or infinite: are its weights and the data finite?"
                )
    return np.concatenate(found)


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _merge_layer(
    model: nn.Module, chain: Chain, seen: Seen, cosine: float, drop_silent: bool
) -> tuple[LayerReport, float]:
    W, A = weights.incoming(model, chain), weights.outgoing(model, chain)
    among = seen.open if chain.slope == 0 else np.ones(len(W), dtype=bool)
    labels = clusters.find(W, A, cosine, among)
    silent = np.flatnonzero(labels < 0)
    groups = [np.flatnonzero(labels == g) for g in range(clusters.count(labels))]
    # Of a layer that is silent altogether one unit stays: PyTorch has no layers of none.
    stay = silent if not drop_silent else silent[:0] if groups else silent[:1]
    groups += [np.array([j]) for j in stay]
    groups.sort(key=lambda members: members[0])
    several = [i for i, members in enumerate(groups) if len(members) > 1]
    moved = 0.0
    if len(groups) < len(W):
        weights.narrow(model, chain, np.array([members[0] for members in groups]))
    if several:
        new = [_merged(W[groups[i]], A[groups[i]]) for i in several]
        for (w, a), i in zip(new, several, strict=True):
            moved += bounds.merged(chain, W[groups[i]], A[groups[i]], w, a)
        rows = np.array(several)
        weights.write(
            model, chain, rows, *(np.concatenate(part) for part in zip(*new, strict=True))
        )
        if chain.units.normalisation is not None:
            weights.restore_statistics(model, chain, rows, seen.batches)
    c = norms.norm_product(W, A)
    return LayerReport(chain.name, len(W), len(groups), len(several), len(silent), c), moved


def _merged(W: Array, A: Array) -> tuple[Array, Array]:
    """One unit (1, d), (1, k) for a group.

    Both sides are as large, compared with each other, as the group's, so that later training goes
    on at the pace of before: a unit grows by its pull times |w|^2 + |a|^2 (E4).
    """
    w, a = rules.merge(W, A, np.zeros(len(W), dtype=np.int64))
    length, balance = np.linalg.norm(w), np.linalg.norm(W) / np.linalg.norm(A)
    factor = np.sqrt(balance / length) if length > 0 else 1.0
    return w * factor, a / factor


def _prune_layer(
    model: nn.Module, chain: Chain, seen: Seen, share: float | Mapping[str, int]
) -> tuple[LayerReport, float]:
    c = norms.norm_product(weights.incoming(model, chain), weights.outgoing(model, chain))
    if isinstance(share, Mapping):
        number = share.get(chain.name, len(c))
        if not 1 <= number <= len(c):
            raise ValueError(f"share: {chain.name} has {len(c)} units, {number} can't be kept")
    else:
        number = rules.number_kept(share, len(c))
    kept = rules.keep_largest(c, number)
    if number < len(c):
        weights.narrow(model, chain, np.flatnonzero(kept))
    return LayerReport(chain.name, len(c), number, 0, 0, c), float(c[~kept].sum())
