"""Fetch the files of one image data set and write the manifest of their checksums."""

import signal
import sys
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.data import images


def work(job) -> None:
    """Fetch what is not there yet; progress goes to the terminal and to the log."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary files go away

    def log(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    images.fetch(job.wildcards.images, job.params.images, Path(job.output.manifest), log)


script.run(snakemake, work)
