"""How the cost of a step grows with seeds, width, samples and dimension, eightfold each.

    python benchmarks/growth.py --out results/engine/growth.csv

From a base of S = 4, N = 200, d = 50, m = 100, one size at a time is doubled three times; the
exponent is the slope of log(cost) over log(size), once over all sizes and once over the last
doubling, beyond the region where fixed costs per step show. CPU seconds, one thread.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from contenders import CONTENDERS, problem

BASE = {"S": 4, "N": 200, "d": 50, "m": 100, "k": 1}
NAMES = {"S": "seeds", "m": "width", "N": "samples", "d": "dimension"}
FACTORS = (1, 2, 4, 8)


def cost(sizes: dict[str, int], contender: str, rounds: int) -> float:
    """CPU seconds of a step, the median over the rounds."""
    p = problem(*(sizes[name] for name in "SNdmk"), "float64")
    run = CONTENDERS[contender](p)
    steps = max(3, round(1e9 / p.work))
    run(steps)()
    times = []
    for _ in range(rounds):
        train = run(steps)
        began = time.process_time()
        train()
        times.append((time.process_time() - began) / steps)
    return float(np.median(times))


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for contender in ("engine", "torch by hand"):
        for size, name in NAMES.items():
            costs = [
                cost({**BASE, size: factor * BASE[size]}, contender, options.rounds)
                for factor in FACTORS
            ]
            slope = np.polyfit(np.log(FACTORS), np.log(costs), 1)[0]
            last = np.log(costs[-1] / costs[-2]) / np.log(2)
            rows += [
                {
                    "contender": contender,
                    "quantity": name,
                    "size": factor * BASE[size],
                    "seconds_per_step": seconds,
                    "exponent": slope,
                    "exponent_of_last_doubling": last,
                }
                for factor, seconds in zip(FACTORS, costs, strict=True)
            ]
            print(pd.DataFrame(rows[-len(FACTORS) :]).to_string(index=False), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
