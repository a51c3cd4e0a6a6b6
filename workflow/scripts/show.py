"""Tell the verdicts that a target asked for."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import reports


def work(job) -> None:
    """One row per claim."""
    verdicts = [storage.read_json(path) for path in job.params.verdicts]
    print(f"\n{reports.summary(verdicts).to_string(index=False)}", flush=True)


script.run(snakemake, work)
