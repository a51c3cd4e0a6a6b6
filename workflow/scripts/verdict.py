"""Judge a claim's evidence by the register."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import claims, settings, storage


def work(job) -> None:
    """The verdict, checked against its schema before it is written."""
    values = storage.read_table(job.input.evidence)
    verdict = claims.verdict(job.params.claim, values, job.params.preset, job.params.figures)
    parameters = {"claim": job.params.claim, "preset": job.params.preset}
    verdict["provenance"] = storage.provenance(job.input, parameters)
    storage.write_json(job.output.verdict, verdict)
    written = storage.read_json(job.output.verdict)
    settings.validate(written, "verdict", job.output.verdict)
    storage.write_text(job.output.caption, claims.caption(written))


script.run(snakemake, work)  # noqa: F821
