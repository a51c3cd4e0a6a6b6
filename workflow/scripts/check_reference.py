"""Compare a run with the reference copy: `python workflow/scripts/check_reference.py [results]`.

With `--keep` the run becomes the reference instead. What counts as a difference is said in
`neuron_race.reference`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow/src"))

from neuron_race import reference, settings, storage, terminal

REFERENCE = ROOT / "docs/reference"


def main(arguments: list[str]) -> None:
    """Print what differs; fail if any of it counts."""
    keep = "--keep" in arguments
    results = Path(next((a for a in arguments if a != "--keep"), "results"))
    figures = results.parent / "figures"
    try:
        register = settings.read_yaml(ROOT / "config/claims.yaml")["claims"]
        if keep:
            for path in reference.keep(results, figures, REFERENCE, register):
                print(f"{path.relative_to(ROOT)} is of no claim any more: deleted")
            return
        here = sorted((results / "claims").glob("*.json"))
        if not here:
            sys.exit(f"{results / 'claims'}: no verdicts; run `make` first")
        found = reference.compare(sorted((REFERENCE / "claims").glob("*.json")), here, register)
    except (settings.SettingsError, storage.ResultError, OSError) as error:
        sys.exit(str(error))
    print(reference.words(found))
    same, pictures = reference.figures_alike(REFERENCE / "figures", figures, register)
    print(f"{same} of {pictures} figures identical in every byte (not required)")
    sys.exit(any(difference.counts for difference in found.differences))


if __name__ == "__main__":
    terminal.prepare()
    main(sys.argv[1:])
