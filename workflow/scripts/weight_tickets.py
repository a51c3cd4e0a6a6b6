"""Tickets of single weights by iterative magnitude pruning."""

import sys

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.studies import weight_tickets
from neuron_race.training import runs

script.prepare_torch()


def work(job) -> None:
    """Tables of all tasks of a protocol."""
    parts = []
    for name, task in job.params.tasks.items():
        seeds = list(task["seeds"])
        data = runs.read_dataset(f"results/datasets/{task['dataset']}.npz", seeds)
        tables = weight_tickets.run(
            job.params.protocol,
            seeds,
            *(data[key] for key in runs.DATASET_ARRAYS),
            weight_tickets.Protocol(),
            lambda line: print(line, file=sys.stderr, flush=True),
            task["device"],
        )
        parts.append({key: table.assign(condition=name) for key, table in tables.items()})
    for key in ("runs", "curves"):
        storage.write_table(getattr(job.output, key), pd.concat([part[key] for part in parts]))


script.run(snakemake, work)
