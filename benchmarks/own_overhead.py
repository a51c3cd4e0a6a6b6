"""What watching a training loop costs: CPU time with and without, taken in turns.

    python benchmarks/own_overhead.py --every 50 --out results/own/overhead.csv

Random images of MNIST's size; LeNet-300-100, a wide layer, and a small convolutional network; one
thread. A round is ``every`` steps, of which one is read; medians over rounds.
"""

import argparse
import contextlib
import statistics
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

import neuron_race


def models() -> dict[str, nn.Module]:
    """Networks by name; all take (N, 1, 28, 28)."""
    return {
        "784-300-100-10": nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)),
        ),
        "784-1000-10": nn.Sequential(
            nn.Flatten(), nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10)
        ),
        "filters 16-32, batch norm": nn.Sequential(
            *(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(800, 64), nn.ReLU(), nn.Linear(64, 10)),
        ),
    }


def seconds(model: nn.Module, data: Any, steps: int, every: int | None) -> float:
    """CPU time of some steps of Adam, watched or not."""
    X, Y = data
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    watching: Any = contextlib.nullcontext()
    if every is not None:
        watching = neuron_race.watch(model, every=every)
    with watching:
        began = time.process_time()
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(X), Y).backward()
            optimizer.step()
        return time.process_time() - began


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    data = torch.randn(options.batch, 1, 28, 28), torch.randint(10, (options.batch,))
    rows = []
    for name, model in models().items():
        times: dict[int | None, list[float]] = {None: [], options.every: []}
        for _ in range(options.rounds):
            for every, taken in times.items():
                taken.append(seconds(model, data, options.every, every))
        alone, watched = (statistics.median(taken) for taken in times.values())
        rows.append(
            {
                "network": name,
                "milliseconds a step": 1000 * alone / options.every,
                "one reading in steps": (watched - alone) / alone * options.every,
                "overhead": watched / alone - 1,
            }
        )
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
