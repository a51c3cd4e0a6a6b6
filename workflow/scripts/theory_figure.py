"""Draw the figure of the theory from its tables."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import style, theory


def work(job) -> None:
    """Tables in, figure and the numbers drawn out."""
    tables = {Path(path).stem: storage.read_table(path) for path in job.input.tables}
    style.apply()
    figure, numbers = theory.draw(tables)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
