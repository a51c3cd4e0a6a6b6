"""Train and measure a target beyond one hidden layer."""

import importlib
import shutil
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.training import checkpoints, runs

script.prepare_torch()


def work(job) -> None:
    """The study's module gets all conditions and the data sets that they use.

    What its trainings have done is kept until the job is done, under the name of all that made it.
    """
    conditions = job.params.conditions
    (study,) = {options["study"] for options in conditions.values()}
    data = {
        options["dataset"]: runs.read_dataset(
            f"results/datasets/{options['dataset']}.npz", options["seeds"]
        )
        for options in conditions.values()
    }
    parameters = {"target": job.params.target, "conditions": conditions}
    sidecar = storage.provenance(job.input.data, parameters, job.params.made_of["code"])
    folder = Path("results/checkpoints/extension") / job.params.target
    module = importlib.import_module(f"neuron_race.studies.{study}")
    with checkpoints.kept_in(runs.checkpoint(folder, sidecar).with_suffix("")):
        tables = module.tables(job.params.target, conditions, data)
    for name, table in tables.items():
        storage.write_table(getattr(job.output, name), table)
    shutil.rmtree(folder, ignore_errors=True)


script.run(snakemake, work)
