"""Compare forecasts with what happened."""

from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.measures import race
from neuron_race.training import runs


def work(job) -> None:
    """Tables of all forecast conditions."""
    arrays = storage.read_arrays(job.input.forecasts)
    neurons = storage.read_table(job.input.neurons)
    parts = []
    for name in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        own = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith(f"{name}.")}
        tables = race.tables(runs.load(path), neurons[neurons["condition"] == name], own)
        parts.append({key: table.assign(condition=name) for key, table in tables.items()})
    for key in ("runs", "neurons"):
        storage.write_table(getattr(job.output, key), pd.concat([part[key] for part in parts]))


script.run(snakemake, work)
