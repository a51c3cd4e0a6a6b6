"""Compare predictions with runs: all laws, or the delays of tickets, which are trained for it."""

import sys
from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.measures import laws
from neuron_race.studies import delays
from neuron_race.training import runs

script.prepare_engine()


def work(job) -> None:
    """One table of all conditions asked for."""
    predicted = storage.read_json(job.input.predictions)["conditions"]
    compare = {"laws": laws.table, "delays": delays.table}[job.params.table]
    parts = []
    for name in job.params.conditions:
        print(f"{job.params.table} of {job.wildcards.experiment}/{name}", file=sys.stderr)
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        parts.append(compare(runs.load(path), predicted[name]).assign(condition=name))
    storage.write_table(job.output.runs, pd.concat(parts))


script.run(snakemake, work)
