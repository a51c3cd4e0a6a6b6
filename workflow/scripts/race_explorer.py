"""Write the race explorer."""

import sys
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import explorer, trajectories


def work(job) -> None:
    """All runs of all experiments, named <experiment>/<condition>/<seed>."""
    shown = []
    for path, sidecar in zip(job.input.arrays, job.input.sidecars, strict=True):
        arrays = storage.read_arrays(path)
        for description in storage.read_json(sidecar)["runs"]:
            condition, seed = description["condition"], description["seed"]
            name = f"{Path(path).stem}/{condition}/{seed}"
            own = trajectories.read(arrays, condition, seed)
            shown.append({"name": name, **explorer.run(own, description)})
    parameters = {"runs": [one["name"] for one in shown]}
    provenance = storage.provenance(job.input.arrays, parameters, job.params.made_of["code"])
    text = explorer.render(shown, job.params.preset, job.params.changes, provenance)
    size = len(text.encode())
    if size > explorer.LARGEST_PAGE:
        print(
            f"{job.output[0]}: {size / 1e6:.1f} MB; show fewer runs (config: explorer)",
            file=sys.stderr,
        )
    storage.write_text(job.output[0], text)


script.run(snakemake, work)
