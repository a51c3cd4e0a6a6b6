"""Write the generated parts of README.md: `python workflow/scripts/readme.py`.

The claim table and the gallery come from the register and from the reference copy under
docs/reference, so that README, register and verdicts can't disagree; a test runs this with
`--check`.
"""

import sys
from pathlib import Path

import pandas as pd

from neuron_race.common import storage, terminal
from neuron_race.evidence import claims
from neuron_race.settings import configuration

ROOT = Path(__file__).resolve().parents[2]

COLUMNS = 3  # of the gallery


def table() -> str:
    """One row per claim of the register, with its reference verdict."""
    register = configuration.read_register(ROOT / "config/claims")["claims"]
    rows = []
    for name, claim in register.items():
        path = ROOT / f"docs/reference/claims/{name}.json"
        row = {"target": f"`{name}`", "claim": claim["title"], "level": claim["level"]}
        if path.exists():
            verdict = storage.read_json(path)
            summary = claims.summary([verdict]).iloc[0]
            figure = f"[figure](docs/reference/figures/{name}.png)"
            row |= {
                "verdict": f"**{verdict['status']}**",
                "main statistic": f"{summary['main statistic']}: "
                + summary["estimate [95 % interval]"],
                "controls as predicted": summary["controls as predicted"],
                "runs": summary["runs"],
                "evidence": f"[numbers](docs/reference/claims.md#{name}), {figure}",
            }
        rows.append(row)
    return claims.markdown(pd.DataFrame(rows, dtype=object).fillna("not run yet"))


def gallery() -> str:
    """The reference figures, each a link to itself in full size."""
    register = configuration.read_register(ROOT / "config/claims")["claims"]
    titles = {**{name: claim["title"] for name, claim in register.items()}, "theory": "Theory"}
    cells = [
        f'<a href="docs/reference/figures/{name}.png">'
        f'<img src="docs/reference/figures/{name}.png" width="270" alt="Figure: {title}"></a>'
        f"<br>{title}"
        for name, title in titles.items()
        if (ROOT / f"docs/reference/figures/{name}.png").exists()
    ]
    rows = [cells[i : i + COLUMNS] for i in range(0, len(cells), COLUMNS)]
    rows[-1] += [""] * (COLUMNS - len(rows[-1]))
    return claims.markdown(pd.DataFrame(rows, columns=[" "] * COLUMNS))


def generated(text: str, name: str, content: str) -> str:
    """The text with the part between the marks of this name replaced."""
    begin, end = f"<!-- {name}: begin (make readme) -->\n", f"<!-- {name}: end -->\n"
    before, rest = text.split(begin)
    return f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"


def main() -> None:
    """Rewrite README.md, or with --check only compare."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    new = generated(generated(text, "claims", table()), "gallery", gallery())
    if "--check" in sys.argv:
        sys.exit(None if new == text else "README.md is not current: run `make readme`")
    path.write_text(new, encoding="utf-8")


terminal.prepare()
main()
