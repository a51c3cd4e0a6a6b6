"""Turn a notebook kept as text into one that Jupyter edits."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import notebooks


def work(job) -> None:
    """Cells without outputs."""
    storage.write_text(job.output[0], notebooks.dumps(notebooks.read(job.input.source)))


script.run(snakemake, work)
