"""Small networks of users, in every shape that can be read; a seed draws weights and data."""

import random
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from neuron_race.models.units import Units

Tensor = torch.Tensor


class Perceptron(nn.Module):
    """Hidden layers of these widths, with dropout; one of them functional."""

    def __init__(self, widths: list[int], bias: bool = True, slope: float = 0.0):
        super().__init__()
        sizes = [5, *widths]
        pairs = pairwise(sizes)
        self.hidden = nn.ModuleList(nn.Linear(a, b, bias=bias) for a, b in pairs)
        self.drop, self.head, self.slope = nn.Dropout(0.5), nn.Linear(sizes[-1], 3), slope

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), self.slope) if self.slope else F.relu(layer(x))
        return self.head(self.drop(x))


def filters(norm: bool, pool: str, bias: bool = True) -> nn.Sequential:
    """Two layers of filters, the first pooled, then a linear layer that reads all positions."""
    pools: dict[str, nn.Module] = {
        "max": nn.MaxPool2d(2),
        "mean": nn.AvgPool2d(2),
        "none": nn.Identity(),
    }
    side = 3 if pool == "none" else 1
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, bias=bias),
        nn.BatchNorm2d(8) if norm else nn.Identity(),
        nn.ReLU(inplace=True),
        pools[pool],
        nn.Conv2d(8, 6, 3, stride=2, padding=0, bias=bias),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * side**2, 7),
        nn.LeakyReLU(0.2),
        nn.Linear(7, 3),
    )


def drawn(seed: int) -> tuple[nn.Sequential, Tensor]:
    """One to three layers of filters, up to two linear ones, and inputs (20, ...)."""
    rng = random.Random(seed)
    X = torch.randn(20, rng.randint(1, 3), *(rng.choice([7, 9, 10]) for _ in range(2)))
    layers: list[nn.Module] = []
    for _ in range(rng.randint(1, 3)):
        channels, *sides = nn.Sequential(*layers)(X).shape[1:]
        if min(sides) < 7:  # what windows, strides and pooling take
            break
        size, dilation = rng.choice([1, 2, 3]), rng.choice([1, 2])
        stride = rng.choice([1, 2])
        padding = rng.choice([0, 1, "same"] if stride == 1 and size % 2 else [0, 1])
        how = {"stride": stride, "padding": padding, "dilation": dilation}
        layers.append(nn.Conv2d(channels, rng.randint(2, 8), size, bias=rng.random() < 0.7, **how))
        layers += [nn.BatchNorm2d(layers[-1].out_channels)] if rng.random() < 0.4 else []  # type: ignore[list-item]
        layers.append(rng.choice([nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.1)]))
        layers += rng.choice(
            [
                *([], [nn.Dropout2d(0.2)], [nn.MaxPool2d(2)], [nn.MaxPool2d(3, 1, 1)]),
                *([nn.AvgPool2d(3, 2, 1)], [nn.AvgPool2d(2, 1)], [nn.AdaptiveAvgPool2d(1)]),
            ]
        )
    layers.append(nn.Flatten())
    for _ in range(rng.randint(0, 2)):
        inputs, units = nn.Sequential(*layers)(X).shape[1], rng.randint(2, 10)
        layers += [nn.Linear(inputs, units), rng.choice([nn.ReLU(), nn.LeakyReLU(0.3)])]
    layers.append(nn.Linear(nn.Sequential(*layers)(X).shape[1], 3))
    return nn.Sequential(*layers), X


def images(n: int = 40) -> Tensor:
    """Inputs of :func:`filters`, (n, 2, 7, 7): odd, so that strides leave something out."""
    return torch.randn(n, 2, 7, 7)


class Tokens(nn.Module):
    """A residual block on tokens: a layer normalisation before, another behind the map."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.up, self.down = nn.LayerNorm(4), nn.Linear(4, 6), nn.Linear(6, 4)
        self.inner, self.norm, self.out = nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.down(F.relu(self.up(self.before(x))))
        x = x + self.out(F.relu(self.norm(self.inner(x))))
        return self.head(x).mean(dim=1)


def by_channel() -> nn.Sequential:
    """Linear maps of the last of four dimensions."""
    return nn.Sequential(*(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)))


def stir(model: nn.Module) -> None:
    """Give normalisations statistics and gains that are not those of the init."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
                module.weight.uniform_(0.5, 2.0)
                module.bias.normal_(std=0.3)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.3)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]


def double(model: Any, names: tuple[str, str], unit: int, twin: int, factor: float) -> None:
    """Make a unit of an unnormalised layer the equivalent of another, ``factor`` times as large."""
    into, reader = (model.get_submodule(name) for name in names)
    with torch.no_grad():
        into.weight[twin] = factor * into.weight[unit]
        into.bias[twin] = factor * into.bias[unit]
        by_unit = reader.weight.view(len(reader.weight), len(into.weight), -1)
        by_unit[:, twin] = 1.7 * by_unit[:, unit]


def reorder(model: nn.Module, units: Units, order: list[int]) -> None:
    """Put the units of a layer into another order, in place."""
    with torch.no_grad():
        for name in filter(None, (units.incoming, units.normalisation)):
            module = model.get_submodule(name)
            for own in (*module.parameters(), *module.buffers()):
                if own.ndim:  # all but the number of batches that a normalisation has seen
                    own.copy_(own[order])
        weight = model.get_submodule(units.outgoing).weight
        by_unit = weight.view(len(weight), len(order), -1)  # type: ignore[operator]
        by_unit.copy_(by_unit[:, order].clone())
