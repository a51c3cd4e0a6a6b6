"""Fetch the files of one image data set and write the manifest of their checksums."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir).parent / "src"))  # noqa: F821

from neuron_race import images


def main(job) -> None:  # type: ignore[no-untyped-def]
    """Run the job: progress goes to stderr and to its log, a failure is one clear message."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary files go away
    with Path(job.log[0]).open("w") as file:

        def log(line: str) -> None:
            print(line, file=file, flush=True)
            print(line, file=sys.stderr, flush=True)

        try:
            images.fetch(job.wildcards.images, job.params.images, Path(job.output.manifest), log)
        except images.SourceError as error:
            log(str(error))
            sys.exit(1)


main(snakemake)  # noqa: F821
