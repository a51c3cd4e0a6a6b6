"""Measure the runs of a target beyond one hidden layer."""

import importlib
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.training import runs

script.prepare_torch()


def work(job) -> None:
    """The study's module gets the runs and data of all conditions."""
    conditions = job.params.conditions
    study = importlib.import_module(f"neuron_race.studies.{job.params.study}")
    data = {
        options["dataset"]: runs.read_dataset(
            f"results/datasets/{options['dataset']}.npz", options["seeds"]
        )
        for options in conditions.values()
    }
    arrays = {
        Path(path).stem: storage.read_arrays(Path(path))
        for path in job.input.runs
        if path.endswith(".npz")
    }
    for name, table in study.tables(job.params.target, conditions, data, arrays).items():
        storage.write_table(Path(getattr(job.output, name)), table)


script.run(snakemake, work)
