"""Fail if a verdict differs from the expectation in the register."""

from neuron_race.common import job as script
from neuron_race.common import storage


def work(job) -> None:
    """Name every claim whose status is not the expected one."""
    verdicts = [storage.read_json(path) for path in job.input]
    wrong = [
        f"{v['claim']}: {v['status']}, expected {v['expectation']}"
        for v in verdicts
        if v["status"] != v["expectation"]
    ]
    if wrong:
        raise ValueError("verdicts differ from the register: " + "; ".join(wrong))


script.run(snakemake, work)
