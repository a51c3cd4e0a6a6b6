"""Make one data set, all seeds."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.data import datasets, images


def work(job) -> None:
    """Write all seeds, then what made them."""
    options = dict(job.params.options)
    manifest = job.input.get("images")
    fetched = (
        images.load(
            Path(manifest[0] if isinstance(manifest, list) else manifest), job.params.images
        )
        if manifest
        else None
    )
    seeds = list(job.params.seeds)
    arrays = datasets.make_all(job.wildcards.dataset, options, seeds, fetched)
    storage.write_arrays(job.output.arrays, arrays)
    sidecar = storage.provenance(
        job.input, {"options": options, "seeds": seeds}, job.params.made_of["code"]
    )
    sidecar["checksum"] = storage.checksum(job.output.arrays)
    storage.write_json(job.output.provenance, sidecar)


script.run(snakemake, work)
