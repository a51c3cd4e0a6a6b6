"""Closed form, numerical flow and trained network on common axes, as tidy tables."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.theory import checks


def work(job) -> None:
    """One table per comparison, and one of all errors."""
    for name, table in checks.tables(job.params.seed).items():
        storage.write_table(getattr(job.output, name), table)


script.run(snakemake, work)
