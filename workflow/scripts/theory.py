"""Closed form, numerical flow and trained network on common axes, as tidy tables."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import storage, theory


def work(job) -> None:
    """One table per comparison, and one of all errors."""
    for name, table in theory.tables(job.params.seed).items():
        storage.write_table(getattr(job.output, name), table)


script.run(snakemake, work)  # noqa: F821
