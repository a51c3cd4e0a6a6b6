"""Where hidden units sit in a PyTorch model, and what they take and give there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class Units:
    """Where a layer of hidden units sits in a model, by names of submodules.

    Attributes:
        incoming: ``nn.Linear`` or ``nn.Conv2d`` whose outputs are the preactivations.
        outgoing: ``nn.Linear`` or ``nn.Conv2d`` (stride 1) that reads the units. A linear map after
            filters is taken to read their mean over positions.
        normalisation: ``nn.BatchNorm2d`` between incoming map and ReLU, if there is one.
    """

    incoming: str
    outgoing: str
    normalisation: str | None = None


@contextmanager
def listening(model: nn.Module, names: set[str]) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
    """Inputs and outputs of submodules during forward passes; no hook is left behind."""
    heard: dict[str, tuple[Tensor, Tensor]] = {}

    def hook(name: str) -> Any:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            heard[name] = (inputs[0], output)

        return keep

    with ExitStack() as hooks:
        for name in names:
            hooks.enter_context(model.get_submodule(name).register_forward_hook(hook(name)))
        yield heard


def as_rows(into: nn.Module, values: Tensor) -> Tensor:
    """Samples and positions as rows (n, m), of what a map or a normalisation behind it gives.

    Args:
        into: the map.
        values: (N, m, height, width) of a convolution, (N, ..., m) of a linear map.
    """
    return (values.movedim(1, -1) if isinstance(into, nn.Conv2d) else values).flatten(0, -2)


def doubles(value: Tensor) -> NDArray[np.float64]:
    """A tensor as float64 of NumPy."""
    return value.detach().cpu().double().numpy()  # not at once: some devices have no float64
