"""Pack a run as an RO-Crate."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.operations import crate


def work(job) -> None:
    """The workflow, its configuration, and all that speaks of the claims."""
    files = [*job.input.results, *job.input.claims]
    root, preset = Path(job.params.root), job.params.preset
    overlay, changes = job.params.overlay, job.params.changes
    crate.pack(Path(job.output[0]), root, files, preset, overlay, changes)


script.run(snakemake, work)
