"""Draw criteria against nulls."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import nulls, style


def work(job) -> None:
    """The table of nulls in, figure and the numbers drawn out."""
    style.apply()
    figure, numbers = nulls.draw(storage.read_table(job.input.nulls))
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
