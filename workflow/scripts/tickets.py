"""Retrain tickets and exchanged starts."""

import sys
from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.studies import tickets
from neuron_race.training import runs

script.prepare_engine()


def work(job) -> None:
    """Tables of all conditions that a claim reads tickets of."""
    experiment = job.params.experiment
    arrays = storage.read_arrays(job.input.forecasts)
    parts = []
    for name in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        own = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith(f"{name}.")}
        print(f"tickets of {experiment}/{name}", file=sys.stderr)
        tables = tickets.tables(runs.load(path), own, experiment)
        parts.append({key: table.assign(condition=name) for key, table in tables.items()})
    for key in ("runs", "tickets"):
        storage.write_table(getattr(job.output, key), pd.concat([part[key] for part in parts]))


script.run(snakemake, work)
