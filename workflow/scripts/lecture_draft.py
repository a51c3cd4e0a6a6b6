"""Turn a notebook kept as text into one that Jupyter edits."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import notebooks, storage


def work(job) -> None:
    """Cells without outputs."""
    storage.write_text(job.output[0], notebooks.dumps(notebooks.read(job.input.source)))


script.run(snakemake, work)  # noqa: F821
