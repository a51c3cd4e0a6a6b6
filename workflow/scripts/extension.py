"""Train and measure a target beyond one hidden layer."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import importlib

from neuron_race import runs, storage

script.prepare_torch()


def work(job) -> None:
    """The study's module gets all conditions and the data sets that they use."""
    conditions = job.params.conditions
    (study,) = {options["study"] for options in conditions.values()}
    data = {
        options["dataset"]: runs.read_dataset(
            f"results/datasets/{options['dataset']}.npz", options["seeds"]
        )
        for options in conditions.values()
    }
    module = importlib.import_module(f"neuron_race.extensions.{study}")
    for name, table in module.tables(job.params.target, conditions, data).items():
        storage.write_table(getattr(job.output, name), table)


script.run(snakemake, work)  # noqa: F821
