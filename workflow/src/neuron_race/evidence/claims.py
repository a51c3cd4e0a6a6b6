"""From per-run evidence and the register's thresholds to verdicts."""

import functools
import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.evidence import nulls, statistics
from neuron_race.settings import changes


def judge(claim: Mapping[str, Any], values: pd.DataFrame) -> list[dict[str, Any]]:
    """Criteria with estimate, interval, p-value (Holm over the claim), and whether they hold.

    Only confirmatory criteria enter the correction and, later, the status.
    """
    rows = []
    for criterion in claim["criteria"]:
        of = values[values["criterion"] == criterion["name"]]
        own, tasks = of["value"].to_numpy(dtype=float), statistics.tasks_of(of)
        proportion = bool(criterion.get("proportion", False))
        low, high = statistics.interval(own, proportion=proportion, tasks=tasks)
        threshold, direction = float(criterion["threshold"]), criterion["direction"]
        new = (np.nan, np.nan) if proportion else statistics.prediction(own, tasks)
        rows.append(
            {
                "name": criterion["name"],
                "meaning": criterion["meaning"],
                "statistic": criterion["statistic"],
                "runs": criterion.get("runs") or [point["runs"] for point in criterion["trend"]],
                "estimate": float(own.mean()) if len(own) else np.nan,
                "ci_low": low,
                "ci_high": high,
                "n_runs": len(own),
                "n_undefined": int((~np.isfinite(own)).sum()),
                "n_tasks": len(set(tasks)) if tasks else 1,
                "share": statistics.share_within(own, threshold, direction),
                "new_low": new[0],
                "new_high": new[1],
                "threshold": threshold,
                "direction": direction,
                "proportion": proportion,
                "is_control": bool(criterion.get("control", False)),
                "confirmatory": bool(criterion.get("confirmatory", True)),
                "p_value": statistics.p_value(own, threshold, direction, proportion, tasks),
            }
        )
    confirmatory = [row for row in rows if row["confirmatory"]]
    adjusted = statistics.holm(np.array([row["p_value"] for row in confirmatory]))
    for row, p in zip(confirmatory, adjusted, strict=True):
        row["p_holm"] = float(p)
    for row in rows:
        p = row.setdefault("p_holm", row["p_value"])
        row["holds"] = statistics.decide(
            row["ci_low"], row["ci_high"], p, row["threshold"], row["direction"]
        )
    return rows


def status(criteria: Sequence[Mapping[str, Any]], against: Sequence[Mapping[str, Any]] = ()) -> str:
    """Status of a claim from its confirmatory criteria, and from the nulls they were asked of.

    ``supported``: all criteria hold, all controls fail as predicted (their criterion holds), and
    nulls do as theory says. ``not supported``: at least one criterion fails and none holds.
    ``partly supported``: some hold and some fail, or all hold but a control or a null does not
    behave, so that the effect is there and its attribution is not. ``inconclusive``: anything
    else, such as an undecided criterion.
    """
    counted = [row for row in criteria if row["confirmatory"]]
    effects = [row["holds"] for row in counted if not row["is_control"]]
    controls = [row["holds"] for row in counted if row["is_control"]]
    if not effects:
        return "inconclusive"
    if False in effects:
        return "partly supported" if True in effects else "not supported"
    if None in effects:
        return "inconclusive"
    if False in controls or any(row["as_expected"] is False for row in against):
        return "partly supported"
    return "supported" if controls and None not in controls else "inconclusive"


def verdict(
    claim: Mapping[str, Any],
    values: pd.DataFrame,
    preset: str,
    changed: Mapping[str, Sequence[Any]],
    figures: Sequence[str],
    known: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The verdict on a claim, ready to be written; provenance is added by who writes it.

    Args:
        claim: entry of the register.
        values: result of :func:`neuron_race.evidence.collect`.
        preset: name of the preset.
        changed: settings that differ from the preset's, see
            :func:`neuron_race.settings.changes.changes`.
        figures: names of the claim's figure.
        known: the register's nulls.
    """
    criteria = judge(claim, values[values["null"].isna()])
    against = nulls.judge(claim, known, criteria, values[values["null"].notna()])
    also = nulls.also_met(against)
    for row in criteria:
        row["also_met_by"] = also.get(row["name"], [])
    caveats = list(claim["caveats"])
    if preset == "smoke":
        caveats.insert(0, SMOKE)
    if changed:
        caveats.insert(0, f"Not the settings of preset {preset}: {changes.words(changed)}.")
    for row in criteria:
        if row["n_undefined"]:
            caveats.append(
                f"{row['name']}: undefined in {row['n_undefined']} of {row['n_runs']} runs."
            )
        if row["is_control"] and row["holds"] is False:
            caveats.append(f"Control {row['name']} did not fail as the theory predicts.")
    caveats += nulls.caveats(against)
    sentences = {key: filled(claim[key], criteria) for key in ("answer", "breaks") if key in claim}
    return {
        "claim": claim["id"],
        "title": claim["title"],
        "statement": claim["statement"],
        **sentences,
        "level": claim["level"],
        "equations": list(claim["equations"]),
        "status": status(criteria, against),
        "expectation": claim["expectation"],
        "preset": preset,
        "changes": dict(changed),
        "n_runs": max(row["n_runs"] for row in criteria),
        "n_tasks": max(row["n_tasks"] for row in criteria),
        "criteria": criteria,
        "nulls": against,
        "figures": list(figures),
        "caveats": caveats,
    }


def scoreboard(verdicts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per criterion of all claims, with Holm's correction over all confirmatory ones."""
    keys = ("claim", "level", "status", "expectation")
    rows = [
        {
            **{key: verdict[key] for key in keys},
            "preset": preset(verdict),
            **row,
            "runs": " ".join(np.atleast_1d(row["runs"])),
            "also_met_by": " ".join(row.get("also_met_by", [])),
        }
        for verdict in verdicts
        for row in verdict["criteria"]
    ]
    table = pd.DataFrame(rows)
    chosen = table["confirmatory"].astype(bool)
    table["p_holm_all_claims"] = np.nan
    p = table.loc[chosen, "p_value"].astype(float).to_numpy()
    table.loc[chosen, "p_holm_all_claims"] = statistics.holm(p)
    return table


def filled(sentence: str, criteria: Sequence[Mapping[str, Any]]) -> str:
    """A sentence of the register with each {criterion} replaced by its estimate and interval."""
    numbers = {
        row["name"]: f"{number(row['estimate'])} [{number(row['ci_low'])}, "
        f"{number(row['ci_high'])}]"
        for row in criteria
    }
    return sentence.format_map(numbers)


def preset(verdict: Mapping[str, Any]) -> str:
    """Name of a verdict's preset, and whether its settings are others; caveats say which."""
    return f"{verdict['preset']}, changed" if verdict.get("changes") else str(verdict["preset"])


def number(value: float | None) -> str:
    """A number as people read it: three significant digits."""
    return "undefined" if value is None or np.isnan(value) else f"{value:.3g}"


def main_criterion(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    """The criterion shown in summaries: the first of the register."""
    return verdict["criteria"][0]


def summary(verdicts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per claim: status, main statistic with interval, controls, runs."""
    rows = []
    for verdict in verdicts:
        main = main_criterion(verdict)
        controls = [row for row in verdict["criteria"] if row["is_control"] and row["confirmatory"]]
        behaved = sum(row["holds"] is True for row in controls)
        rows.append(
            {
                "claim": verdict["claim"],
                "level": verdict["level"],
                "status": verdict["status"],
                "main statistic": main["name"].replace("_", " "),
                "estimate [95 % interval]": found(main),
                "controls as predicted": f"{behaved} of {len(controls)}",
                "nulls as predicted": nulls.tally(verdict.get("nulls", [])),
                "runs": verdict["n_runs"],
                "preset": preset(verdict),
            }
        )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.to_numpy()]
    return "\n".join(lines) + "\n"


def report(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """All verdicts in Markdown: the summary, then each claim with its criteria and caveats."""
    parts = ["# Claims\n", markdown(summary(verdicts))]
    for verdict in verdicts:
        parts += [
            f"## {verdict['claim']}\n",
            f"**{verdict['status']}**. {verdict['statement']} *({verdict['level']}; equations "
            f"{', '.join(verdict['equations'])}; preset {preset(verdict)})*\n",
        ]
        if "answer" in verdict:
            parts.append(f"**Answer.** {verdict['answer']} **It breaks:** {verdict['breaks']}\n")
        rows = [
            {
                "criterion": row["name"],
                "role": role(row),
                "meaning": row["meaning"],
                "estimate [95 % interval]": found(row),
                "threshold": asked(row),
                "p (Holm)": number(row["p_holm"]),
                "holds": YES[row["holds"]],
            }
            for row in verdict["criteria"]
        ]
        parts.append(markdown(pd.DataFrame(rows)))
        if verdict.get("nulls"):
            parts.append(markdown(pd.DataFrame(nulls.told(verdict["nulls"]))))
        parts += [f"- {caveat}" for caveat in verdict["caveats"]]
        parts.append("")
    return "\n".join(parts)


WORDS = {True: "holds", False: "does not hold", None: "undecided"}
YES = {True: "yes", False: "no", None: "undecided"}
SMOKE = "Smoke preset: too few runs for any conclusion."


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


def caption(verdict: Mapping[str, Any]) -> str:
    """Caption of a claim's figure in reStructuredText, with the numbers of its verdict."""
    rows = "\n".join(
        f"   * - {row['meaning']}\n     - {role(row)}\n     - {found(row)}\n"
        f"     - {asked(row)}\n     - {WORDS[row['holds']]}"
        for row in verdict["criteria"]
    )
    caveats = "\n".join(f"* {caveat}" for caveat in verdict["caveats"])
    answer = (
        f"\n**Answer.** {verdict['answer']} **It breaks:** {verdict['breaks']}\n"
        if "answer" in verdict
        else ""
    )
    against = nulls.listed(verdict.get("nulls", []))
    return f"""**{verdict["title"]}: {verdict["status"]}** (expected: {verdict["expectation"]};
{verdict["n_runs"]} runs per condition, preset {preset(verdict)}).

{verdict["statement"]} *Level: {verdict["level"]}. Equations: {", ".join(verdict["equations"])}.*
{answer}
.. list-table::
   :header-rows: 1

   * - criterion
     - role
     - estimate [95 % interval]
     - asked
     - outcome
{rows}
{against}
What the evidence does not prove:

{caveats}
"""


def command(target: str, options: Sequence[str]) -> str:
    """The command that makes a target; options come last, for they take all words that follow."""
    return " ".join(["snakemake --cores all", *([target] if target else []), *options])


def _wrapped(width: int, text: str, indent: str = "", first: str | None = None) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
    )


def explanation(
    verdict: Mapping[str, Any],
    equations: Mapping[str, str],
    made: str,
    cost: str,
    options: Sequence[str] = (),
    width: int = 100,
) -> str:
    """A claim in plain text for the terminal.

    Args:
        verdict: the verdict.
        equations: one line for each equation.
        made: what it was made from.
        cost: what its evidence cost.
        options: configuration given on the command line.
        width: columns of the terminal.
    """
    wrapped = functools.partial(_wrapped, width)
    parts = [
        f"{verdict['claim']}: {verdict['status'].upper()}",
        f"{verdict['title']} · level: {verdict['level']} · expected: {verdict['expectation']} · "
        f"preset {preset(verdict)}, {verdict['n_runs']} runs per condition",
        "",
        wrapped(verdict["statement"]),
        "",
    ]
    if "answer" in verdict:
        parts += [wrapped(f"Answer: {verdict['answer']}"), ""]
        parts += [wrapped(f"It breaks: {verdict['breaks']}"), ""]
    parts += [wrapped(f"{name}  {equations[name]}", "    ") for name in verdict["equations"]]
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
                f"  {mark} {row['name']}: {found(row)}, asked {asked(row)}: {WORDS[row['holds']]}"
            )
            parts.append(wrapped(row["meaning"], "      "))
    parts += nulls.lines(verdict.get("nulls", []))
    parts += ["", "What the evidence does not prove"]
    parts += [wrapped(caveat, "    ", "  - ") for caveat in verdict["caveats"]]
    claim = verdict["claim"]
    parts += [
        "",
        f"Figure    {', '.join(verdict['figures'])} (numbers drawn: figures/{claim}.csv)",
        f"Numbers   results/evidence/{claim}.csv, results/claims/{claim}.json",
        wrapped(made, " " * 10, "Made of   "),
        f"Again     {command(claim, options)}",
        f"Cost      {cost}",
    ]
    return "\n".join(parts) + "\n"
