"""Collect per-run values of a claim's criteria."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import collect


def work(job) -> None:
    """Read each table once."""
    tables = {path: storage.read_table(path) for path in job.input.tables}

    def read(table: str, runs: str):
        experiment, condition = runs.split("/")
        whole = tables[f"results/{table}/{experiment}/runs.csv"]
        return whole[whole["condition"] == condition]

    def task(runs: str, seed: int):
        return job.params.tasks.get(runs, {}).get(seed)

    values = collect.collect(job.params.criteria, read, task)
    storage.write_table(job.output[0], values)


script.run(snakemake, work)
