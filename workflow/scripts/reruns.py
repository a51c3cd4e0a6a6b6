"""Print which share of a run an edit redoes."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.operations import cost


def work(job) -> None:
    """Per file of code, in per cent of the measured CPU-seconds."""
    measured = storage.read_table(Path(job.params.measured))
    shares = cost.shares(job.params.redone, measured)
    print(f"\n{shares.to_string(float_format='%.1f')}", flush=True)


script.run(snakemake, work)
