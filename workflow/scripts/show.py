"""Tell the verdicts that a target asked for; of a whole run, how they differ from the reference."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import reference, reports


def work(job) -> None:
    """One row per claim; at the end of a whole run the tally, and where to look."""
    verdicts = [storage.read_json(path) for path in job.params.verdicts]
    if not hasattr(job.params, "reference"):
        print(f"\n{reports.summary(verdicts).to_string(index=False)}", flush=True)
        return
    kept = sorted(Path(job.params.reference).glob("*.json"))
    here = [Path(path) for path in job.params.verdicts]
    found = reference.compare(kept, here, [path.stem for path in here])
    print(
        f"\n{reports.tally(verdicts)}\n{reference.short(found)}\nOpen {job.params.page}",
        flush=True,
    )


script.run(snakemake, work)
