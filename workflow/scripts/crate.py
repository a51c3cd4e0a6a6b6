"""Pack a run as an RO-Crate."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import crate


def work(job) -> None:
    """The workflow, its configuration, and all that speaks of the claims."""
    files = [*job.input.results, *job.input.claims]
    root, preset = Path(job.params.root), job.params.preset
    overlay, changes = job.params.overlay, job.params.changes
    crate.pack(Path(job.output[0]), root, files, preset, overlay, changes)


script.run(snakemake, work)  # noqa: F821
