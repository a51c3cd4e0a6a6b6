"""Draw criteria on all image pairs side by side."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import replication, style


def work(job) -> None:
    """The scoreboard in, figure and the numbers drawn out."""
    style.apply()
    scores = storage.read_table(job.input.scores)
    figure, numbers = replication.draw(scores, job.params.copies, job.params.original)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
