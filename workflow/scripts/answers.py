"""Verdicts under each answer of docs/with-the-paper.md: `python workflow/scripts/answers.py DIR`.

Runs the core claims with every overlay of the document that names itself in its first line, on
exploratory seeds, each in a folder DIR/<name> of its own, and prints the document's table. What is
there and still right is not made again.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from neuron_race.common import storage

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/with-the-paper.md"
CLAIMS = ("mutual_alignment", "racing", "merging", "pruning", "figure_1")
SEEDS = "seeds: {first: 100, count: 5}\n"


def overlays() -> dict[str, str]:
    """Overlays of the document, by name: a block whose first line is `# answers/<name>.yaml`."""
    blocks = re.findall(
        r"^```\n# answers/(\w+)\.yaml\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S
    )
    return dict(blocks)


def verdicts(folder: Path, name: str, overlay: str) -> dict[str, dict]:
    """Verdicts of the core claims with an overlay; the workflow sees what is to be made."""
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    given = own / "overlay.yaml"
    given.write_text(SEEDS + overlay, encoding="utf-8")
    made = {claim: f"results/claims/{claim}.json" for claim in CLAIMS}
    where = ["--cores", "1", "--quiet", "all", "--directory", str(own)]
    command = [str(Path(sys.executable).parent / "snakemake"), *made.values(), *where]
    subprocess.run([*command, "--configfile", str(given)], cwd=ROOT, check=True)
    return {claim: storage.read_json(own / path) for claim, path in made.items()}


def cell(verdict: dict) -> str:
    """Status, and how many of the criteria that count hold."""
    counted = [row for row in verdict["criteria"] if row["confirmatory"]]
    held = sum(row["holds"] is True for row in counted)
    return f"{verdict['status']} ({held} of {len(counted)})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the runs go")
    into = parser.parse_args().folder.resolve()
    print(f"| answer | {' | '.join(f'`{claim}`' for claim in CLAIMS)} |\n|{' --- |' * 6}")
    for name, overlay in {"as_it_stands": "", **overlays()}.items():
        found = verdicts(into, name, overlay)
        print(f"| `{name}` | {' | '.join(map(cell, found.values()))} |", flush=True)
