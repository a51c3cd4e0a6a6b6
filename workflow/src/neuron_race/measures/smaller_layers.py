"""Merging and pruning of one layer of hidden units inside any PyTorch model."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.measures.layers import Array, Labels, Layer, Parameters, Tensor
from neuron_race.models import smaller


def _write(layer: Layer, W: Array | None, A: Array, parameters: Mapping[str, Tensor]) -> Parameters:
    """The parameters that change when a layer's weights do, in the model's own shapes."""
    changed: Parameters = {}
    old = parameters[f"{layer.units.outgoing}.weight"]
    new = torch.as_tensor(A, dtype=old.dtype)
    if old.ndim == 4:
        new = new.unflatten(1, (old.shape[0], *old.shape[2:])).flip(-2, -1).transpose(0, 1)
    else:
        new = new.T
    changed[f"{layer.units.outgoing}.weight"] = new.contiguous()
    if W is not None:
        name = f"{layer.units.incoming}.weight"
        own = torch.as_tensor(W, dtype=old.dtype)
        if f"{layer.units.incoming}.bias" in parameters:
            changed[f"{layer.units.incoming}.bias"] = own[:, -1].contiguous()
            own = own[:, :-1]
        changed[name] = own.reshape(parameters[name].shape)
    return changed


def merge(layer: Layer, labels: Labels, parameters: Mapping[str, Tensor]) -> Parameters:
    """Merge each cluster into one unit (E7), exact for units that differ by a positive factor.

    The merged units take the first places and the rest become zero, so that shapes stay.

    Returns:
        The changed parameters, to be laid over those of the run.

    Raises:
        ValueError: behind a normalisation, whose statistics a merge would change.
    """
    if layer.units.normalisation is not None:
        raise ValueError("units behind a normalisation can't be merged: fold it into them first")
    W, A = np.zeros_like(layer.W), np.zeros_like(layer.A)
    merged_W, merged_A = smaller.merge(layer.W, layer.A, labels)
    W[: len(merged_W)], A[: len(merged_A)] = merged_W, merged_A
    return _write(layer, W, A, parameters)


def prune(layer: Layer, kept: NDArray[np.bool_], parameters: Mapping[str, Tensor]) -> Parameters:
    """Silence all units but those kept (m,): their outgoing weights become zero."""
    return _write(layer, None, layer.A * kept[:, None], parameters)
