"""Draw criteria against nulls."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import phrases
from neuron_race.figures import nulls, style


def work(job) -> None:
    """The table of nulls in, figure and the numbers drawn out."""
    style.apply()
    preset = phrases.preset({"preset": job.params.preset, "changes": job.params.changes})
    figure, numbers = nulls.draw(storage.read_table(job.input.nulls), preset)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
