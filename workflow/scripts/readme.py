"""Write the generated parts of README.md: `python workflow/scripts/readme.py`.

The claim table comes from the register and from the reference verdicts under docs/reference, so
that README, register and verdicts can't disagree; a test runs this with `--check`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow/src"))

import pandas as pd
from neuron_race import claims, settings, storage

BEGIN, END = "<!-- claims: begin (make readme) -->\n", "<!-- claims: end -->\n"


def table() -> str:
    """One row per claim of the register, with its reference verdict."""
    register = settings.read_yaml(ROOT / "config/claims.yaml")["claims"]
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


def main() -> None:
    """Rewrite README.md, or with --check only compare."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    new = before + BEGIN + "\n" + table() + "\n" + END + after
    if "--check" in sys.argv:
        sys.exit(None if new == text else "README.md is not current: run `make readme`")
    path.write_text(new, encoding="utf-8")


main()
