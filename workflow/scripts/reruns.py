"""Print which share of a run an edit redoes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import cost, storage


def work(job) -> None:
    """Per file of code, in per cent of the measured CPU-seconds."""
    measured = storage.read_table(Path(job.params.measured))
    shares = cost.shares(job.params.redone, measured)
    print(f"\n{shares.to_string(float_format='%.1f')}", flush=True)


script.run(snakemake, work)  # noqa: F821
