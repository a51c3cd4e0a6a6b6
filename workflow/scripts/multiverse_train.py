"""Train a shard of the multiverse."""

import shutil
import sys
from pathlib import Path

from neuron_race.common import freshness, storage
from neuron_race.common import job as script
from neuron_race.data import images
from neuron_race.studies.trained import multiverse
from neuron_race.training import kept

script.prepare_engine()


def work(job) -> None:
    """Universe by universe; those that an interrupted job has trained are kept until all are."""
    code, shard = job.params.made_of["code"], f"shard_{job.wildcards.shard}"
    told = {"universes": job.params.universes, "images": job.params.images}

    def make(name: str, own: kept.Kept) -> None:
        fetched = images.load_all(job.input.images, job.params.images)
        unfinished, label = own.path.with_suffix(""), f"multiverse, {name}"
        arrays = multiverse.train(job.params.universes, fetched, unfinished, label)
        freshness.unchanged(job.params.made_of)  # the next attempt takes it for this code's
        storage.write_json(own.path.with_suffix(".json"), own.sidecar)
        storage.write_arrays(own.path, arrays)
        shutil.rmtree(unfinished, ignore_errors=True)

    sidecar = storage.provenance(map(Path, job.input.images), told, code)
    whole = {shard: kept.place("multiverse", shard, sidecar)}
    kept.train(whole, make, lambda text: print(text, file=sys.stderr))
    kept.hand_out(whole, {shard: Path(job.output.arrays)})


script.run(snakemake, work)
