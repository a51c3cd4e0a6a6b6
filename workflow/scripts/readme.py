"""Write the generated parts of README.md and docs/claims.md: `python workflow/scripts/readme.py`.

The line of results, the claim table and the gallery come from the register and from the reference
copy under docs/reference, so that documents, register and verdicts can't disagree; a test runs this
with `--check`.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from neuron_race.common import storage, terminal
from neuron_race.evidence import phrases, reference, reports
from neuron_race.settings import configuration, origins, reading

ROOT = Path(__file__).resolve().parents[2]

COLUMNS = 3  # of the gallery
ORDER = ("supported", "partly supported", "not supported", "inconclusive")
OURS = "our extension"
SETTINGS = configuration.read(reading.read_yaml(ROOT / "config/config.yaml"), ROOT)
Claims = Mapping[str, Mapping[str, Any]]


def verdict(name: str, preset: str = "default") -> dict[str, Any] | None:
    """The reference verdict on a claim, if there is one."""
    path = reference.folder(ROOT, preset) / f"claims/{name}.json"
    return storage.read_json(path) if path.exists() else None


def counted(names: Iterable[str]) -> str:
    """How many verdicts there are of each status, in words."""
    found = Counter((verdict(name) or {"status": "not run yet"})["status"] for name in names)
    return ", ".join(f"{found[status]} **{status}**" for status in ORDER if found[status])


def result(register: Claims) -> str:
    """One line of result."""
    ours = [name for name, claim in register.items() if claim["level"] == OURS]
    papers = [name for name in register if name not in ours]
    return (
        f"**Result.** Of the paper's {len(papers)} statements: {counted(papers)}. "
        f"Of {len(ours)} extensions of ours: {counted(ours)}.\n"
    )


def data_of(name: str) -> str:
    """Data sets that a claim's criteria are about."""
    found = [data for own in origins.origins(SETTINGS, name).values() for data in own["datasets"]]
    return ", ".join(data.replace("_", " ") for data in dict.fromkeys(found))


def table(register: Claims) -> str:
    """One row per claim of the register, with its reference verdict."""
    rows = []
    for name, claim in register.items():
        row = {"target": f"`{name}`", "claim": claim["title"], "level": claim["level"]}
        if found := verdict(name):
            summary = reports.summary([found]).iloc[0]
            row |= {
                "verdict": f"**{found['status']}**",
                "main statistic": f"{summary['main statistic']}: "
                + summary["estimate [95 % interval]"],
                "where it fails": summary["where it fails"],
                "controls as predicted": summary["controls as predicted"],
                "nulls as predicted": summary["nulls as predicted"],
                "data": data_of(name),
                "runs": summary["runs"],
                "evidence": f"[runs](reference/evidence/{name}.csv), "
                f"[numbers](reference/claims.md#{name}), [figure](reference/figures/{name}.png)",
            }
        rows.append(row)
    return phrases.markdown(pd.DataFrame(rows, dtype=object).fillna("not run yet"))


def presets(register: Claims) -> str:
    """One row per claim, with its verdict in each preset of which a reference is kept."""
    names, rows = reference.presets(ROOT), []
    for claim in register:
        row = {"target": f"`{claim}`"}
        for name in names:
            if found := verdict(claim, name):
                folder = reference.folder(ROOT, name).relative_to(ROOT / "docs")
                effects = [
                    c for c in found["criteria"] if c["confirmatory"] and not c["is_control"]
                ]
                hold = sum(c["holds"] is True for c in effects)
                row[name] = (
                    f"[{found['status']}]({folder}/claims.md#{claim}), {hold} of {len(effects)}"
                )
        rows.append(row)
    return phrases.markdown(pd.DataFrame(rows, dtype=object).fillna("not run yet"))


def gallery(register: Claims) -> str:
    """The reference figures, each a link to itself in full size."""
    titles = {**{name: claim["title"] for name, claim in register.items()}, "theory": "Theory"}
    cells = [
        f'<a href="reference/figures/{name}.png">'
        f'<img src="reference/figures/{name}.png" width="270" alt="Figure: {title}"></a>'
        f"<br>{title}"
        for name, title in titles.items()
        if (ROOT / f"docs/reference/figures/{name}.png").exists()
    ]
    rows = [cells[i : i + COLUMNS] for i in range(0, len(cells), COLUMNS)]
    rows[-1] += [""] * (COLUMNS - len(rows[-1]))
    return phrases.markdown(pd.DataFrame(rows, columns=[" "] * COLUMNS))


def generated(text: str, name: str, content: str) -> str:
    """The text with the part between the marks of this name replaced."""
    begin, end = f"<!-- {name}: begin (make readme) -->\n", f"<!-- {name}: end -->\n"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


PARTS = {
    "README.md": {"result": result},
    "docs/claims.md": {"claims": table, "presets": presets, "gallery": gallery},
}


def main() -> None:
    """Rewrite the documents, or with --check only compare."""
    register = SETTINGS.claims
    for document, parts in PARTS.items():
        path = ROOT / document
        new = text = path.read_text(encoding="utf-8")
        for name, part in parts.items():
            new = generated(new, name, part(register))
        if "--check" in sys.argv and new != text:
            sys.exit(f"{document} is not current: run `make readme`")
        if new != text:
            path.write_text(new, encoding="utf-8")


terminal.prepare()
main()
