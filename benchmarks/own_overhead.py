"""What watching a training loop costs: CPU time with and without, taken in turns.

    python benchmarks/own_overhead.py --every 100 --out results/own/overhead.csv

Random images; networks from one of thirty units to filters on colour images; one thread. A round is
``every`` steps without watching and as many with it, of which one is read: median, smallest and
largest ratio over rounds.
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

Shape = tuple[int, ...]


def stage(channels: int, filters: int) -> tuple[nn.Module, ...]:
    """Filters with batch normalisation and pooling."""
    convolution = nn.Conv2d(channels, filters, 3, padding=1)
    return convolution, nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)


def models() -> dict[str, tuple[nn.Module, Shape]]:
    """Networks by name, and the shape of a batch of theirs."""
    digits = 128, 1, 28, 28
    return {
        "784-30-10": (
            nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10)),
            (32, *digits[1:]),
        ),
        "784-300-100-10": (
            nn.Sequential(
                *(nn.Flatten(), nn.Linear(784, 300), nn.ReLU()),
                *(nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)),
            ),
            digits,
        ),
        "784-1000-10": (
            nn.Sequential(nn.Flatten(), nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10)),
            digits,
        ),
        "filters 16-32, 64 units": (
            nn.Sequential(
                *(*stage(1, 16), *stage(16, 32), nn.Flatten()),
                *(nn.Linear(1568, 64), nn.ReLU(), nn.Linear(64, 10)),
            ),
            digits,
        ),
        "filters 32-64-128, 256 units, colour": (
            nn.Sequential(
                *(*stage(3, 32), *stage(32, 64), *stage(64, 128), nn.Flatten()),
                *(nn.Dropout(), nn.Linear(2048, 256), nn.ReLU(), nn.Linear(256, 10)),
            ),
            (32, 3, 32, 32),
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
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rows = []
    for name, (model, shape) in models().items():
        data = torch.randn(shape), torch.randint(10, shape[:1])
        seconds(model, data, 3, 1)  # what only first steps cost
        alone, ratios = [], []
        for _ in range(options.rounds):
            alone.append(seconds(model, data, options.every, None))
            ratios.append(seconds(model, data, options.every, options.every) / alone[-1])
        rows.append(
            {
                "network": name,
                "milliseconds a step": 1000 * statistics.median(alone) / options.every,
                "one reading in steps": (statistics.median(ratios) - 1) * options.every,
                "overhead": statistics.median(ratios) - 1,
                "least": min(ratios) - 1,
                "most": max(ratios) - 1,
            }
        )
        print(rows[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
