"""Draw the specification curves of the multiverse."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import phrases
from neuron_race.figures import multiverse, style


def work(job) -> None:
    """Tables in, figure and the numbers drawn out."""
    style.apply()
    tables = [storage.read_table(path) for path in job.input]
    preset = phrases.preset({"preset": job.params.preset, "changes": job.params.changes})
    figure, numbers = multiverse.draw(*tables, preset)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
