"""Judge a claim's evidence by the register."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import claims
from neuron_race.settings import schema


def work(job) -> None:
    """The verdict, checked against its schema before it is written."""
    values = storage.read_table(job.input.evidence)
    claim, preset, changes = job.params.claim, job.params.preset, job.params.changes
    nulls = job.params.nulls
    verdict = claims.verdict(claim, values, preset, changes, job.params.figures, nulls)
    parameters = {"claim": claim, "preset": preset, "changes": changes, "nulls": nulls}
    verdict["provenance"] = storage.provenance(job.input, parameters, job.params.made_of["code"])
    storage.write_json(job.output[0], verdict)
    schema.check(storage.read_json(job.output[0]), "verdict", job.output[0])


script.run(snakemake, work)
