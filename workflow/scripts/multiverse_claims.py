"""In which share of the universes each claim holds, and which decisions matter."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import multiverse


def work(job) -> None:
    """Runs in; universes, claims and decisions out."""
    decisions, criteria = job.params.decisions, job.params.criteria
    found = multiverse.universes(storage.read_table(job.input.runs), decisions, criteria)
    storage.write_table(job.output.universes, found)
    storage.write_table(job.output.claims, multiverse.claims(found, criteria))
    storage.write_table(job.output.decisions, multiverse.options(found, decisions, criteria))


script.run(snakemake, work)
