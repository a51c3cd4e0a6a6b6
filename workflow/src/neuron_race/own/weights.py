"""Weights of a chain as the equations see them, and back into the model's own shapes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from neuron_race.models.units import as_rows, doubles, listening
from neuron_race.own.chains import Chain, UnreadableError

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Tensor = torch.Tensor
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
PER_UNIT = ("weight", "bias", "running_mean", "running_var")


def single(value: Tensor) -> NDArray[np.float32]:
    """A copy as float32 of NumPy."""
    return value.detach().to("cpu", torch.float32, copy=True).numpy()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; each submodule gets its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def parts(model: nn.Module, chain: Chain) -> tuple[Any, Any, Any]:
    """The map that makes the units, the one that reads them, a normalisation between or None."""
    units = chain.units
    norm = None if units.normalisation is None else model.get_submodule(units.normalisation)
    return model.get_submodule(units.incoming), model.get_submodule(units.outgoing), norm


def incoming(model: nn.Module, chain: Chain) -> Array:
    """Incoming weights (m, d) of units, the bias, if there is one, as the last column.

    A batch normalisation is folded in, as it is in evaluation.
    """
    into, _, norm = parts(model, chain)
    W = doubles(into.weight).reshape(len(into.weight), -1)
    b = None if into.bias is None else doubles(into.bias)
    if norm is not None:
        mean, variance = doubles(norm.running_mean), doubles(norm.running_var)
        factor = doubles(norm.weight) / np.sqrt(variance + norm.eps)
        b = doubles(norm.bias) + factor * ((0.0 if b is None else b) - mean)
        W = W * factor[:, None]
    return W if b is None else np.column_stack([W, b])


def outgoing(model: nn.Module, chain: Chain) -> Array:
    """Outgoing weights (m, k): k counts outputs times taps, or times positions if flattened."""
    return doubles(by_unit(model, chain))


def by_unit(model: nn.Module, chain: Chain) -> Tensor:
    """The same as a tensor of the model's type."""
    into, reader, _ = parts(model, chain)
    weight, m = reader.weight.detach(), len(into.weight)
    return weight.reshape(len(weight), m, -1).transpose(0, 1).reshape(m, -1)


def has_bias(model: nn.Module, chain: Chain) -> bool:
    """Whether units have a bias, be it that of a normalisation."""
    into, _, norm = parts(model, chain)
    return into.bias is not None or norm is not None


def narrow(model: nn.Module, chain: Chain, kept: Index) -> None:
    """Keep only some units of a layer, in this order: shapes of the model become smaller."""
    into, reader, norm = parts(model, chain)
    m, index = len(into.weight), torch.as_tensor(kept, device=into.weight.device)
    made = [into]
    if norm is not None:
        norm.num_features = len(kept)
        made.append(norm)
    for module in made:
        for name in PER_UNIT:
            value = getattr(module, name, None)
            if value is not None:
                _replace(module, name, value.detach()[index])
    weight = reader.weight.detach()
    by_unit = weight.reshape(len(weight), m, -1)[:, index]
    shape = (len(weight), len(kept), *weight.shape[2:]) if weight.ndim > 2 else (len(weight), -1)
    _replace(reader, "weight", by_unit.reshape(shape).contiguous())
    if isinstance(into, nn.Conv2d):
        into.out_channels = len(kept)
    else:
        into.out_features = len(kept)
    if isinstance(reader, nn.Conv2d):
        reader.in_channels = len(kept)
    else:
        reader.in_features = reader.weight.shape[1]


def _replace(module: nn.Module, name: str, value: Tensor) -> None:
    old = getattr(module, name)
    if isinstance(old, nn.Parameter):
        value = nn.Parameter(value, requires_grad=old.requires_grad)
    setattr(module, name, value)


def write(model: nn.Module, chain: Chain, rows: Index, W: Array, A: Array) -> None:
    """Give some units new weights.

    Args:
        rows: which units (r,).
        W, A: their weights (r, d) and (r, k), as :func:`incoming` and :func:`outgoing` give them.
            Behind a batch normalisation its statistics are left to :func:`restore_statistics`.
    """
    into, reader, norm = parts(model, chain)
    m, index = len(into.weight), torch.as_tensor(rows, device=into.weight.device)
    with torch.no_grad():
        own = torch.as_tensor(W).to(into.weight)
        if has_bias(model, chain):
            own, bias = own[:, :-1], own[:, -1]
            if norm is None:
                into.bias[index] = bias
            else:
                norm.running_mean[index], norm.running_var[index] = 0.0, 1.0 - norm.eps
                norm.weight[index], norm.bias[index] = 1.0, bias
                if into.bias is not None:
                    into.bias[index] = 0.0
        into.weight[index] = own.reshape(-1, *into.weight.shape[1:])
        k = len(reader.weight)
        by_unit = reader.weight.reshape(k, m, -1)  # a view: weights are contiguous
        by_unit[:, index] = (
            torch.as_tensor(A).to(into.weight).reshape(len(rows), k, -1).swapaxes(0, 1)
        )


def restore_statistics(
    model: nn.Module, chain: Chain, rows: Index, batches: Sequence[Tensor]
) -> None:
    """Give units that were written behind a batch normalisation statistics of their own.

    The function in evaluation stays the same, and training may go on from it.
    """
    into, _, norm = parts(model, chain)
    given = []
    index = torch.as_tensor(rows, device=norm.weight.device)
    name = str(chain.units.normalisation)
    with evaluating(model), listening(model, {name}) as heard:
        for X in batches:
            model(X)
            given.append(as_rows(into, heard[name][0])[:, index])
    variance, mean = torch.var_mean(torch.cat(given), dim=0, correction=0)
    with torch.no_grad():
        norm.running_mean[index], norm.running_var[index] = mean, variance
        norm.weight[index] = (variance + norm.eps).sqrt()
        norm.bias[index] += mean


def batches_of(data: object, model: nn.Module) -> list[Tensor]:
    """Inputs in batches, where the model's weights are and, if they are no integers, of their type.

    Args:
        data: a tensor or an array of inputs (N, ...), a ``Dataset``, or batches of inputs, such as
            a ``DataLoader``; of a batch that is a pair the first is taken.

    Raises:
        UnreadableError: there are none, or they are no numbers.
    """
    like = next(model.parameters())
    batches = []
    given: Any = data
    if isinstance(data, (Tensor, np.ndarray)):
        given = [data]
    elif isinstance(data, Dataset):
        given = DataLoader(data, 1024)
    elif not isinstance(data, Iterable):
        raise UnreadableError(f"data: a tensor or batches are needed, got {type(data).__name__}")
    for batch in given:
        X = batch[0] if isinstance(batch, (tuple, list)) else batch
        try:
            X = torch.as_tensor(X)
        except (TypeError, ValueError, RuntimeError) as error:
            raise UnreadableError(f"data: a batch is no tensor ({error})") from None
        X = X.to(like.device, like.dtype) if X.is_floating_point() else X.to(like.device)
        batches += X.split(1024)
    if not batches or not sum(map(len, batches)):
        raise UnreadableError("data: no samples")
    return batches
