"""Losses and gradients of models that list their operations, in compiled code (``passes.c``)."""

import ctypes
import functools
import sys
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from neuron_race.models.deep import Network
from neuron_race.models.stacked import Operations
from neuron_race.training import compiled_engine

Tensor = torch.Tensor
SOURCE = compiled_engine.SOURCE.with_name("passes.c")
CACHE = 1 << 20  # bytes that all arrays of a block of samples may take
NUMBERS = ("S", "N", "blocks", "vectors", "loss", "frozen", "learn", "arrays", "operations")
POINTERS = ("array", "operation", "scale", "size", "X", "Y", "weight", "slope", "losses", "F")


class _Problem(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in (*NUMBERS, "weights", "rows")),
        *((name, ctypes.c_void_p) for name in (*POINTERS, "space")),
    ]


@functools.cache
def library(precision: str) -> ctypes.CDLL:
    """The library, built if necessary.

    Raises:
        KernelUnavailable: see :func:`compiled_engine.build`.
    """
    lib = compiled_engine.loaded(precision, SOURCE)
    lib.passes_run.argtypes, lib.passes_run.restype = [ctypes.POINTER(_Problem)], ctypes.c_int
    lib.passes_lanes.argtypes, lib.passes_lanes.restype = [], ctypes.c_int64
    return lib


@functools.cache
def usable(device: torch.device | None = None) -> bool:
    """Whether the library can be had for a device; says so, once, if a CPU has no compiler."""
    if device is not None and device.type != "cpu":
        return False
    try:
        library("float64")
    except compiled_engine.KernelUnavailable as error:
        print(f"PyTorch's own gradients train, many times slower: {error}", file=sys.stderr)
        return False
    return True


def _addresses(stack: Iterable[Tensor]) -> NDArray[np.uintp]:
    return np.array([own.data_ptr() for own in stack], dtype=np.uintp)


class Passes:
    """A model with a loss, on samples of one shape.

    Args:
        model: one that lists its operations.
        weights: stacked parameters: their shapes, and their type, float32 or float64.
        X: inputs (S, N, d).
        Y: targets (S, N, k).
        loss: ``squared`` or ``logistic``.
        freeze_residual: the residual stays as at f = 0.

    Raises:
        KernelUnavailable: see :func:`compiled_engine.build`.
        ValueError: weights and inputs are of different types.
    """

    def __init__(
        self,
        model: Network,
        weights: Mapping[str, Tensor],
        X: Tensor,
        Y: Tensor,
        loss: str,
        freeze_residual: bool = False,
    ):
        if {w.dtype for w in weights.values()} != {X.dtype}:
            raise ValueError(f"inputs are {X.dtype}, and not all weights are")
        self._library = library(str(X.dtype).removeprefix("torch."))
        operations = Operations({n: tuple(w.shape[1:]) for n, w in weights.items()}, X.shape[2])
        assert model.operations is not None
        model.operations(operations)
        (S, N, _), k = X.shape, Y.shape[2]
        lanes = self._library.passes_lanes()
        vectors = -(-N // lanes)
        most = max(1, CACHE // (operations.rows * lanes * X.element_size()))
        blocks = 1 if operations.whole else -(-vectors // most)
        per_block = -(-vectors // blocks)
        blocks = -(-vectors // per_block)
        self._order = torch.as_tensor(operations.order)
        self._inputs = X.new_zeros(S, blocks, X.shape[2], per_block * lanes)
        self._seen: Tensor | None = None
        self._space = X.new_empty((operations.rows + 1) * per_block * lanes)
        self._F, self._losses = X.new_empty(Y.shape), X.new_empty(S, dtype=torch.float64)
        self._slopes = {name: w.new_empty(w.shape) for name, w in weights.items()}
        self._places = _addresses(self._slopes.values())
        self._parts = operations.packed()
        self._sizes = np.array([w[0].numel() for w in weights.values()])
        kind = compiled_engine.LOSSES["softmax" if loss == "logistic" and k > 1 else loss]
        self._problem = _Problem(
            *(S, N, blocks, per_block, kind, freeze_residual, 1),
            *(len(operations.arrays), len(operations.steps), len(weights), operations.rows),
            *(part.ctypes.data for part in (*self._parts, self._sizes)),
        )
        for name, own in (("X", self._inputs), ("losses", self._losses), ("F", self._F)):
            setattr(self._problem, name, own.data_ptr())
        self._problem.space = self._space.data_ptr()
        self._problem.slope = self._places.ctypes.data

    def run(
        self, weights: Mapping[str, Tensor], X: Tensor, Y: Tensor, learn: bool = True
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Losses (S,), outputs (S, N, k) and, to ``learn``, stacked gradients.

        All of them are overwritten by the next run.
        """
        if X is not self._seen:  # samples along the lanes, filled up with zeros
            for block, part in enumerate(X.mT.split(self._inputs.shape[3], dim=2)):
                self._inputs[:, block, :, : part.shape[2]] = part[:, self._order]
            self._seen = X
        kept = [w.contiguous() for w in weights.values()]
        targets = Y.to(X.dtype).contiguous()
        addresses, problem = _addresses(kept), self._problem
        problem.Y, problem.learn = targets.data_ptr(), learn
        problem.weight = addresses.ctypes.data
        if self._library.passes_run(ctypes.byref(problem)):
            raise MemoryError("gradients of a model")
        return self._losses, self._F, self._slopes
