"""Check configuration files before Snakemake reads them: `make` calls it with Snakemake's options.

Snakemake itself would end with a traceback on a spoilt file, and execute what a template says.
"""

import sys

from neuron_race.common import terminal
from neuron_race.settings import commandline, reading


def main(options: list[str]) -> None:
    """Exit with a message that names file or option, if one is not to be used or left out."""
    given, known = commandline.parse(options)
    if known.directory and known.directory.exists() and not known.directory.is_dir():
        sys.exit(f"--directory: {known.directory} is no folder")
    try:
        commandline.check(given)
        for one in given:
            reading.merged(one.files, one.options)
    except reading.SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    terminal.prepare()
    main(sys.argv[1:])
