"""Draw what core claims are about against training time."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import moments, style


def work(job) -> None:
    """The table of moments in, figure and the numbers drawn out."""
    style.apply()
    (path,) = job.input
    runs = style.with_tasks(storage.read_table(path), job.params.table, job.params.tasks)
    told = (job.params.criteria, job.params.drops, job.params.preset)
    figure, numbers = moments.draw(runs, *told)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
