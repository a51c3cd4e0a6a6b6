"""A user's weights, model and data, read without executing what was not named; one page on them."""

import importlib
import json
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jinja2 import FileSystemLoader
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from neuron_race.common import storage
from neuron_race.own import chains, smaller, weights
from neuron_race.own.chains import UnreadableError
from neuron_race.own.report import Report, told
from neuron_race.pages import page
from neuron_race.theory import laws

COSINES = (0.99, 0.95, 0.9)
SHARES = (0.5, 0.2)
LITTLE = 0.01  # relative change of the output that a user will hardly notice


@dataclass(frozen=True)
class Attempt:
    """One way to make the network smaller.

    Attributes:
        report: what it did.
        accuracy: part of the samples whose largest output is the label's; None without labels.
    """

    report: Report
    accuracy: float | None


def read_model(name: str) -> nn.Module:
    """What ``module:function`` returns; the module is looked for in the working folder, too.

    Raises:
        UnreadableError: no such function, or it fails, or returns no model.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise UnreadableError(f"--model {name}: module:function is needed, such as my_models:net")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        model = getattr(importlib.import_module(module), function)()
    except (Exception, SystemExit) as error:  # the user's own code
        raise UnreadableError(f"--model {name}: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise UnreadableError(f"--model {name}: returns {type(model).__name__}, no torch.nn.Module")
    return model


def read_weights(path: Path, model: nn.Module) -> None:
    """Put weights into a model: ``.safetensors``, or a file of ``torch.save`` with tensors only.

    Raises:
        UnreadableError: no such file, it holds more than tensors, or does not fit the model.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UnreadableError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        raise UnreadableError(
            f"{path}: holds more than tensors, and loading it would execute what it says; "
            "save model.state_dict() instead of the model"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, SafetensorError) as error:
        words = str(error) or type(error).__name__
        raise UnreadableError(f"{path}: not a readable file of weights ({words})") from error
    if not isinstance(state, Mapping) or not all(
        isinstance(v, torch.Tensor) for v in state.values()
    ):
        held = ", ".join(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
        raise UnreadableError(
            f"{path}: a mapping of names to tensors is needed, as state_dict() gives; it has {held}"
        )
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UnreadableError(f"{path} does not fit the model: {error}") from error


def read_data(path: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Inputs ``X (N, ...)`` and, if there are, labels ``y (N,)`` of an ``.npz``.

    Raises:
        UnreadableError: no such file, no array X, other shapes, or NaN among the numbers.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UnreadableError(f"{path}: no such file") from None
    except Exception as error:  # a damaged archive raises almost anything
        raise UnreadableError(f"{path}: not a readable .npz of numbers ({error})") from error
    X, y = arrays.get("X"), arrays.get("y")
    if X is None or X.ndim < 2 or not len(X):
        raise UnreadableError(f"{path}: an array X (samples, ...) is needed; it has {list(arrays)}")
    if X.dtype.kind not in "fiub":
        raise UnreadableError(f"{path}: X must be real numbers, got {X.dtype}")
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        raise UnreadableError(f"{path}: X holds NaN or infinity")
    if y is not None and (y.shape != (len(X),) or y.dtype.kind not in "iu"):
        raise UnreadableError(f"{path}: y must be {len(X)} whole numbers, one for each sample")
    X = X.astype(X.dtype.newbyteorder("="), copy=False)
    return torch.as_tensor(X), None if y is None else torch.as_tensor(y.astype(np.int64))


def attempts(
    model: nn.Module, X: torch.Tensor, y: torch.Tensor | None
) -> tuple[list[Attempt], list[Attempt]]:
    """Merged at :data:`COSINES`, and pruned to :data:`SHARES`."""

    def tried(make: Callable[..., tuple[nn.Module, Report]], value: float) -> Attempt:
        made, report = make(model, X, value)
        return Attempt(report, accuracy(made, X, y))

    merged = [tried(smaller.merge, cosine) for cosine in COSINES]
    return merged, [tried(smaller.prune, share) for share in SHARES]


def accuracy(model: nn.Module, X: torch.Tensor, y: torch.Tensor | None) -> float | None:
    """Part of the samples whose largest output is the label's; None where that means nothing.

    Raises:
        UnreadableError: labels that no output stands for.
    """
    if y is None:
        return None
    F = smaller.outputs(model, weights.batches_of(X, model))
    if F.ndim != 2 or F.shape[1] < 2:
        return None
    if y.min() < 0 or y.max() >= F.shape[1]:
        raise UnreadableError(
            f"labels y are {y.min()} to {y.max()}; the model's outputs stand for 0 to "
            f"{F.shape[1] - 1}"
        )
    return float((F.argmax(axis=1) == y.numpy()).mean())


def advice(merged: list[Attempt], pruned: list[Attempt]) -> list[str]:
    """The upshot, then what to do, in sentences."""
    first = merged[0].report
    gone = sum(layer.units - layer.kept for layer in first.layers)
    units, silent = (sum(getattr(own, key) for own in first.layers) for key in ("units", "silent"))
    if not first.layers:
        return [first.first_line()]
    same = max(0, gone - silent)
    if not gone:
        said = [
            f"There is nothing to merge: no two of the {units} units do the same, none is idle.",
            "Training from a smaller init, or for longer, is what lets units align; as it is, a "
            "smaller network has to be trained, or pruned and trained on.",
        ]
    elif not same:
        said = [
            f"There is nothing to merge: no two units do the same; {silent} of {units} never open "
            "on these data.",
            "Those can go, if the data show all that the network will meet.",
        ]
    else:
        said = [
            f"{same} of {units} units do what others do, and {silent} never open on these data.",
            f"Merge them by neuron_race.merge(model, data): {first.first_line()}",
            first.told_change(),
        ]
    best = [one.report for one in pruned if one.report.relative_change < LITTLE]
    if best:
        said.append(f"Pruning costs little here: {best[-1].first_line()}")
    else:
        said.append(
            f"Pruning is not free here: with half of the units the output moves by "
            f"{told(pruned[0].report.relative_change, '.0%')} of its size. Train on after it."
        )
    return said


def law(model: nn.Module, report: Report) -> list[tuple[str, float, float]]:
    """Share of the norm products that the largest fifth holds: measured, and by law L1.

    The law is of networks of one hidden layer of plain ReLU units and one output, trained from a
    small init; so only there, and for the two inits whose law needs no more than the sizes.

    Returns:
        Name of the init, predicted, measured; nothing where the law does not apply.
    """
    maps = [own for own in model.modules() if isinstance(own, chains.MAPS)]
    if len(report.layers) != 1 or len(maps) != 2:
        return []
    (layer,), (chain,) = report.layers, chains.find(model).chains
    into, reader, norm = weights.parts(model, chain)
    linear = isinstance(into, nn.Linear) and isinstance(reader, nn.Linear)
    if not linear or norm is not None or chain.slope or len(reader.weight) != 1:
        return []
    names = {"pytorch": "PyTorch's init, scaled down", "gaussian": "Gaussian init of both layers"}
    return [
        (name, laws.share_kept(0.2, head, layer.units, into.in_features), layer.held_by(0.2))
        for head, name in names.items()
    ]


def render(
    name: str, model: nn.Module, X: torch.Tensor, y: torch.Tensor | None, inputs: list[Path]
) -> tuple[list[str], str]:
    """Advice, and the page.

    Args:
        name: of the network, for the title.
        model, X, y: as read.
        inputs: files whose checksums the page's foot gives.
    """
    merged, pruned = attempts(model, X, y)
    said = advice(merged, pruned)
    made = storage.provenance(inputs, {"model": name}, {})
    template = page.TEMPLATES.overlay(loader=FileSystemLoader(Path(__file__).parent))
    text = template.get_template("network.html").render(
        name=name,
        told=told,
        style=page.asset("page.css"),
        said=said,
        samples=len(X),
        first=merged[0].report,
        attempts=[*merged, *pruned],
        before=accuracy(model, X, y),
        law=law(model, merged[0].report),
        provenance=json.dumps(made, indent=1, ensure_ascii=False),
    )
    return said, text
