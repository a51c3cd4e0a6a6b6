"""What was fixed before seeds were opened: `make register` freezes it, and verdicts cite it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_race.common import storage
from neuron_race.settings.resolved import Settings

FILE = "config/registration.json"
# What decides a verdict: register, settings, the libraries, rules and code.
FROZEN = (
    *("config/*.yaml", "config/claims/*.yaml", "envs/requirements.lock", "Snakefile"),
    *("workflow/rules/*.smk", "workflow/scripts/*.py"),
    *("workflow/src/neuron_race/**/*.py", "workflow/src/neuron_race/**/*.c"),
)


def resolved(settings: Settings) -> dict[str, str]:
    """SHA-256 of each claim, of each run's options and of each data set's."""
    runs = {**settings.experiments, **settings.extensions, **settings.weight_tickets}
    entries: dict[str, Any] = {f"claim {name}": own for name, own in settings.claims.items()}
    entries |= {f"data {name}": own for name, own in settings.datasets.items()}
    for name, conditions in runs.items():
        for condition, options in conditions.items():
            own = {k: v for k, v in options.items() if k not in ("seeds", "device")}
            entries[f"run {name}/{condition}"] = own
    return {
        name: hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
        for name, own in sorted(entries.items())
    }


def freeze(root: Path, settings: Settings) -> dict[str, Any]:
    """The registration of a project as it stands.

    Args:
        root: the project's folder.
        settings: of the default preset; its seeds are opened next.

    Returns:
        ``seeds``; ``unopened``, tasks that stay closed, in words; ``files``: path from the root ->
        SHA-256; ``resolved``: result of :func:`resolved`.
    """
    paths = {path for pattern in FROZEN for path in root.glob(pattern) if path.is_file()}
    names = sorted(path.relative_to(root).as_posix() for path in paths)
    files = {name: storage.checksum(root / name) for name in names}
    return {
        "seeds": list(settings.seeds),
        "unopened": list(settings.unopened),
        "files": files,
        "resolved": resolved(settings),
    }


def since(
    registered: Mapping[str, Any], checksum: str, seeds: Sequence[int], now: Mapping[str, str]
) -> dict[str, Any]:
    """How a verdict stands to the registration.

    Args:
        registered: result of :func:`freeze`.
        checksum: of the file that holds it.
        seeds: of the verdict.
        now: files and settings behind the verdict -> SHA-256 today.

    Returns:
        ``sha256`` of the registration; ``seeds``, whether they are those registered; ``changed``:
        what is behind the verdict and is another today, or was not there.
    """
    before = {**registered["files"], **registered["resolved"]}
    return {
        "sha256": checksum,
        "seeds": list(seeds) == registered["seeds"],
        "changed": sorted(name for name, value in now.items() if before.get(name) != value),
    }


def words(found: Mapping[str, Any]) -> str:
    """The same in a sentence."""
    told = f"registered before the run (SHA-256 {found['sha256'][:12]}…, {FILE})"
    if not found["seeds"]:
        return f"not the seeds that are registered in {FILE}"
    changed = found["changed"]
    if not changed:
        return f"{told}; nothing behind this verdict changed since"
    files = [name for name in changed if " " not in name]
    rooms = sorted({re.sub(r"^workflow/(src/neuron_race/)?|/[^/]*$", "", name) for name in files})
    parts = [name for name in changed if " " in name]
    if files:
        parts.append(f"{len(files)} file{'s' * (len(files) > 1)} of {', '.join(rooms)}")
    return f"{told}; changed since: {', '.join(parts)}"
