"""Trace a claim back to data, seeds, code and versions."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import trace


def work(job) -> None:
    """From the sidecars, which each stage left beside its results."""
    runs = {
        f"{Path(path).parent.name}/{Path(path).stem}": storage.read_json(path)
        for path in job.input.runs
    }
    datasets = {Path(path).stem: storage.read_json(path) for path in job.input.datasets}
    files = {key: list(job.input[key]) for key in ("figures", "tables")}
    verdict = storage.read_json(job.input.verdict)
    code = job.params.code
    traced = trace.trace(verdict, job.params.seeds, runs, datasets, files, code)
    storage.write_json(job.output[0], traced)


script.run(snakemake, work)
