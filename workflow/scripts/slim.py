"""Delete the trained networks of a finished run."""

from neuron_race.common import job as script
from neuron_race.operations import slim


def work(job) -> None:
    """Say what it brought and what it takes."""
    print(
        f"\n{slim.slim() / 1e6:.0f} MB of trained networks deleted. Verdicts, tables, figures and "
        "pages stay; who edits how networks are measured trains them again.",
        flush=True,
    )


script.run(snakemake, work)
