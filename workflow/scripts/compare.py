"""Verdicts of two runs: `make compare A=one/folder B=another`.

A folder is that of a run, of its results, or one like docs/reference.
"""

import argparse
import sys
from pathlib import Path

from neuron_race.common import terminal
from neuron_race.common.storage import ResultError
from neuron_race.evidence import reference


def verdicts(folder: Path) -> list[Path]:
    """Verdict files of a run; ends the process where there are none."""
    for claims in (folder / "results/claims", folder / "claims", folder):
        if found := sorted(claims.glob("*.json")):
            return found
    sys.exit(f"make compare: {folder}: no verdicts here, nor in results/claims or claims")


def main() -> None:
    """Tell what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs=2, metavar="FOLDER")
    folders = parser.parse_args().folders
    if not all(folders):
        sys.exit("make compare: name two folders, A=one B=another")
    one, other = map(Path, folders)
    before, after = verdicts(one), verdicts(other)
    stems = [{path.stem for path in side} for side in (before, after)]
    both = sorted(stems[0] & stems[1])
    for folder, alone in ((one, stems[0] - stems[1]), (other, stems[1] - stems[0])):
        if alone:
            print(f"In {folder} only, not compared: {', '.join(sorted(alone))}")
    if not both:
        sys.exit("make compare: the two folders have no claim in common")
    paths = [[path for path in side if path.stem in both] for side in (before, after)]
    try:
        found = reference.compare(*paths, both)
    except ResultError as error:
        sys.exit(f"make compare: {error}")
    print(reference.words(found, (str(one), str(other))))


if __name__ == "__main__":
    terminal.prepare()
    main()
