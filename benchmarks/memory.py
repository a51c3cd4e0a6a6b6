"""Peak memory and disk of the paper's setting with 30 seeds and 200 snapshots.

    python benchmarks/memory.py --out results/engine/memory.csv

N = 200, d = 3072, width 300, a Gaussian task in place of the images (of the same rank); all is
measured in the job, and weights are kept at the events. A child process trains and writes one file.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import pandas as pd
import torch

from neuron_race.training import conditions, runs

# So many planned snapshots, for the early ones of a logarithmic grid fall on the same steps.
SEEDS, SNAPSHOTS, STEPS = 30, 400, 600


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    condition = {
        "width": 300,
        "head": "gaussian",
        "alpha": 1e-4,
        "loss": "squared",
        "learning_rate": 0.25,
        "max_steps": STEPS,
        "snapshots": SNAPSHOTS,
        "seeds": list(range(SEEDS)),
        "device": "cpu",
    }
    rng = np.random.default_rng(np.random.SeedSequence(0))
    data = {}
    for suffix, n in (("", 200), ("_test", 400)):
        X = rng.standard_normal((SEEDS, n, 3072)) / np.sqrt(3072)
        X -= X.mean(axis=1, keepdims=True)
        data |= {f"X{suffix}": X, f"Y{suffix}": rng.choice([-1.0, 1.0], size=(SEEDS, n, 1))}
    began = time.process_time()
    start = conditions.begin("memory", condition, data)
    reduced = time.process_time() - began
    result = conditions.run(start, condition)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.npz"
        runs.save(path, start, result, {"parameters": {"options": condition}})
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
    row = {
        "seeds": SEEDS,
        "snapshots": len(result.step),
        "rank": start.rank,
        "engine": result.engine,
        "peak_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "disk_MB": disk / 1e6,
        "reduction_s": reduced,
        "total_s": time.process_time() - began,
    }
    print(pd.DataFrame([row]).to_string(index=False))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row]).to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
