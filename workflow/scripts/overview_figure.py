"""Draw a figure across claims, or that of the theory, from tidy tables."""

import importlib
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.figures import style


def work(job) -> None:
    """The module of the figure's name gets the rule's inputs by name, and what it tells beside."""
    tables = {
        name: storage.read_table(given)
        if isinstance(given, str)
        else {Path(path).stem: storage.read_table(path) for path in given}
        for name, given in job.input.items()
    }
    style.apply()
    module = importlib.import_module(f"neuron_race.figures.{Path(job.output.csv).stem}")
    figure, numbers = module.draw(**tables, **job.params.told)
    style.save(figure, job.output.pdf, job.output.png)
    storage.write_table(job.output.csv, numbers)


script.run(snakemake, work)
