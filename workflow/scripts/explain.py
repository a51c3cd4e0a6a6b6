"""Print the evidence for a claim."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import claims, cost, storage, trace


def work(job) -> None:
    """From the verdict, in plain words."""
    verdict = storage.read_json(job.input.verdict)
    made = trace.words(storage.read_json(job.input.provenance))
    spent = cost.words([path for path in job.params.benchmarks if Path(path).exists()])
    equations, options = job.params.equations, job.params.options
    text = claims.explanation(verdict, equations, made, spent, options)
    print(f"\n{text}", flush=True)


script.run(snakemake, work)  # noqa: F821
