"""Measure the runs of an experiment: dynamics or compression, as tidy tables."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import importlib

import pandas as pd
from neuron_race import runs, storage


def work(job) -> None:
    """Tables of all conditions, with a column that names the condition."""
    measure = importlib.import_module(f"neuron_race.{job.params.measure}")
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


script.run(snakemake, work)  # noqa: F821
