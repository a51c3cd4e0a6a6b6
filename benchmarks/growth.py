"""How the cost grows with each size, eightfold each.

    python benchmarks/growth.py --out results/engine/growth.csv

One size at a time is doubled three times; the exponent is the slope of log(cost) over log(size),
once over all sizes and once over the last doubling, beyond the region where fixed costs show. CPU
seconds, one thread. Of a step: seeds, width, samples and dimension by two engines, from a base of
S = 4, N = 200, d = 50, m = 100; hidden layers, 1 to 8 of width 64, for 20 runs. Of a shard of the
multiverse (digits, width 100, 200 steps), trained and measured: universes from 4 of two tasks, and
tasks of each of two universes, from 2.
"""

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from contenders import CONTENDERS, problem
from threadpoolctl import threadpool_limits

from neuron_race.models import deep
from neuron_race.settings import multiverse, reading
from neuron_race.studies import multiverse as asked
from neuron_race.studies.trained import multiverse as trained
from neuron_race.training import any_model

BASE = {"S": 4, "N": 200, "d": 50, "m": 100, "k": 1}
NAMES = {"S": "seeds", "m": "width", "N": "samples", "d": "dimension"}
FACTORS = (1, 2, 4, 8)
STEPS = 200
CONFIG = Path(__file__).parents[1] / "config/config.yaml"


def seconds(prepare: Callable[[], Callable[[], Any]], rounds: int) -> float:
    """CPU seconds of what is prepared anew each time, the median over the rounds."""
    prepare()()
    times = []
    for _ in range(rounds):
        run = prepare()
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return float(np.median(times))


def step(sizes: dict[str, int], contender: str, rounds: int) -> float:
    """Of a step of networks with one hidden layer."""
    p = problem(*(sizes[name] for name in "SNdmk"), "float64")
    run, steps = CONTENDERS[contender](p), max(3, round(1e9 / p.work))
    return seconds(lambda: run(steps), rounds) / steps


def layered(depth: int, rounds: int) -> float:
    """Of a step of 20 perceptrons with so many hidden layers."""
    S, N, d, m = 20, 200, 64, 64
    model, rng = deep.Perceptron(d, 1, m, depth), np.random.default_rng(0)
    X, Y = (torch.as_tensor(rng.standard_normal((S, N, k)), dtype=torch.float32) for k in (d, 1))
    start = deep.initial(model, "growth", range(S), 1.0, torch.float32)
    plan = any_model.Plan(learning_rate=1e-3, max_steps=STEPS)
    return seconds(lambda: lambda: any_model.train(model, start, X, Y, plan), rounds) / STEPS


def shard(count: int, tasks: int, rounds: int) -> float:
    """Of a shard of universes that differ in nothing but their tasks and seeds."""
    section = reading.read_yaml(CONFIG)["multiverse"]
    decisions = {
        name: {**decision, "options": decision["options"][:1]}
        for name, decision in section["decisions"].items()
    }
    sizes = {"universes": count, "tasks": tasks, "max_steps": STEPS}
    universes = list(multiverse.Universes({**section, **sizes, "decisions": decisions}, "cpu"))

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            asked.table(universes, trained.train(universes, {}, Path(folder), ""), {})

    return seconds(lambda: work, rounds)


def series(rounds: int) -> Iterator[tuple[str, str, list[int], list[float]]]:
    """What is computed, the quantity that grows, its sizes, and their costs."""
    for contender in ("engine", "torch by hand"):
        for size, name in NAMES.items():
            sizes = [factor * BASE[size] for factor in FACTORS]
            yield (
                contender,
                name,
                sizes,
                [step({**BASE, size: n}, contender, rounds) for n in sizes],
            )
    yield "perceptron", "layers", [*FACTORS], [layered(n, rounds) for n in FACTORS]
    universes, tasks = ([base * factor for factor in FACTORS] for base in (4, 2))
    yield "shard", "universes", universes, [shard(n, 2, rounds) for n in universes]
    yield "shard", "tasks", tasks, [shard(2, n, rounds) for n in tasks]


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    tables = []
    for contender, quantity, sizes, costs in series(options.rounds):
        logs = np.log(sizes), np.log(costs)
        slopes = {
            "exponent": np.polyfit(*logs, 1)[0],
            "exponent_of_last_doubling": float(np.diff(logs[1])[-1] / np.log(2)),
        }
        own = {"contender": contender, "quantity": quantity, "size": sizes, "seconds": costs}
        tables.append(pd.DataFrame({**own, **slopes}))
        print(tables[-1].to_string(index=False), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
