"""Verdicts of the core claims on a user's own data: `make try DATA=my.csv`.

Everything goes to `results/try/<name of the file>`, with the settings used and a page to open.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

# Small matrices: threads would only wait for one another.
os.environ["OMP_NUM_THREADS"] = "1"

from own_folder import ROOT, run, shown

from neuron_race.common import storage, terminal
from neuron_race.data.kind import DatasetError
from neuron_race.evidence import phrases
from neuron_race.operations import telling
from neuron_race.pages import trial as page
from neuron_race.settings import reading
from neuron_race.studies import trial

FIGURES = ("racing",)  # those that draw tables of the experiment alone


def asked() -> argparse.Namespace:
    """Words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help=".npz with X and y, or .csv with a label column")
    parser.add_argument("--label", help="column of a .csv that holds the two classes (the last)")
    parser.add_argument("--runs", type=int, default=trial.RUNS, help="how many seeds")
    parser.add_argument("--cores", default="all")
    return parser.parse_args()


def main() -> None:
    """Fit the settings, run, and write the page."""
    words, began = asked(), time.monotonic()
    if not words.data:
        sys.exit("make try: name a file, DATA=my.csv or DATA=my.npz")
    if words.runs < 2:
        sys.exit(f"make try: RUNS: at least 2 are needed for intervals, got {words.runs}")
    path = Path(words.data).expanduser().absolute()
    folder = ROOT / "results/try" / re.sub(r"\W+", "_", path.stem.lower())
    # A page of other data, or of this before it changed, must not outlive a run that fails.
    (folder / "index.html").unlink(missing_ok=True)
    try:
        settings = reading.read_yaml(ROOT / "config/config.yaml")
        fitted = trial.Fitted(path, words.label, settings, words.runs)
    except DatasetError as error:
        sys.exit(f"make try: {error}")
    print(page.about(fitted, path))
    register = folder / "claims.yaml"
    storage.write_json(register, fitted.register(ROOT / "config/claims"))
    targets = [f"results/claims/{name}.json" for name in trial.CLAIMS]
    figures = [f"figures/{name}.png" for name in FIGURES]
    tables = ["results/dynamics/pair/runs.csv"]
    run(folder, fitted.overlay(register), [*targets, *figures, *tables], words.cores)
    verdicts = [storage.read_json(folder / target) for target in targets]
    runs = storage.read_table(folder / tables[0])
    written = page.render(
        fitted,
        path,
        verdicts,
        runs,
        {Path(name).stem: (folder / name).read_bytes() for name in figures},
    )
    storage.write_text(folder / "index.html", written)
    print()
    for verdict in verdicts:
        print(telling.verdict_line(verdict))
        if failing := phrases.failing(verdict):
            print(f"    fails at: {failing}")
    for line in page.missing(verdicts):
        print(line)
    print(f"{time.monotonic() - began:.0f} s. Open {shown(folder / 'index.html')}")


if __name__ == "__main__":
    terminal.prepare()
    main()
