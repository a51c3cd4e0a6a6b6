"""Ask the networks of all universes what the claims are about."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.data import images
from neuron_race.studies import multiverse


def work(job) -> None:
    """All shards in, one row per task of a universe out."""
    arrays = {}
    for path in job.input.arrays:
        arrays |= storage.read_arrays(path)
    fetched = images.load_all(job.input.images, job.params.images)
    storage.write_table(job.output[0], multiverse.table(job.params.universes, arrays, fetched))


script.run(snakemake, work)
