"""Write docs/statistics.md, what criteria may ask of: `python workflow/scripts/dictionary.py`.

It comes from the declarations that the register is checked against; a test runs this with
`--check`.
"""

import math
import sys
from pathlib import Path

from neuron_race.settings import dictionary
from neuron_race.settings.dictionary import Part, Statistic, Table

ROOT = Path(__file__).resolve().parents[2]

OPENING = """# Statistics

<!-- Written by `make readme` from the package's settings/dictionary; edits here are lost. -->

What a criterion of the register ([config/claims](../config/claims)) may ask of: the
columns of the tables `results/<table>/<experiment>/runs.csv`, one number per run. A criterion
names a column as its `statistic`, and reads it for the runs `<experiment>/<condition>`. Before
any job starts it is refused if its column is not listed here, is not there by the settings of its
condition, or can't decide anything at its threshold.

- *Kind*: `0 or 1` in each run (a criterion about it says `proportion: true`, and its threshold is
  a fraction of runs), `count` (a whole number), `share` (from 0 to 1), or `real`.
- *Range*: what values are possible. A name in it is an option of the condition
  ([config/config.yaml](../config/config.yaml)).
- *Equation*: its number in [paper_notes.md](../paper_notes.md).
- A part of a name in angle brackets stands for the values listed below the table.
- A value can be undefined, such as the time of a loss drop that never came. A criterion with one
  undefined value is undecided.

In short: *norm product*, length of a neuron's incoming weights times that of its outgoing ones;
*drop*, the step at which 10 % of the initial loss is lost; *plateau*, the time before it; *pull*,
the direction in which the data draw a neuron's incoming weights; *alignment*, the cosine between
the two; *gate pattern*, the samples that a neuron is open on; *cluster*, neurons whose weights
have at least a given cosine pairwise; *forecast*, norm products at the drop computed from init
and data alone.
"""


def bracketed(name: str) -> str:
    """A name with its parts in angle brackets, as code."""
    return f"`{name.replace('{', '<').replace('}', '>')}`"


def possible(statistic: Statistic) -> str:
    """The range in words."""
    low = None if statistic.low == -math.inf else f"{statistic.low:.4g}".replace("-", "−")
    high = f"`{statistic.high}`" if isinstance(statistic.high, str) else f"{statistic.high:.4g}"
    if statistic.high == math.inf:
        return "any" if low is None else f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def described(statistic: Statistic) -> str:
    """A line of a table."""
    meaning = statistic.meaning
    if statistic.never:
        meaning += f" Undefined {statistic.never}."
    name, kind = bracketed(statistic.name), statistic.kind
    cells = (name, kind, possible(statistic), statistic.unit or "–", meaning, statistic.equation)
    return f"| {' | '.join(cells)} |".replace("  |", " |")


def described_part(part: Part) -> str:
    """What a part of a name stands for, with its values if no setting changes them."""
    if callable(part.values):
        return part.meaning
    return f"{part.meaning}: {', '.join(f'`{value}`' for value in part.values if value)}"


def section(name: str, folder: str, table: Table) -> str:
    """A table with its files, statistics and parts of names."""
    files = [f"`{file}.csv` (a row is {row})" for file, row in table.files.items()]
    lines = [f"## {name}\n", f"{table.about} Files in `results/{folder}/`: {', '.join(files)}.\n"]
    if not table.statistics:
        return "\n".join([*lines, "Only figures read it.\n"])
    lines += ["| statistic | kind | range | unit | meaning | equation |", "|" + " --- |" * 6]
    lines += [described(statistic) for statistic in table.statistics]
    listed = [f"- `<{part}>`: {described_part(own)}" for part, own in table.parts.items()]
    return "\n".join([*lines, "", *listed, ""] if listed else [*lines, ""])


def page() -> str:
    """The whole document."""
    parts = [OPENING]
    for name, table in dictionary.TABLES.items():
        what = "protocol" if name == "weights" else "experiment"
        parts.append(section(f"`{name}`", f"{name}/<{what}>", table))
    for study, table in dictionary.STUDIES.items():
        parts.append(section(f"`extension`, study `{study}`", "extension/<target>", table))
    parts.append(section("`multiverse`", "multiverse", dictionary.MULTIVERSE))
    return "\n".join(parts)


def main() -> None:
    """Write the document, or with --check only compare."""
    path = ROOT / "docs/statistics.md"
    if "--check" in sys.argv:
        current = path.exists() and path.read_text(encoding="utf-8") == page()
        sys.exit(None if current else "docs/statistics.md is not current: run `make readme`")
    path.write_text(page(), encoding="utf-8")


main()
