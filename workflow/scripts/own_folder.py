"""Runs of the workflow in a folder of their own, for commands beside it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_race.common import storage

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, overlay: Mapping[str, Any], targets: Sequence[str], cores: str) -> None:
    """Make targets with an overlay of the default settings; ends the process if that fails.

    What is there and still right is not made again. Targets come before `--configfile`, which takes
    all words that follow it for files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    storage.write_json(folder / "overlay.yaml", overlay)  # JSON is YAML
    where = ["--cores", cores, "--directory", str(folder)]
    settings = ["--configfile", str(folder / "overlay.yaml")]
    command = [str(Path(sys.executable).parent / "snakemake"), *targets, *where, *settings]
    told = {"NEURON_RACE_TERMINAL": "verdicts", **os.environ}
    if code := subprocess.run(command, cwd=ROOT, env=told).returncode:
        sys.exit(code)


def shown(path: Path) -> str:
    """A path as people call it from where they are."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
