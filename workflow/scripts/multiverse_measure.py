"""Ask the networks of a shard of the multiverse what the claims are about."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.data import images
from neuron_race.studies import multiverse


def work(job) -> None:
    """Trained networks in, one row per task of a universe out."""
    arrays = storage.read_arrays(job.input.arrays)
    fetched = images.load_all(job.input.images, job.params.images)
    storage.write_table(job.output[0], multiverse.table(job.params.universes, arrays, fetched))


script.run(snakemake, work)
