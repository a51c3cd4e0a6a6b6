"""Verdicts as people read them: a table, Markdown, the terminal."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuron_race.evidence import nulls, phrases
from neuron_race.evidence.claims import main_criterion

WIDTH = 100  # columns of the terminal


def summary(verdicts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per claim: status, main statistic with interval, controls, runs."""
    rows = []
    for verdict in verdicts:
        main = main_criterion(verdict)
        rows.append(
            {
                "claim": verdict["claim"],
                "level": verdict["level"],
                "status": verdict["status"],
                "where it fails": phrases.failing(verdict),
                "main statistic": main["name"].replace("_", " "),
                "estimate [95 % interval]": phrases.found(main),
                "controls as predicted": phrases.controls(verdict["criteria"]),
                "nulls as predicted": nulls.tally(verdict.get("nulls", [])),
                "runs": verdict["n_runs"],
                "preset": phrases.preset(verdict),
            }
        )
    return pd.DataFrame(rows)


def tally(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """How many verdicts of each status there are, the paper's claims apart from ours."""
    own: dict[str, list[Any]] = {"of the paper": [], "of ours": []}
    for verdict in verdicts:
        own["of ours" if verdict["level"] == "our extension" else "of the paper"].append(verdict)
    told = []
    for whose, some in own.items():
        statuses = Counter(verdict["status"] for verdict in some)
        counts = ", ".join(f"{n} {status}" for status, n in statuses.most_common())
        claims = "claim" if len(some) == 1 else "claims"
        told.append(f"{len(some)} {claims} {whose}: {counts}" if some else "")
    return "; ".join(filter(None, told)) + "."


def report(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """All verdicts in Markdown: the summary, then each claim with its criteria and caveats."""
    parts = ["# Claims\n", f"{tally(verdicts)}\n", phrases.markdown(summary(verdicts))]
    for verdict in verdicts:
        parts += [
            f"## {verdict['claim']}\n",
            f"**{verdict['status']}**. {verdict['statement']} *({verdict['level']}; equations "
            f"{', '.join(verdict['equations'])}; preset {phrases.preset(verdict)})*\n",
        ]
        if "answer" in verdict:
            parts.append(f"**Answer.** {verdict['answer']} **It breaks:** {verdict['breaks']}\n")
        rows = [
            {
                "criterion": row["name"],
                "role": phrases.role(row),
                "meaning": row["meaning"],
                "estimate [95 % interval]": phrases.found(row),
                "threshold": phrases.asked(row),
                "over tasks": phrases.spread(row),
                "p (Holm)": phrases.number(row["p_holm"]),
                "holds": phrases.YES[row["holds"]],
                "at half, twice the threshold": phrases.moved(row),
            }
            for row in verdict["criteria"]
        ]
        parts.append(phrases.markdown(pd.DataFrame(rows)))
        if verdict.get("nulls"):
            parts.append(phrases.markdown(pd.DataFrame(nulls.told(verdict["nulls"]))))
        parts += [f"- {caveat}" for caveat in verdict["caveats"]]
        parts.append("")
    return "\n".join(parts)


def _wrapped(text: str, indent: str = "", first: str | None = None) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
    )


def _criteria(verdict: Mapping[str, Any]) -> list[str]:
    """Criteria for the terminal, those that count first."""
    parts: list[str] = []
    groups = {
        "Criteria": [r for r in verdict["criteria"] if r["confirmatory"] and not r["is_control"]],
        "Controls": [r for r in verdict["criteria"] if r["confirmatory"] and r["is_control"]],
        "Exploratory (not counted)": [r for r in verdict["criteria"] if not r["confirmatory"]],
    }
    for title, rows in groups.items():
        if rows:
            parts += ["", title]
        for row in rows:
            mark = {True: "+", False: "-", None: "?"}[row["holds"]]
            parts.append(
                f"  {mark} {row['name']}: {phrases.found(row)}, asked {phrases.asked(row)}: "
                f"{phrases.WORDS[row['holds']]}"
            )
            parts.append(_wrapped(row["meaning"], "      "))
            if spread := phrases.spread(row):
                parts.append(_wrapped(spread, "      "))
    return parts


def explanation(
    verdict: Mapping[str, Any],
    equations: Mapping[str, str],
    made: str,
    cost: str,
    options: Sequence[str] = (),
) -> str:
    """A claim in plain text for the terminal.

    Args:
        verdict: the verdict.
        equations: one line for each equation.
        made: what it was made from.
        cost: what its evidence cost.
        options: configuration given on the command line.
    """
    parts = [
        f"{verdict['claim']}: {verdict['status'].upper()}",
        f"{verdict['title']} · level: {verdict['level']} · expected: {verdict['expectation']} · "
        f"preset {phrases.preset(verdict)}, {verdict['n_runs']} runs per condition",
        "",
        _wrapped(verdict["statement"]),
        "",
    ]
    if "answer" in verdict:
        parts += [_wrapped(f"Answer: {verdict['answer']}"), ""]
        parts += [_wrapped(f"It breaks: {verdict['breaks']}"), ""]
    parts += [_wrapped(f"{name}  {equations[name]}", "    ") for name in verdict["equations"]]
    if failing := phrases.failing(verdict):
        parts += ["", _wrapped(f"Where it fails: {failing}.")]
    parts += _criteria(verdict)
    parts += nulls.lines(verdict.get("nulls", []))
    parts += ["", "What the evidence does not prove"]
    parts += [_wrapped(caveat, "    ", "  - ") for caveat in verdict["caveats"]]
    claim = verdict["claim"]
    parts += [
        "",
        f"Figure    {', '.join(verdict['figures'])} (numbers drawn: figures/{claim}.csv)",
        f"Numbers   results/evidence/{claim}.csv, results/claims/{claim}.json",
        _wrapped(made, " " * 10, "Made of   "),
        f"Again     {phrases.command(claim, options)}",
        f"Cost      {cost}",
    ]
    return "\n".join(parts) + "\n"
