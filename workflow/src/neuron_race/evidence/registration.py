"""What was fixed before seeds were opened: `make register` freezes it, and verdicts cite it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_race.common import storage

FILE = "config/registration.json"
# What decides a verdict: register, settings, the libraries, rules and code.
FROZEN = (
    *("config/*.yaml", "config/claims/*.yaml", "envs/requirements.lock", "Snakefile"),
    *("workflow/rules/*.smk", "workflow/scripts/*.py"),
    *("workflow/src/neuron_race/**/*.py", "workflow/src/neuron_race/**/*.c"),
)


def freeze(root: Path, seeds: Sequence[int], unopened: Iterable[str]) -> dict[str, Any]:
    """The registration of a project as it stands.

    Args:
        root: the project's folder.
        seeds: those that are opened next, in the default preset.
        unopened: tasks that stay closed, in words.

    Returns:
        ``seeds``, ``unopened``, and ``files``: path from the root -> SHA-256.
    """
    paths = {path for pattern in FROZEN for path in root.glob(pattern) if path.is_file()}
    names = sorted(path.relative_to(root).as_posix() for path in paths)
    files = {name: storage.checksum(root / name) for name in names}
    return {"seeds": list(seeds), "unopened": list(unopened), "files": files}


def since(
    registered: Mapping[str, Any], checksum: str, seeds: Sequence[int], now: Mapping[str, str]
) -> dict[str, Any]:
    """How a verdict stands to the registration.

    Args:
        registered: result of :func:`freeze`.
        checksum: of the file that holds it.
        seeds: of the verdict.
        now: files behind the verdict -> SHA-256 today.

    Returns:
        ``sha256`` of the registration; ``seeds``, whether they are those registered; ``changed``:
        files behind the verdict that are other ones today, or were not there.
    """
    before = registered["files"]
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
    kinds = sorted({re.sub(r"^workflow/(src/neuron_race/)?|/[^/]*$", "", name) for name in changed})
    files = "1 file" if len(changed) == 1 else f"{len(changed)} files"
    return f"{told}; changed since: {files} of {', '.join(kinds)}"
