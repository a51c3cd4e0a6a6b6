"""A claim with other settings: `make claim CLAIM=racing SET='experiments.pair.alpha=1e-3'`.

Runs in a folder of its own below `results/claim`, and tells what moved against docs/reference.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

from own_folder import ROOT, run, shown

from neuron_race.common import storage, terminal
from neuron_race.common.validation import SettingsError, unknown
from neuron_race.evidence import reference
from neuron_race.operations import telling
from neuron_race.settings import assignments, configuration, reading, register


def asked() -> argparse.Namespace:
    """Words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("claim")
    parser.add_argument("settings", nargs="*", help="key=value, such as seeds.count=5")
    parser.add_argument("--cores", default="all")
    return parser.parse_args()


def own_folder(claim: str, settings: str) -> Path:
    """Folder of a claim with these settings: another for each."""
    words = re.sub(r"\W+", "_", settings).strip("_")[:60]
    mark = hashlib.sha256(settings.encode()).hexdigest()[:8]
    return ROOT / "results/claim" / (f"{claim}_{words}_{mark}" if words else claim)


def checked(claim: str, settings: str) -> dict:
    """The overlay that is asked for; refuses what can't be, before anything runs.

    Raises:
        SettingsError: an unknown claim or key, or a value that there can't be.
    """
    default = reading.read_yaml(ROOT / "config/config.yaml")
    claims = register.read(ROOT / default["claims"])["claims"]
    if claim not in claims:
        raise SettingsError(f"CLAIM: {unknown(claim, claims)}")
    overlay = assignments.overlay(settings, default)
    for options in overlay.get("datasets", {}).values():
        if "path" in options:  # the run has a folder of its own
            options["path"] = str(Path(options["path"]).expanduser().absolute())
    configuration.read(reading.override(default, overlay), ROOT)
    return overlay


def main() -> None:
    """Run, and compare."""
    words = asked()
    settings = " ".join(words.settings)
    try:
        overlay = checked(words.claim, settings)
    except SettingsError as error:
        sys.exit(f"make claim: {error}")
    folder, made = own_folder(words.claim, settings), f"claims/{words.claim}.json"
    targets = [f"results/{made}", f"figures/{words.claim}.png"]
    run(folder, overlay, targets, words.cores)
    kept, here = ROOT / "docs/reference" / made, folder / "results" / made
    print(f"\n{telling.verdict_line(storage.read_json(kept))}  (reference)")
    print(f"{telling.verdict_line(storage.read_json(here))}  ({settings or 'as it stands'})")
    print(reference.words(reference.compare([kept], [here], [words.claim])))
    print(f"Open {shown(folder / targets[1])}")


if __name__ == "__main__":
    terminal.prepare()
    main()
