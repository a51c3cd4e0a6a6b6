"""Put the tables of all shards of the multiverse together."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage


def work(job) -> None:
    """One row per task of a universe, in the order of universes."""
    storage.join_tables(Path(job.output[0]), map(Path, job.input))


script.run(snakemake, work)
