"""What merging saves on networks as people train them, against pruning and smaller networks.

    python benchmarks/own_network.py FOLDER_OF_MNIST lenet --seeds 3 --out results/own/lenet.csv

Each network is trained and merged at several cosines. The sizes that come out are given to the
others, too: pruning by norm product, Torch-Pruning by magnitude, and a network of that size trained
from the start. Each is tested as it is, and after one more epoch of training; the network trained
from the start gets that epoch, too. The folder holds MNIST's four IDX files.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch_pruning
from torch import nn
from torch.nn import functional as F

import neuron_race
from neuron_race.data.loaders import mnist

Tensor = torch.Tensor
Data = tuple[Tensor, Tensor]
BATCH = 128
SEEN = 2000  # training images that merging looks at


def perceptron(widths: Sequence[int], outputs: int = 10, scale: float = 1.0) -> nn.Module:
    """784 inputs and these hidden layers; PyTorch's default init times ``scale``."""
    sizes, layers = [784, *widths], [nn.Flatten()]  # type: list[int], list[nn.Module]
    for a, b in zip(sizes[:-1], widths, strict=True):
        layers += [nn.Linear(a, b), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    return model


def filters(widths: Sequence[int]) -> nn.Module:
    """Two layers of filters with pooling and one of linear units."""
    a, b, c = widths
    return nn.Sequential(
        *(nn.Conv2d(1, a, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(a, b, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(25 * b, c), nn.ReLU(), nn.Linear(c, 10)),
    )


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), 1e-3)


def descent(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), 0.05)


@dataclass(frozen=True)
class Case:
    """A network and how it is trained, on these digits among the first ``images``."""

    build: Callable[[Sequence[int]], nn.Module]
    widths: tuple[int, ...]
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    epochs: int
    images: int
    cosines: tuple[float, ...]
    digits: tuple[int, ...] = tuple(range(10))


CASES = {
    "lenet": Case(perceptron, (300, 100), adam, 3, 10_000, (0.99, 0.3, 0.2)),
    "cnn": Case(filters, (16, 32, 64), adam, 3, 5_000, (0.99, 0.2)),
    "wide": Case(
        lambda widths: perceptron(widths, outputs=2, scale=1e-3),
        (500,),
        descent,
        40,
        10_000,
        (0.99, 0.9),
        (3, 8),
    ),
}


def train(model: nn.Module, case: Case, data: Data, epochs: int, seed: int) -> nn.Module:
    """Train in place with an optimizer of its own."""
    generator = torch.Generator().manual_seed(seed)
    optimizer, (X, Y) = case.optimizer(model), data
    model.train()
    for _ in range(epochs):
        for index in torch.randperm(len(X), generator=generator).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(X[index]), Y[index]).backward()
            optimizer.step()
    return model


def measure(model: nn.Module, data: Data) -> dict[str, float]:
    """Test loss and accuracy, parameters, and CPU milliseconds for a thousand images, a median."""
    X, Y = data
    times = []
    with torch.no_grad():
        model.eval()
        outputs = model(X)
        for _ in range(9):
            began = time.process_time()
            model(X[:1000])
            times.append(1000 * (time.process_time() - began))
    return {
        "loss": float(F.cross_entropy(outputs, Y)),
        "accuracy": float((outputs.argmax(dim=1) == Y).float().mean()),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "milliseconds": statistics.median(times),
    }


def by_magnitude(model: nn.Module, widths: Mapping[str, int], example: Tensor) -> nn.Module:
    """Torch-Pruning's grouped magnitudes, to the same widths."""
    model = neuron_race.prune(model, example, 1.0)[0]  # a copy
    layers = {model.get_submodule(name): kept for name, kept in widths.items()}
    ratios = {
        layer: 1 - (kept + 0.5) / len(layer.weight)  # type: ignore[arg-type]
        for layer, kept in layers.items()
        if kept < len(layer.weight)  # type: ignore[arg-type]
    }
    ignored = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    torch_pruning.pruner.MagnitudePruner(
        model,
        example,
        importance=torch_pruning.importance.MagnitudeImportance(p=2),
        pruning_ratio=0.0,
        pruning_ratio_dict=ratios,
        ignored_layers=[m for m in ignored if m not in ratios],
    ).step()
    assert all(len(layer.weight) == kept for layer, kept in layers.items())  # type: ignore[arg-type]
    return model


def rows_of(name: str, case: Case, seed: int, data: Data, test: Data) -> list[dict[str, Any]]:
    """All measurements of one trained network."""
    torch.manual_seed(seed)
    full = train(case.build(case.widths), case, data, case.epochs, seed)
    seen = data[0][:SEEN]
    start = {"network": name, "seed": seed, "cosine": 1.0, "method": "full", "retrained": False}
    rows = [{**start, "widths": "-".join(map(str, case.widths)), **measure(full, test)}]
    for cosine in case.cosines:
        began = time.process_time()
        merged, report = neuron_race.merge(full, seen, cosine)
        took = time.process_time() - began
        print(f"{name}, seed {seed}: {report.first_line()}", flush=True)
        widths = report.widths
        torch.manual_seed(seed + 1000)
        methods = {
            "merged": merged,
            "pruned": neuron_race.prune(full, seen, widths)[0],
            "Torch-Pruning": by_magnitude(full, widths, seen[:2]),
            "from the start": train(case.build([*widths.values()]), case, data, case.epochs, seed),
        }
        for method, model in methods.items():
            own = {**start, "cosine": cosine, "method": method}
            own |= {"widths": "-".join(map(str, widths.values()))}
            if method == "merged":
                own |= {"change": report.relative_change, "bound": float(report.bound.max())}
                own |= {"seconds": took, "largest_change": float(report.change.max())}
            rows.append({**own, **measure(model, test)})
            again = train(model, case, data, 1, seed + 1)
            rows.append({**own, "retrained": True, **measure(again, test)})
    return rows


def main() -> None:
    """Train, measure, and write a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = mnist.read(options.mnist)
    case = CASES[options.case]

    def tensors(pixels: Any, labels: Any) -> Data:
        chosen = np.isin(labels, case.digits)
        X = torch.tensor(pixels[chosen], dtype=torch.float32).reshape(-1, 1, 28, 28) / 255
        return (X - 0.1307) / 0.3081, torch.tensor(np.searchsorted(case.digits, labels[chosen]))

    data = tensors(images.train_images[: case.images], images.train_labels[: case.images])
    test = tensors(images.test_images, images.test_labels)
    rows = []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first, options.first + options.seeds):
        rows += rows_of(options.case, case, seed, data, test)
        pd.DataFrame(rows).to_csv(options.out, index=False)  # what is done is kept


if __name__ == "__main__":
    main()
