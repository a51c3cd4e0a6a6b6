"""Data sets small enough to be trained on in a page."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import live


def work(job) -> None:
    """All tasks in one file."""
    storage.write_json(job.output[0], live.data())


script.run(snakemake, work)
