"""Check configuration files before Snakemake reads them: `make` calls it with Snakemake's options.

Snakemake itself would end with a traceback on a spoilt file, and execute what a template says.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from neuron_race import settings, terminal


def main(options: list[str]) -> None:
    """Exit with a message that names the file, if one is not to be used."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--configfile", "--configfiles", nargs="+", action="extend", type=Path, default=[]
    )
    parser.add_argument("--directory", "-d", type=Path)
    known, _ = parser.parse_known_args(options)
    if known.directory and known.directory.exists() and not known.directory.is_dir():
        sys.exit(f"--directory: {known.directory} is no folder")
    for path in known.configfile:
        try:
            settings.read_overlay(path)
        except settings.SettingsError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    terminal.prepare()
    main(sys.argv[1:])
