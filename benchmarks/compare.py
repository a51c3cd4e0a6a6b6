"""The engine against its peers on several shapes: GFLOP/s, ratios, share of the matmul peak.

    python benchmarks/compare.py --threads 2 --out results/engine/compare_2.csv

Contenders take turns; each number is the median over the rounds. Before anything is timed, all must
have trained to the same weights. On a machine that does other things too, measure one thread by
`--clock cpu`.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

# S networks, N samples, d inputs, m neurons, k outputs.
SHAPES = [
    (32, 128, 20, 64, 1),
    (8, 512, 20, 400, 1),
    (8, 1797, 64, 400, 10),
    (4, 4096, 784, 512, 10),
    (10, 200, 3072, 300, 1),
]
# Largest difference of weights after five steps, relative to the largest weight.
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}


def asked() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gflop", type=float, default=12.0, help="work of one timed run")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--shape", type=int, nargs="*", default=range(len(SHAPES)))
    return parser.parse_args()


def timed(
    runs: Mapping[str, Callable[[], Callable[[], Any]]], a: Any, options: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds of each contender and of the product ``a @ a``, by turns, a number per round."""
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    times: dict[str, list[float]] = {name: [] for name in (*runs, "matmul")}
    for _ in range(options.rounds):
        for name, run in runs.items():
            train = run()
            began = clock()
            train()
            times[name].append(clock() - began)
        for _ in range(2):
            began = clock()
            a @ a
            seconds = clock() - began
        times["matmul"].append(seconds)
    return times


def main() -> None:
    """Measure, print, and write the table."""
    options = asked()
    # Every library sees just so many processors, and none is given more threads than that.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

    import numpy as np
    import pandas as pd
    import torch
    from contenders import CONTENDERS, problem

    torch.set_num_threads(options.threads)
    rows = []
    for precision, tolerance in TOLERANCE.items():
        a = torch.randn(2048, 2048, dtype=getattr(torch, precision))
        for shape in (SHAPES[i] for i in options.shape):
            p = problem(*shape, precision)
            steps = max(3, round(options.gflop * 1e9 / p.work))
            runs = {name: make(p) for name, make in CONTENDERS.items()}
            reference = runs["torch autograd"](5)()
            for name, run in runs.items():
                for ours, theirs in zip(run(5)(), reference, strict=True):
                    difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
                    assert difference <= tolerance, (name, shape, precision, difference)
                run(steps)()  # compiles, warms up
            times = timed({name: partial(run, steps) for name, run in runs.items()}, a, options)
            peak = 2 * 2048**3 / np.min(times["matmul"]) / 1e9
            for name in runs:
                seconds = float(np.median(times[name]))
                rows.append(
                    {
                        **dict(zip("SNdmk", shape, strict=True)),
                        "precision": precision,
                        "threads": options.threads,
                        "clock": options.clock,
                        "contender": name,
                        "steps": steps,
                        "seconds": seconds,
                        "gflops": p.work * steps / seconds / 1e9,
                        "speedup_of_engine": seconds / np.median(times["engine"]),
                        "matmul_gflops": peak,
                        "share_of_matmul": p.work * steps / seconds / 1e9 / peak,
                    }
                )
            print(pd.DataFrame(rows[-len(runs) :]).to_string(index=False), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
