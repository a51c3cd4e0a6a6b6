"""All verdicts together."""

import sys

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.evidence import claims, nulls, reports


def work(job) -> None:
    """Tables of criteria and of nulls, the report in Markdown, the summary on the terminal."""
    verdicts = [storage.read_json(path) for path in job.input.verdicts]
    storage.write_table(job.output.csv, claims.scoreboard(verdicts))
    storage.write_table(job.output.nulls, nulls.table(verdicts))
    storage.write_text(job.output.markdown, reports.report(verdicts))
    print(reports.summary(verdicts).to_string(index=False), file=sys.stderr)


script.run(snakemake, work)
