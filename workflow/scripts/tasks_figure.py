"""Draw criteria over tasks."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import style, tasks


def work(job) -> None:
    """The scoreboard and the evidence in, figure and the numbers drawn out."""
    style.apply()
    evidence = {Path(path).stem: storage.read_table(path) for path in job.input.evidence}
    figure, numbers = tasks.draw(storage.read_table(job.input.scores), evidence)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
