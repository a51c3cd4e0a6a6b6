"""What is left of a claim when a part of the theory is taken away."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.evidence import phrases, statistics

FAIL, PASS, OPEN = "fail", "pass", "open"  # what theory says beforehand of a null
NOTHING = {"expected": OPEN, "because": "theory says nothing of it"}


def judge(
    claim: Mapping[str, Any],
    nulls: Mapping[str, Mapping[str, Any]],
    criteria: Sequence[Mapping[str, Any]],
    values: pd.DataFrame,
) -> list[dict[str, Any]]:
    """One row per null that a claim's effects were asked of.

    A null meets a criterion if its interval lies on the side that the claim asks for, as the
    claim's own must; where a statistic is undefined it does not.

    Args:
        claim: entry of the register; ``nulls`` has what theory says of each, and why.
        nulls: entries of the register by name.
        criteria: the claim's own, judged.
        values: rows of nulls of :func:`neuron_race.evidence.collect.collect`.
    """
    rows = []
    for name, own in values.groupby("null", sort=False):
        if name not in nulls:  # the task drawn anew, which is no null
            continue
        said = claim.get("nulls", {}).get(name, NOTHING)
        judged = [_met(row, own[own["criterion"] == row["name"]]) for row in criteria]
        asked = [row for row in judged if row]
        counted = [row for row in asked if row["counts"]]
        if said is NOTHING and not counted:
            continue
        rows.append(
            {
                "null": name,
                "title": nulls[name]["title"],
                "removes": nulls[name]["removes"],
                "expected": said["expected"],
                "because": said["because"],
                "met": sum(row["meets"] is True for row in counted),
                "asked": len(counted),
                "as_expected": _as_expected(said["expected"], counted),
                "criteria": asked,
            }
        )
    return rows


def _met(row: Mapping[str, Any], own: pd.DataFrame) -> dict[str, Any] | None:
    """Whether a null meets a criterion; None if it was not asked."""
    if row["is_control"] or own.empty:
        return None
    values = own["value"].to_numpy(dtype=float)
    tasks = statistics.tasks_of(own)
    low, high = statistics.interval(values, proportion=row["proportion"], tasks=tasks)
    # Its own p-value asks no more than the interval does: nulls are not corrected for their number,
    # for here it is passing that would be the find.
    meets = statistics.decide(low, high, 0.0, row["threshold"], row["direction"])
    return {
        "name": row["name"],
        "estimate": float(values.mean()),
        "ci_low": low,
        "ci_high": high,
        "meets": meets,
        "undefined": bool(np.isnan([low, high]).any()),
        # One that the claim itself misses tells nothing apart.
        "counts": bool(row["confirmatory"] and row["holds"] is True),
    }


def _as_expected(expected: str, counted: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether a null did what theory says; None where it says nothing, or no number tells.

    One that must fail misses a criterion that the claim meets; one that must pass meets all whose
    statistic it has. An undefined statistic is no pass, and no failure either.
    """
    known = [row["meets"] for row in counted if not row["undefined"]]
    if expected == OPEN or not known:
        return None
    if expected == FAIL:
        return False in known
    return False if False in known else (None not in known or None)


def caveats(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on nulls that did not do what theory says."""
    found = []
    for row in rows:
        if row["as_expected"] is False and row["expected"] == FAIL:
            found.append(
                f"{row['title'].capitalize()} (without {row['removes']}) misses none of the "
                f"criteria that were asked of it ({row['asked']}): they do not show that "
                f"{row['removes']} matters."
            )
        elif row["as_expected"] is False:
            missed = [
                own["name"] for own in row["criteria"] if own["meets"] is False and own["counts"]
            ]
            found.append(
                f"{row['title'].capitalize()} (without {row['removes']}) should meet every "
                f"criterion, and misses {', '.join(missed)}."
            )
    return found


def also_met(
    rows: Sequence[Mapping[str, Any]], criteria: Sequence[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """By criterion, the nulls that should fail and meet it all the same.

    Two criteria that ask for a number from both sides are met together, or not at all.
    """
    other = {
        row["name"]: [also["name"] for also in criteria if _two_sides(row, also)]
        for row in criteria
    }
    found: dict[str, list[str]] = {}
    for row in rows:
        met = [own["name"] for own in row["criteria"] if own["meets"] is True]
        for name in met if row["expected"] == FAIL else ():
            if {*other[name]} <= {*met}:
                found.setdefault(name, []).append(row["null"])
    return found


def _two_sides(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two effects ask for one number, from above and from below."""
    if one["is_control"] or other["is_control"]:
        return False
    same = all(one.get(key) == other.get(key) for key in ("statistic", "runs", "minus"))
    return same and {one["direction"], other["direction"]} == {"above", "below"}


def table(verdicts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per claim, null and criterion, with the claim's own outcome beside it."""
    keys = ("null", "title", "removes", "expected", "as_expected")
    rows = [
        {"claim": verdict["claim"], **{key: row[key] for key in keys}, **_beside(verdict, own)}
        for verdict in verdicts
        for row in verdict.get("nulls", [])
        for own in row["criteria"]
    ]
    columns = ["claim", *keys, "criterion", "confirmatory", "holds", "meets", "undefined"]
    columns += ["estimate", "ci_low", "ci_high", "own_estimate", "threshold", "direction"]
    return pd.DataFrame(rows, columns=columns)


def _beside(verdict: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A null's outcome on a criterion, and the claim's."""
    (row,) = (row for row in verdict["criteria"] if row["name"] == own["name"])
    kept = ("meets", "undefined", "estimate", "ci_low", "ci_high")
    return {
        "criterion": own["name"],
        **{key: own[key] for key in kept},
        **{key: row[key] for key in ("confirmatory", "holds", "threshold", "direction")},
        "own_estimate": row["estimate"],
    }


def outcome(row: Mapping[str, Any]) -> str:
    """A null's outcome in words."""
    if not row["asked"]:
        return "not asked: no criterion that counts, and that the claim meets, is about it"
    met = f"meets {row['met']} of {row['asked']}"
    undefined = sum(own["undefined"] and own["counts"] for own in row["criteria"])
    return met + (f", {undefined} undefined" if undefined else "")


def tally(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many nulls did what theory says, of those of which it says something."""
    said = [row for row in rows if row["as_expected"] is not None]
    behaved = sum(row["as_expected"] for row in said)
    untold = sum(row["as_expected"] is None and row["expected"] != OPEN for row in rows)
    also = f", {untold} undecided" if untold else ""
    return f"{behaved} of {len(said)}{also}" if rows else "none asked"


def told(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Nulls as rows of a table for people."""
    says = {FAIL: "must fail", PASS: "must pass", OPEN: "nothing"}
    return [
        {
            "null": row["title"],
            "removes": row["removes"],
            "theory says": f"{says[row['expected']]}: {row['because']}",
            "outcome": outcome(row),
            "as predicted": phrases.DASH[row["as_expected"]],
        }
        for row in rows
    ]


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Nulls for the terminal: whether each did as theory says, and what."""
    if not rows:
        return []
    title = "Against nulls (what is left when a part of the theory is taken away)"
    return ["", title] + [
        f"  {row['as predicted']:>3} {row['null']} (without {row['removes']}): {row['outcome']}; "
        f"theory says {row['theory says']}"
        for row in told(rows)
    ]
