"""Tell in which share of the universes each claim holds."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import multiverse


def work(job) -> None:
    """One line per statistic."""
    tables = [storage.read_table(path) for path in (job.input.claims, job.input.decisions)]
    print("\n" + "\n".join(multiverse.sentences(*tables)), flush=True)


script.run(snakemake, work)
