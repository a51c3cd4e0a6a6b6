"""Measure the runs of an experiment: dynamics or compression, as tidy tables."""

import importlib
from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.training import runs


def work(job) -> None:
    """Tables of all conditions, with a column that names the condition."""
    measure = importlib.import_module(f"neuron_race.measures.{job.params.measure}")
    arrays = [path for path in job.input.runs if path.endswith(".npz")]
    parts = [
        {
            key: table.assign(condition=Path(path).stem)
            for key, table in measure.tables(runs.load(path)).items()
        }
        for path in arrays
    ]
    for key in parts[0]:
        storage.write_table(getattr(job.output, key), pd.concat([part[key] for part in parts]))


script.run(snakemake, work)
