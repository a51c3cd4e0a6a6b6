"""Write the scorecard."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.operations import cost
from neuron_race.pages import scorecard


def work(job) -> None:
    """All verdicts, what they cost, and links to files that are inputs of this job."""
    verdicts = [storage.read_json(path) for path in job.input.verdicts]
    parameters = {"seeds": job.params.seeds, "options": job.params.options}
    text = scorecard.render(
        verdicts,
        cost.per_target(job.params.needs),
        [*job.input.linked, *job.input.notebooks, *job.input.pages],
        job.params.options,
        job.params.changes,
        storage.provenance(job.input.verdicts, parameters, job.params.made_of["code"]),
        job.params.seeds,
        job.output[0],
    )
    storage.write_text(job.output[0], text)


script.run(snakemake, work)
