"""Networks with several layers of hidden units, as plain modules, and their initial weights.

Every model lists its hidden layers in ``units``, in the order of the forward pass, as
:mod:`neuron_race.measures.layers` takes them. Inputs are flat, (N, d), as in the data sets; models
that need
images or tokens reshape them themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from neuron_race.common.seeds import stream
from neuron_race.models.stacked import Operations
from neuron_race.models.units import Units

Tensor = torch.Tensor


class Network(nn.Module):
    """A model that names its layers of hidden units.

    One that also lists its ``operations`` trains many times as fast, in compiled code; for others
    PyTorch works out what to do.
    """

    units: list[Units]
    operations: Callable[[Operations], object] | None = None


class Perceptron(Network):
    """``depth`` hidden layers of ReLU neurons without biases; depth 1 is the paper's network."""

    def __init__(self, dim: int, outputs: int, width: int, depth: int):
        super().__init__()
        sizes = [dim] + [width] * depth
        self.hidden = nn.ModuleList(
            nn.Linear(fan_in, fan_out, bias=False) for fan_in, fan_out in pairwise(sizes)
        )
        self.head = nn.Linear(width, outputs, bias=False)
        names = [f"hidden.{layer}" for layer in range(depth)] + ["head"]
        self.units = [Units(a, b) for a, b in pairwise(names)]

    def forward(self, X: Tensor) -> Tensor:
        """Outputs (N, k)."""
        for layer in self.hidden:
            X = torch.relu(layer(X))
        return self.head(X)

    def operations(self, to: Operations) -> None:
        """List what the forward pass does."""
        x = to.inputs
        for layer in range(len(self.hidden)):
            x = to.relu(to.linear(x, f"hidden.{layer}.weight"))
        to.linear(x, "head.weight")


class Residual(Network):
    """Blocks x + scale A relu(W x), or without the skip path scale A relu(W x); a linear head.

    The scale multiplies the branch in the forward pass: 1, or 1/sqrt(depth).
    """

    def __init__(
        self, dim: int, outputs: int, width: int, depth: int, skip: bool = True, scale: float = 1.0
    ):
        super().__init__()
        self.incoming = nn.ModuleList(nn.Linear(dim, width, bias=False) for _ in range(depth))
        self.outgoing = nn.ModuleList(nn.Linear(width, dim, bias=False) for _ in range(depth))
        self.head = nn.Linear(dim, outputs, bias=False)
        self.skip, self.scale = skip, scale
        self.units = [Units(f"incoming.{b}", f"outgoing.{b}") for b in range(depth)]

    def forward(self, X: Tensor) -> Tensor:
        """Outputs (N, k)."""
        for incoming, outgoing in zip(self.incoming, self.outgoing, strict=True):
            branch = self.scale * outgoing(torch.relu(incoming(X)))
            X = X + branch if self.skip else branch
        return self.head(X)

    def operations(self, to: Operations) -> None:
        """List what the forward pass does."""
        x = to.inputs
        for block in range(len(self.incoming)):
            h = to.relu(to.linear(x, f"incoming.{block}.weight"))
            onto = x if self.skip else None
            x = to.linear(h, f"outgoing.{block}.weight", self.scale, onto)
        to.linear(x, "head.weight")


class Convolution(Network):
    """Two layers of 3 x 3 filters (stride 2, then 1), global average pooling, a linear head.

    With ``batch_norm`` each convolution is followed by the normalisation of its channels over the
    batch; statistics are those of the batch at hand, also at test time.
    """

    def __init__(self, dim: int, outputs: int, width: int, channels: int, batch_norm: bool):
        super().__init__()
        side = round((dim / channels) ** 0.5)
        if channels * side * side != dim:
            raise ValueError(f"{dim} inputs are no square image of {channels} channels")
        self.shape = (channels, side, side)
        self.first = nn.Conv2d(channels, width // 2, 3, stride=2, padding=1, bias=False)
        self.second = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.head = nn.Linear(width, outputs, bias=False)
        norms = ("first_norm", "second_norm") if batch_norm else (None, None)
        for name, size in zip(norms, (width // 2, width), strict=True):
            if name is not None:
                self.add_module(name, nn.BatchNorm2d(size, track_running_stats=False))
        self.norms = norms
        self.units = [Units("first", "second", norms[0]), Units("second", "head", norms[1])]

    def forward(self, X: Tensor) -> Tensor:
        """Outputs (N, k)."""
        image = X.unflatten(-1, self.shape)
        for convolution, norm in zip((self.first, self.second), self.norms, strict=True):
            image = convolution(image)
            image = torch.relu(image if norm is None else self.get_submodule(norm)(image))
        return self.head(image.mean(dim=(-2, -1)))

    def operations(self, to: Operations) -> None:
        """List what the forward pass does."""
        x = to.images(self.shape)
        for layer, stride, norm in zip(("first", "second"), (2, 1), self.norms, strict=True):
            x = to.filters(x, f"{layer}.weight", stride)
            x = to.relu(x if norm is None else to.batch_norm(x, f"{norm}.weight", f"{norm}.bias"))
        to.linear(to.mean(x), "head.weight")


class Transformer(Network):
    """One block, attention then MLP, over rows of an image as tokens; mean pooling, linear head.

    The embedding of tokens and positions is trained too. ``layer_norm`` normalises the inputs of
    attention and MLP (without gains). Without ``skip`` the MLP has no path around it.
    """

    def __init__(
        self,
        dim: int,
        outputs: int,
        width: int,
        tokens: int,
        embedding: int,
        heads: int,
        layer_norm: bool,
        skip: bool,
    ):
        super().__init__()
        if dim % tokens or embedding % heads:
            raise ValueError(f"{dim} inputs, {tokens} tokens; {embedding} features, {heads} heads")
        self.tokens, self.heads, self.layer_norm, self.skip = tokens, heads, layer_norm, skip
        self.embed = nn.Linear(dim // tokens, embedding, bias=False)
        self.position = nn.Parameter(torch.zeros(tokens, embedding))
        self.query, self.key, self.value, self.mix = (
            nn.Linear(embedding, embedding, bias=False) for _ in range(4)
        )
        self.incoming = nn.Linear(embedding, width, bias=False)
        self.outgoing = nn.Linear(width, embedding, bias=False)
        self.head = nn.Linear(embedding, outputs, bias=False)
        self.units = [Units("incoming", "outgoing")]

    def _normal(self, x: Tensor) -> Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:]) if self.layer_norm else x

    def forward(self, X: Tensor) -> Tensor:
        """Outputs (N, k)."""
        x = self.embed(X.unflatten(-1, (self.tokens, -1))) + self.position
        z = self._normal(x)
        query, key, value = (
            layer(z).unflatten(-1, (self.heads, -1)).transpose(-2, -3)
            for layer in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, dim=-1)
        x = x + self.mix((weights @ value).transpose(-2, -3).flatten(-2))
        branch = self.outgoing(torch.relu(self.incoming(self._normal(x))))
        x = x + branch if self.skip else branch
        return self.head(x.mean(dim=-2))

    def operations(self, to: Operations) -> None:
        """List what the forward pass does."""
        x = to.shift(to.linear(to.tokens(self.tokens), "embed.weight"), "position")
        z = to.layer_norm(x) if self.layer_norm else x
        query, key, value = (to.linear(z, f"{name}.weight") for name in ("query", "key", "value"))
        x = to.linear(to.attend(query, key, value, self.heads), "mix.weight", onto=x)
        z = to.layer_norm(x) if self.layer_norm else x
        h = to.relu(to.linear(z, "incoming.weight"))
        x = to.linear(h, "outgoing.weight", onto=x if self.skip else None)
        to.linear(to.mean(x), "head.weight")


def initial(
    model: nn.Module,
    name: str,
    seeds: Sequence[int],
    gain: float | Mapping[str, float],
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Initial weights of many runs, stacked: entries N(0, gain²/fan-in); gains of norms stay 1.

    The base draw depends on experiment, seed and parameter alone: conditions are paired.

    Args:
        model: names and shapes of the parameters.
        name: experiment, names the random streams.
        seeds: init seeds (S,).
        gain: one scale for all weights, or scales by the first part of a parameter's name.
        dtype: of the result.

    Returns:
        Parameters by name, each with a leading axis of runs.
    """
    result = {}
    for parameter, value in model.named_parameters():
        part = parameter.split(".")[0]
        scale = gain.get(part, gain["others"]) if isinstance(gain, Mapping) else gain
        if value.ndim == 1:  # gain and offset of a normalisation
            drawn = np.stack([value.detach().numpy() for _ in seeds])
        else:
            fan_in = 1 if parameter == "position" else value[0].numel()
            drawn = np.stack(
                [
                    scale
                    * stream(name, seed, f"init {parameter}").standard_normal(value.shape)
                    / np.sqrt(fan_in)
                    for seed in seeds
                ]
            )
        result[parameter] = torch.as_tensor(drawn, dtype=dtype)
    return result


def build(options: Mapping[str, Any], dim: int, outputs: int) -> Network:
    """The model of a condition.

    Raises:
        ValueError: unknown model, or sizes that do not fit the data.
    """
    width = options["width"]
    match options["model"]:
        case "perceptron":
            return Perceptron(dim, outputs, width, options["depth"])
        case "residual":
            scale = options["depth"] ** -0.5 if options["scaling"] == "inverse_sqrt" else 1.0
            return Residual(dim, outputs, width, options["depth"], options["skip"], scale)
        case "convolution":
            return Convolution(dim, outputs, width, options["channels"], options["batch_norm"])
        case "transformer":
            sizes = (options["tokens"], options["embedding"], options["heads"])
            return Transformer(dim, outputs, width, *sizes, options["layer_norm"], options["skip"])
    raise ValueError(f"model: unknown {options['model']!r}")
