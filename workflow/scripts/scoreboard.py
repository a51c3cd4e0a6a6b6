"""All verdicts together."""

import sys

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import claims


def work(job) -> None:
    """The table of criteria, the report in Markdown, and the summary on the terminal."""
    verdicts = [storage.read_json(path) for path in job.input.verdicts]
    storage.write_table(job.output.csv, claims.scoreboard(verdicts))
    storage.write_text(job.output.markdown, claims.report(verdicts))
    print(claims.summary(verdicts).to_string(index=False), file=sys.stderr)


script.run(snakemake, work)
