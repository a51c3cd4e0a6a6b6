"""Tell the verdicts that a target asked for; of a whole run, how they differ from the reference."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import reference, reports
from neuron_race.operations import slim

PAGE = "results/site/index.html"


def against(kept: Path, here: list[str]) -> str:
    """What differs from the reference, in a line; a reference that is spoilt spoils no run."""
    paths, verdicts = [Path(path) for path in here], sorted((kept / "claims").glob("*.json"))
    if not verdicts:
        return f"No reference of this preset is kept in {kept}."
    try:
        found = reference.compare(verdicts, paths, [p.stem for p in paths])
    except storage.ResultError as error:
        return f"Not compared with {kept}: {error}"
    return reference.short(found, str(kept))


def work(job) -> None:
    """One row per claim; at the end of a whole run the tally, and where to look."""
    verdicts = [storage.read_json(path) for path in job.params.verdicts]
    if not hasattr(job.params, "reference"):
        print(f"\n{reports.summary(verdicts).to_string(index=False)}", flush=True)
        return
    told = against(Path(job.params.reference), job.params.verdicts)
    lines = [reports.tally(verdicts), told, slim.told(), f"Open {PAGE}"]
    print("", *filter(None, lines), sep="\n", flush=True)


script.run(snakemake, work)
