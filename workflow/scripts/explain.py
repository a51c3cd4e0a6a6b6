"""Print the evidence for a claim."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import reports, trace
from neuron_race.operations import cost


def work(job) -> None:
    """From the verdict, in plain words."""
    verdict = storage.read_json(job.input.verdict)
    made = trace.words(storage.read_json(job.input.provenance))
    spent = cost.words([path for path in job.params.benchmarks if Path(path).exists()])
    equations, options = job.params.equations, job.params.options
    text = reports.explanation(verdict, equations, made, spent, options)
    print(f"\n{text}", flush=True)


script.run(snakemake, work)
