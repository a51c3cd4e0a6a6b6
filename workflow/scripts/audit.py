"""Audit of forecasts: what they may not see, and what they must."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import pandas as pd
import torch
from neuron_race import forecast, runs, storage

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def work(job) -> None:
    """One row per run and condition."""
    parts = []
    for name in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        table = forecast.audit(runs.load(path), job.params.experiment)
        parts.append(table.assign(condition=name))
    storage.write_table(job.output.runs, pd.concat(parts))


script.run(snakemake, work)  # noqa: F821
