"""Numbers, criteria and verdicts in words, the same in all reports."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # pages say words of these, and read no tables
    import pandas as pd

WORDS = {True: "holds", False: "does not hold", None: "undecided"}
YES = {True: "yes", False: "no", None: "undecided"}
DASH = {True: "yes", False: "no", None: "–"}
# Where a statement stands: the register's levels in words.
LEVELS = {
    "abstract": "said in the paper’s abstract",
    "figure": "said in the caption of the paper’s Figure 1",
    "second-hand": "reported by others as the paper’s",
    "our extension": "an extension of ours, not in what we know of the paper",
}
SMOKE = "Smoke preset: too few runs for any conclusion."


def number(value: float | None) -> str:
    """A number as people read it: three significant digits."""
    return "undefined" if value is None or np.isnan(value) else f"{value:.3g}"


def asked(row: Mapping[str, Any]) -> str:
    """What a criterion asks of its estimate, for example ``above 0.5`` or ``within ±0.02``."""
    sign = "±" if row["direction"] == "within" else ""
    return f"{row['direction']} {sign}{number(row['threshold'])}"


def found(row: Mapping[str, Any]) -> str:
    """Estimate of a criterion with its interval."""
    low, high = number(row["ci_low"]), number(row["ci_high"])
    return f"{number(row['estimate'])} [{low}, {high}]"


def role(row: Mapping[str, Any]) -> str:
    """``effect`` or ``control``, and whether it is exploratory."""
    name = "control" if row["is_control"] else "effect"
    return name if row["confirmatory"] else f"{name}, exploratory"


def preset(verdict: Mapping[str, Any]) -> str:
    """Name of a verdict's preset, and whether its settings are others; caveats say which."""
    return f"{verdict['preset']}, changed" if verdict.get("changes") else str(verdict["preset"])


def filled(sentence: str, criteria: Sequence[Mapping[str, Any]]) -> str:
    """A sentence of the register with each {criterion} replaced by its estimate and interval."""
    return sentence.format_map({row["name"]: found(row) for row in criteria})


def markdown(table: "pd.DataFrame") -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy()]
    return "\n".join(lines) + "\n"


def command(target: str, options: Sequence[str]) -> str:
    """The command that makes a target; options come last, for they take all words that follow."""
    return " ".join(["snakemake --cores all", *([target] if target else []), *options])


def spread(row: Mapping[str, Any]) -> str:
    """Where each run is a task: in how many a criterion holds, and where a new one would lie."""
    if row.get("n_tasks", 1) < 2:
        return ""
    parts = [f"in {100 * row['share']:.0f} % of {row['n_tasks']} tasks"]
    low, high, classes = (row.get(key) for key in ("new_low", "new_high", "class_share"))
    if not (low is None or high is None or np.isnan([low, high]).any()):
        parts.append(f"a new one within [{number(low)}, {number(high)}]")
    if classes is not None and not np.isnan(classes):
        parts.append(f"classes have {100 * classes:.0f} % of the variance")
    drawn = {name: row.get(f"variance_{name}") for name in ("task", "split", "init")}
    told = [
        f"{name} {100 * share:.0f} %"
        for name, share in drawn.items()
        if share is not None and not np.isnan(share)
    ]
    if told:
        parts.append(f"variance: {', '.join(told)}")
    return "; ".join(parts)


def moved(row: Mapping[str, Any]) -> str:
    """What a criterion would be at half and at twice its threshold; a dash where that is open."""
    half, double = row.get("holds_at_half"), row.get("holds_at_double")
    return f"{DASH[half]}, {DASH[double]}"


def controls(criteria: Sequence[Mapping[str, Any]]) -> str:
    """How many controls did as predicted, those too that do not count."""
    rows = [row for row in criteria if row["is_control"]]
    counted = [row for row in rows if row["confirmatory"]]
    told = f"{sum(row['holds'] is True for row in counted)} of {len(counted)}"
    others = sum(row["holds"] is False for row in rows if not row["confirmatory"])
    return told + (f", and {others} not counted that did not fail" if others else "")


def failing(verdict: Mapping[str, Any]) -> str:
    """What keeps a claim from being supported, with numbers; empty where nothing does."""
    counted = [row for row in verdict["criteria"] if row["confirmatory"]]
    told = [
        f"{row['name'].replace('_', ' ')} {found(row)}, asked {asked(row)}"
        f"{' (control)' if row['is_control'] else ''}"
        f"{': undecided' if row['holds'] is None else ''}"
        for row in sorted(counted, key=lambda row: row["holds"] is None)
        if row["holds"] is not True
    ]
    told += [
        f"{row['title']}: {'meets' if row['expected'] == 'fail' else 'misses'} what it should not"
        for row in verdict.get("nulls", [])
        if row["as_expected"] is False
    ]
    return "; ".join(told)
