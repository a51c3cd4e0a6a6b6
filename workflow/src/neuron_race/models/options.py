"""What each model beyond the paper's must be told; torch, which is slow to import, is not needed.

The models themselves are in :mod:`neuron_race.models.deep`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Options = Mapping[str, Any]
# JSON schemas of the options of models.
SCHEMAS: dict[str, Any] = {
    "depth": {
        **{"type": "integer", "minimum": 1, "maximum": 20},
        "description": "Hidden layers or blocks.",
    },
    "skip": {"type": "boolean", "description": "A path around each block."},
    "scaling": {"enum": ["standard", "inverse_sqrt"], "description": "Scale of the branches."},
    "channels": {
        **{"type": "integer", "minimum": 1, "maximum": 1000},
        "description": "Channels of the images.",
    },
    "batch_norm": {"type": "boolean"},
    "tokens": {"type": "integer", "minimum": 1, "maximum": 10_000},
    "embedding": {"type": "integer", "minimum": 1, "maximum": 10_000},
    "heads": {
        **{"type": "integer", "minimum": 1, "maximum": 1000},
        "description": "Attention heads.",
    },
    "layer_norm": {"type": "boolean"},
}


@dataclass(frozen=True)
class Model:
    """What can be said of a model without building it.

    Attributes:
        keys: options that it needs, of ``SCHEMAS``.
        parts: parts whose weights have a gain of their own.
        faults: options and number of inputs (None if unknown) -> sizes that do not fit one another
            or the data, each beginning with the key. Some of the options may be missing.
    """

    keys: tuple[str, ...]
    parts: tuple[str, ...]
    faults: Callable[[Options, int | None], Iterator[str]] = lambda options, inputs: iter(())


def _convolution(options: Options, inputs: int | None) -> Iterator[str]:
    channels = options.get("channels")
    if inputs and channels and channels * math.isqrt(inputs // channels) ** 2 != inputs:
        yield f"channels: {inputs} inputs are no square image of {channels}"
    if channels and options.get("width", 2) < 2:
        yield "width: a convolution needs 2 filters, half of them in its first layer"


def _transformer(options: Options, inputs: int | None) -> Iterator[str]:
    embedding, heads, tokens = (options.get(key) for key in ("embedding", "heads", "tokens"))
    if embedding and heads and embedding % heads:
        yield f"heads: {heads} do not divide {embedding} features"
    if tokens and inputs and inputs % tokens:
        yield f"tokens: {tokens} do not divide {inputs} inputs"


MODELS = {
    "perceptron": Model(("depth",), ("head", "hidden")),
    "residual": Model(("depth", "skip", "scaling"), ("head", "incoming", "outgoing")),
    "convolution": Model(("channels", "batch_norm"), ("first", "head", "second"), _convolution),
    "transformer": Model(
        ("tokens", "embedding", "heads", "layer_norm", "skip"),
        (
            *("embed", "head", "incoming", "key", "mix", "outgoing"),
            *("position", "query", "value"),
        ),
        _transformer,
    ),
}
