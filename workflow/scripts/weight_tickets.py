"""Tickets of single weights by iterative magnitude pruning."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import pandas as pd
from neuron_race import lenet, runs, storage

script.prepare_torch()


def work(job) -> None:
    """Tables of all tasks of a protocol."""
    parts = []
    for name, task in job.params.tasks.items():
        seeds = list(task["seeds"])
        data = runs.read_dataset(f"results/datasets/{task['dataset']}.npz", seeds)
        tables = lenet.run(
            job.params.protocol,
            seeds,
            *(data[key] for key in runs.DATASET_ARRAYS),
            lenet.Protocol(),
            lambda line: print(line, file=sys.stderr, flush=True),
            task["device"],
        )
        parts.append({key: table.assign(condition=name) for key, table in tables.items()})
    for key in ("runs", "curves"):
        storage.write_table(getattr(job.output, key), pd.concat([part[key] for part in parts]))


script.run(snakemake, work)  # noqa: F821
