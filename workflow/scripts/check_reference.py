"""Compare a run with the reference copy: `python workflow/scripts/check_reference.py [results]`.

A difference counts if a status, a statement, a caveat or a criterion's outcome is another one, if a
criterion is there on one side only, or if an estimate is off by more than a tenth of its interval's
half width (and more than 1e-6 of itself). On the same processor and lock, estimates are equal in
every digit. On another one sums are rounded otherwise, which long training in single precision
magnifies: between an AMD and an Intel processor 4 of 275 criteria were off by more (LeNet's tickets
and the transformer, a quarter of the half width at most), and are told here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow/src"))

import pandas as pd
from neuron_race import claims, storage, terminal

REFERENCE = ROOT / "docs/reference"


def tolerance(row: dict[str, Any]) -> float:
    """How far an estimate may be from the reference's."""
    values = [row[key] for key in ("estimate", "ci_low", "ci_high")]
    if None in values:
        return 0.0
    estimate, low, high = values
    return max(0.05 * (high - low), 1e-6 * abs(estimate), 1e-12)


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Rows for the table, one for each difference between two verdicts on a claim."""
    claim = old["claim"]
    for key in ("status", "preset", "n_runs", "statement", "caveats"):
        if old[key] != new[key]:
            yield {"claim": claim, "what": key, "reference": str(old[key]), "here": str(new[key])}
    before = {row["name"]: row for row in old["criteria"]}
    after = {row["name"]: row for row in new["criteria"]}
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            sides = ["there" if name in side else "missing" for side in (before, after)]
            yield {"claim": claim, "what": name, "reference": sides[0], "here": sides[1]}
            continue
        a, b = before[name], after[name]
        far = (a["estimate"] is None) != (b["estimate"] is None)
        if a["estimate"] is not None and b["estimate"] is not None:
            far = abs(a["estimate"] - b["estimate"]) > tolerance(a)
        if far or a["holds"] != b["holds"]:
            yield {
                "claim": claim,
                "what": name,
                "reference": f"{claims.found(a)} {claims.WORDS[a['holds']]}",
                "here": f"{claims.found(b)} {claims.WORDS[b['holds']]}",
            }


def main() -> None:
    """Print the table of differences; fail if there are any."""
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
    references = sorted((REFERENCE / "claims").glob("*.json"))
    rows, compared = [], 0
    for path in references:
        try:
            new = storage.read_json(results / "claims" / path.name)
        except storage.ResultError as error:
            sys.exit(f"{error}; run `make` first")
        old = storage.read_json(path)
        compared += len(old["criteria"])
        rows += list(differences(old, new))
    pictures = sorted((REFERENCE / "figures").glob("*.png"))
    same = sum(
        (results.parent / "figures" / path.name).exists()
        and storage.checksum(results.parent / "figures" / path.name) == storage.checksum(path)
        for path in pictures
    )
    print(f"{len(references)} verdicts, {compared} criteria: {len(rows)} differences")
    print(f"{same} of {len(pictures)} figures identical in every byte (not required)")
    if rows:
        print(pd.DataFrame(rows).to_string(index=False))
        sys.exit(1)


if __name__ == "__main__":
    terminal.prepare()
    main()
