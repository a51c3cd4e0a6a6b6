"""Audit of forecasts: what they may not see, and what they must."""

import shutil
from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import leftovers, storage
from neuron_race.theory import forecast
from neuron_race.training import runs

script.prepare_engine()


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


script.run(snakemake, work)
