"""Compare a run with the reference copy, or make it the reference."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.evidence import reference


def work(job) -> None:
    """Tell what differs, and fail if any of it counts; or copy, and tell what is no more."""
    claims, results = job.params.claims, Path("results")
    figures, kept = Path("figures"), Path(job.params.reference)
    if job.params.keep:
        for path in reference.keep(results, figures, kept, claims):
            print(f"{path} is of no claim any more: deleted", flush=True)
        return
    here = sorted((results / "claims").glob("*.json"))
    found = reference.compare(sorted((kept / "claims").glob("*.json")), here, claims)
    same, pictures = reference.figures_alike(kept / "figures", figures, claims)
    print(
        f"{reference.words(found)}\n"
        f"{same} of {pictures} figures identical in every byte (not required)",
        flush=True,
    )
    if any(difference.counts for difference in found.differences):
        raise ValueError("the run differs from the reference, see above")


script.run(snakemake, work)
