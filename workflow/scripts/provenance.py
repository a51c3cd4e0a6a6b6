"""Trace a claim back to data, seeds, code and versions."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import registration, trace


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
    seeds, file = job.params.seeds, job.input.registration
    now = {**code, **job.params.settled}
    registered = registration.since(
        storage.read_json(file), storage.checksum(Path(file)), seeds, now
    )
    traced = trace.trace(verdict, seeds, runs, datasets, files, code, registered)
    storage.write_json(job.output[0], traced)


script.run(snakemake, work)
