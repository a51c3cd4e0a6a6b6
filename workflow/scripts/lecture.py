"""Execute a notebook, of a claim or the tutorial, and render it."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import notebooks


def work(job) -> None:
    """Both outputs, or, if a cell fails, none."""
    notebook = notebooks.execute(notebooks.read(job.input.source), job, job.input.source)
    page = notebooks.html(notebook, job.params.title)
    storage.write_text(job.output.notebook, notebooks.dumps(notebook))
    storage.write_text(job.output.html, page)


script.run(snakemake, work)
