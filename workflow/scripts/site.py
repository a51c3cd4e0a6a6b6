"""Make the site."""

import json
from collections import defaultdict
from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.operations import cost
from neuron_race.pages import page
from neuron_race.pages.site import build, contents, documents, pages
from neuron_race.pages.site.moments import fragment


def by_name(paths) -> dict[str, Path]:
    """Files by their names without ending: claims, mostly."""
    return {Path(path).stem: Path(path) for path in paths}


def moments(job, verdicts) -> dict[str, str]:
    """Fragments of the explorer's address, by claim."""
    shown = defaultdict(list)
    for experiment, path in by_name(job.input.explored).items():
        for run in storage.read_json(path)["runs"]:
            shown[f"{experiment}/{run['condition']}"].append(run)
    registered = {v["claim"]: v["provenance"]["parameters"]["claim"]["criteria"] for v in verdicts}
    found = {claim: fragment(criteria, shown) for claim, criteria in registered.items()}
    return {claim: own for claim, own in found.items() if own}


def files(job) -> dict[str, Path | str]:
    """What pages link to: place on the site -> file or text."""
    found: dict[str, Path | str] = {f"figures/{Path(p).name}": Path(p) for p in job.input.figures}
    found |= {f"data/{Path(path).name}": Path(path) for path in job.input.tables}
    for kind in ("verdicts", "evidence", "provenance"):
        folder = "claims" if kind == "verdicts" else kind
        found |= {f"data/{folder}/{Path(p).name}": Path(p) for p in getattr(job.input, kind)}
    read = {Path(path).name: path for path in (job.input.explorer, job.input.tutorial)}
    read |= {f"notebooks/{Path(path).name}": path for path in job.input.lectures}
    for name, path in read.items():
        home = "../" * name.count("/")
        found[name] = pages.framed(Path(path).read_text(encoding="utf-8"), home, build.TITLE)
    return found


def work(job) -> None:
    """All pages and what they link to, whole or not at all."""
    verdicts = [storage.read_json(path) for path in job.input.verdicts]
    texts = {
        name: Path(path).read_text(encoding="utf-8")
        for name, path in zip(job.params.documents, job.input.documents, strict=True)
    }
    params = job.params
    results = contents.Results(
        verdicts,
        {name: storage.read_table(path) for name, path in by_name(job.input.evidence).items()},
        cost.per_target(params.needs),
        params.origins,
        params.datasets,
        storage.read_table(job.input.universes),
        storage.read_table(job.input.decisions),
        storage.read_table(next(p for p in job.input.figures if Path(p).name == "moments.csv")),
        moments(job, verdicts),
        list(by_name(job.input.lectures)),
        documents.anchors(texts["paper_notes.md"]),
        params.options,
    )
    warnings = page.warnings(params.preset, params.changes, params.seeds)
    preset = {"name": params.preset, "seeds": params.seeds, "warnings": warnings}
    scripts = [(Path(p).name, Path(p).read_text(encoding="utf-8")) for p in job.input.scripts]
    parameters = {"seeds": params.seeds, "options": params.options}
    made = storage.provenance(job.input.verdicts, parameters, params.made_of["code"])
    own = {"data/provenance.json": json.dumps(made, indent=1) + "\n"}
    made_pages = pages.sources(results, preset, texts, scripts, made["versions"])
    build.build(made_pages, {**files(job), **own}, Path(job.output[0]).parent)


script.run(snakemake, work)
