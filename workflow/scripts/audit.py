"""Audit of forecasts: what they may not see, and what they must."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import pandas as pd
from neuron_race import forecast, leftovers, runs, storage

script.prepare_torch()


def work(job) -> None:
    """One row per run and condition."""
    parts = []
    forecasts = storage.read_arrays(job.input.forecasts)
    for name in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        with leftovers.scratch() as folder:
            spoilt = folder / Path(path).name
            storage.write_arrays(spoilt, forecast.noise(storage.read_arrays(path)))
            shutil.copy(Path(path).with_suffix(".json"), folder)
            noisy = runs.load(spoilt)
        stored = forecasts[f"{name}.norm_product"]
        table = forecast.audit(runs.load(path), noisy, stored, job.params.experiment)
        parts.append(table.assign(condition=name))
    storage.write_table(job.output.runs, pd.concat(parts))


script.run(snakemake, work)  # noqa: F821
