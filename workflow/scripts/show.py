"""Tell the verdicts that a target asked for."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import claims, storage


def work(job) -> None:
    """One row per claim."""
    verdicts = [storage.read_json(path) for path in job.params.verdicts]
    print(f"\n{claims.summary(verdicts).to_string(index=False)}", flush=True)


script.run(snakemake, work)  # noqa: F821
