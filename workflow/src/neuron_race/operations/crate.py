"""A run as a research object: an RO-Crate by the Workflow Run profile, to archive and to cite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rocrate.rocrate import ROCrate

from neuron_race.common import leftovers, storage
from neuron_race.settings import changes, register

# What the workflow consists of, beside the Snakefile.
PARTS = (
    *("config", "docs", "envs", "profiles", "tests", "workflow"),
    *("CITATION.cff", "LICENSE", "Makefile", "pyproject.toml"),
    *("CONTRIBUTING.md", "README.md", "paper_notes.md"),
)
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
OVERLAY = "this_run.yaml"  # not among the presets of config/
REGISTER = "this_register"  # a claims register of the user's own, a folder or (.yaml) a file
PAPER = "https://arxiv.org/abs/2602.04832"


def pack(
    target: Path,
    root: Path,
    files: Sequence[str],
    preset: str,
    overlay: Mapping[str, Any],
    changed: Mapping[str, Sequence[Any]],
) -> None:
    """Write the crate as a zip file: the workflow, results as given, and who made what.

    Runs themselves stay outside, for they are large; their options and the checksums of their
    inputs are in ``results/provenance``, and the same code makes them again.

    Args:
        target: the zip file.
        root: folder of the workflow.
        files: results relative to the working directory, for each claim its verdict
            ``results/claims/<claim>.json`` and whatever belongs to it, named by the claim.
        preset: name of the preset.
        overlay: what this run had over ``config/config.yaml``; packed as ``this_run.yaml``, and a
            register of claims that it names, of the user's own, as ``this_register``, a folder, or
            ``this_register.yaml``, a file.
        changed: settings that differ from the preset's, see
            :func:`neuron_race.settings.changes.changes`.
    """
    crate = ROCrate()
    crate.name = f"It's a race: a reference replication, preset {preset}"
    crate.description = (
        "Verdicts on the claims of a theory of gradient descent in single-hidden-layer networks, "
        "with the evidence, the figures, and the workflow that made them."
    )
    if changed:
        crate.description += f" Not the settings of preset {preset}: {changes.words(changed)}."
    crate.license = "https://spdx.org/licenses/MIT"
    crate.root_dataset["isBasedOn"] = PAPER
    crate.root_dataset["conformsTo"] = [crate.add(_profile(crate, url)) for url in PROFILES]
    workflow = crate.add_workflow(
        root / "Snakefile", "Snakefile", main=True, lang="snakemake", lang_version="9"
    )
    workflow["name"] = "Snakefile"
    config = None
    for part in parts(root):
        name = part.relative_to(root).as_posix()
        entity = crate.add_file(part, name, properties=_described(part))
        config = entity if name == "config/config.yaml" else config
    told, options = [config], ""
    with leftovers.scratch() as folder:
        if overlay:
            content = dict(overlay)
            claims = root / content.get("claims", "config")
            if not claims.resolve().is_relative_to((root / "config").resolve()):
                content["claims"] = REGISTER if claims.is_dir() else f"{REGISTER}.yaml"
                for path in register.files(claims):
                    name = f"{REGISTER}/{path.name}" if claims.is_dir() else content["claims"]
                    told.append(crate.add_file(path, name, properties=_described(path)))
            own = folder / Path(OVERLAY).name
            storage.write_text(own, yaml.safe_dump(content, sort_keys=False))
            told.append(crate.add_file(own, OVERLAY, properties=_described(own)))
            options = f" --configfile {OVERLAY}"
        _pack(crate, target, workflow, files, told, options, folder)


def _pack(
    crate: ROCrate,
    target: Path,
    workflow: Any,
    files: Sequence[str],
    told: Sequence[Any],
    options: str,
    folder: Path,
) -> None:
    """Add results and what made them, and write the file."""
    for path in files:
        crate.add_file(path, path, properties=_described(Path(path)))
    for verdict in (path for path in files if path.startswith("results/claims/")):
        claim = Path(verdict).stem
        own = [crate.get(path) for path in files if Path(path).stem == claim]
        status = storage.read_json(Path(verdict))["status"]
        action = crate.add_action(
            workflow,
            identifier=f"#{claim}",
            object=list(told),
            result=own,
            properties={"name": f"snakemake {claim}{options}", "description": f"{claim}: {status}"},
        )
        action["actionStatus"] = "http://schema.org/CompletedActionStatus"
        crate.root_dataset.append_to("mentions", action)
    whole = folder / target.name
    crate.write_zip(whole)
    storage.copy(whole, target)


def _profile(crate: ROCrate, url: str):  # type: ignore[no-untyped-def]
    from rocrate.model.creativework import CreativeWork

    name, version = url.rstrip("/").split("/")[-2:]
    return CreativeWork(crate, url, properties={"name": name, "version": version})


def parts(root: Path) -> list[Path]:
    """Files that the workflow consists of; those of caches are none."""
    found = []
    for part in PARTS:
        path = root / part
        found += sorted(path.rglob("*")) if path.is_dir() else [path]
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def _described(path: Path) -> dict[str, object]:
    return {"sha256": storage.checksum(path), "contentSize": str(path.stat().st_size)}
