"""All verdicts together."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

from neuron_race import claims, storage


def work(job) -> None:
    """The table of criteria, the report in Markdown, and the summary on the terminal."""
    verdicts = [storage.read_json(path) for path in job.input.verdicts]
    storage.write_table(job.output.csv, claims.scoreboard(verdicts))
    storage.write_text(job.output.markdown, claims.report(verdicts))
    print(claims.summary(verdicts).to_string(index=False), file=sys.stderr)


script.run(snakemake, work)  # noqa: F821
