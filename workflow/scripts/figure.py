"""Draw a claim's figure from tidy tables."""

import importlib

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import style


def work(job) -> None:
    """The claim's plot module gets the tables by path, and returns figure and numbers drawn."""
    verdict = storage.read_json(job.input.verdict)
    names = {path.removeprefix("results/"): path for path in job.input.tables}
    tables = {
        name: style.with_tasks(storage.read_table(path), name, job.params.tasks)
        for name, path in names.items()
    }
    style.apply()
    module = importlib.import_module(f"neuron_race.figures.{verdict['claim']}")
    figure, numbers = module.draw(tables, verdict)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
