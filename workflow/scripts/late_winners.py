"""Follow late winners with other gates than their own."""

from pathlib import Path

import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.studies import late_winners
from neuron_race.training import runs

script.prepare_engine()


def work(job) -> None:
    """One table of all conditions asked for."""
    arrays = storage.read_arrays(job.input.forecasts)
    parts = []
    for name in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{name}.npz")
        own = {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith(f"{name}.")}
        table = late_winners.tables(runs.load(path), own)["runs"]
        parts.append(table.assign(condition=name))
    storage.write_table(job.output.runs, pd.concat(parts))


script.run(snakemake, work)
