"""Make one data set, all seeds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import datasets, images, storage


def work(job) -> None:
    """Write one file per seed, then what made them."""
    options = dict(job.params.options)
    manifest = job.input.get("images")
    fetched = (
        images.load(Path(manifest[0] if isinstance(manifest, list) else manifest))
        if manifest
        else None
    )
    files = job.output[: len(job.params.seeds)]
    for seed, path in zip(job.params.seeds, files, strict=True):
        sample = datasets.make(job.wildcards.dataset, options, seed, fetched)
        storage.write_arrays(path, vars(sample))
    parameters = {"options": options, "seeds": list(job.params.seeds)}
    sidecar = storage.provenance(job.input, parameters)
    sidecar["files"] = {Path(path).name: storage.checksum(path) for path in files}
    storage.write_json(job.output.provenance, sidecar)


script.run(snakemake, work)  # noqa: F821
