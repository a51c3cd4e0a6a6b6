"""What the site's templates show: verdicts with their runs, and where each number comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.evidence import claims, nulls, phrases
from neuron_race.pages import page
from neuron_race.pages.site import documents, plots

Row = Mapping[str, Any]
STATUSES = tuple(page.TONES)
SIGNS = dict(zip(STATUSES, "✓◐✕?", strict=True))
OURS = "our extension"
AT = (0.9, 0.05)  # of the loss left: the drop, and where a task counts as fitted


@dataclass(frozen=True)
class Results:
    """What the site is made of.

    Attributes:
        verdicts: all verdicts, in the order of the register.
        evidence: by claim, result of :func:`neuron_race.evidence.collect.collect`.
        costs: result of :func:`neuron_race.operations.cost.per_target` for the claims.
        origins: claim -> criterion -> what its number is of and where it comes from:
            ``datasets``, ``table``, ``script``, ``means``, ``equation`` and ``section`` of the
            dictionary.
        datasets: options of each data set, and ``about``, its kind in words.
        universes: a row per claim's statistic, in which share of universes it holds.
        decisions: a row per statistic, decision and option, what of it hangs on them.
        judged: ``figures/moments.csv``, what claims are about by how much of the loss is left.
        moments: by claim, fragment of the explorer's address at the moment that tells most.
        lectures: claims that have one.
        anchors: result of :func:`neuron_race.pages.site.documents.anchors`.
        options: configuration given on the command line.
    """

    verdicts: Sequence[Row]
    evidence: Mapping[str, pd.DataFrame]
    costs: pd.DataFrame
    origins: Mapping[str, Mapping[str, Row]]
    datasets: Mapping[str, Row]
    universes: pd.DataFrame
    decisions: pd.DataFrame
    judged: pd.DataFrame
    moments: Mapping[str, str]
    lectures: Sequence[str]
    anchors: Mapping[str, str]
    options: Sequence[str]


def claim(results: Results, verdict: Row) -> dict[str, Any]:
    """All that a claim's page shows."""
    name = verdict["claim"]
    spent = results.costs.set_index("target").loc[name]
    shares = results.universes[results.universes["claim"] == name].to_dict("records")
    return {
        "verdict": verdict,
        "reason": reason(verdict),
        "level": phrases.LEVELS[verdict["level"]],
        "criteria": [criterion(results, name, row) for row in verdict["criteria"]],
        "nulls": nulls.told(verdict.get("nulls", [])),
        "tally": nulls.tally(verdict.get("nulls", [])),
        "equations": [
            (e, results.anchors.get(e, results.anchors["L"])) for e in verdict["equations"]
        ],
        "datasets": data_of(results, name),
        "universes": shares,
        "decisive": [_decisive(results.decisions, share["statistic"]) for share in shares],
        "judged": _judged(results.judged[results.judged["claim"] == name]),
        "moment": results.moments.get(name),
        "lecture": name in results.lectures,
        "command": phrases.command(name, results.options),
        "cost": f"{spent['cpu_s']:,.0f} CPU-seconds in {spent['jobs']} jobs",
    }


def criterion(results: Results, name: str, row: Row) -> dict[str, Any]:
    """A criterion with its runs, its plot, and what it is made of."""
    evidence = results.evidence[name]
    own = evidence[(evidence["criterion"] == row["name"]) & evidence["null"].isna()]
    return {
        **row,
        "plot": plots.forest(row, own["value"].tolist()),
        "values": [
            (
                str(run.seed) if pd.isna(run.task) else f"{run.seed} ({run.task})",
                phrases.number(run.value),
            )
            for run in own.itertuples()
        ],
        "role": phrases.role(row),
        "found": phrases.found(row),
        "asked": phrases.asked(row),
        "spread": phrases.spread(row),
        "half": phrases.DASH[row["holds_at_half"]],
        "double": phrases.DASH[row["holds_at_double"]],
        "origin": results.origins[name][row["name"]],
    }


def data_of(results: Results, name: str) -> list[str]:
    """Data sets that a claim's criteria are about, each once."""
    origins = results.origins[name].values()
    return list(dict.fromkeys(data for origin in origins for data in origin["datasets"]))


def reason(verdict: Row) -> str:
    """Why a verdict is what it is, in a sentence or two."""
    counted = [row for row in verdict["criteria"] if row["confirmatory"]]
    told = ", and ".join(
        f"{sum(row['holds'] is True for row in rows)} of {len(rows)} {words}"
        for words, rows in (
            ("effects that count hold", [row for row in counted if not row["is_control"]]),
            ("controls do as predicted", [row for row in counted if row["is_control"]]),
        )
        if rows
    )
    wrong = [row for row in counted if row["holds"] is not True]
    astray = [row for row in verdict.get("nulls", []) if row["as_expected"] is False]
    parts = [f"{told}."]
    if wrong:
        worst = min(wrong, key=lambda row: row["holds"] is None)
        kind = "Undecided" if worst["holds"] is None else "It fails here"
        parts.append(
            f"{kind}: {worst['meaning']} is {phrases.found(worst)}; asked was "
            f"{phrases.asked(worst)}."
        )
    elif astray:
        does = "meets" if astray[0]["expected"] == nulls.FAIL else "misses"
        parts.append(f"But {astray[0]['title']} {does} what it should not.")
    return " ".join(parts)


def _decisive(decisions: pd.DataFrame, statistic: str) -> dict[str, Any]:
    """The decision on which a statistic hangs most, with the share of each of its options."""
    own = decisions[decisions["statistic"] == statistic]
    most = own[own["importance"] == own["importance"].max()]
    return {
        "decision": most["decision"].iloc[0],
        "options": list(zip(most["option"], most["share"], strict=True)),
    }


def _judged(numbers: pd.DataFrame) -> list[dict[str, Any]]:
    """A row per statistic and init: mean and interval at the drop, at 5 % of the loss, and last."""
    found = []
    for (quantity, condition), own in numbers.groupby(["quantity", "condition"], sort=False):
        lefts = own["loss_left"].to_numpy()
        near = [int(np.abs(np.log(lefts / left)).argmin()) for left in AT]
        shown = own.iloc[[*near, len(own) - 1]].drop_duplicates().to_dict("records")
        found.append({"quantity": quantity, "condition": condition, "moments": shown})
    return found


def summary(results: Results) -> list[dict[str, Any]]:
    """Rows of the table of all claims."""
    cost = results.costs.set_index("target")["cpu_s"]
    rows = []
    for order, verdict in enumerate(results.verdicts):
        name, main = verdict["claim"], claims.main_criterion(verdict)
        words = [name.replace("_", " "), verdict["title"], verdict["statement"]]
        words += [row["meaning"] for row in verdict["criteria"]]
        controls = [r for r in verdict["criteria"] if r["is_control"] and r["confirmatory"]]
        rows.append(
            {
                "verdict": verdict,
                "order": order,
                "rank": STATUSES.index(verdict["status"]),
                "main": criterion(results, name, main),
                "failing": phrases.failing(verdict),
                "controls": phrases.controls(verdict["criteria"]),
                "passed": sum(r["holds"] is True for r in controls) / max(len(controls), 1),
                "nulls": nulls.tally(verdict.get("nulls", [])),
                "datasets": data_of(results, name),
                "cost": float(cost[name]),
                "text": " ".join(words).lower(),
            }
        )
    return rows


def datasets(results: Results) -> list[dict[str, Any]]:
    """Data sets that any criterion is about, each with these criteria."""
    asked: dict[str, list[dict[str, Any]]] = {}
    for verdict in results.verdicts:
        for row in verdict["criteria"]:
            origin = results.origins[verdict["claim"]][row["name"]]
            told = {**row, "verdict": verdict, "found": phrases.found(row)}
            for data in origin["datasets"]:
                asked.setdefault(data, []).append({**told, "asked": phrases.asked(row)})
    return [
        {"name": name, "options": results.datasets[name], "criteria": asked[name]}
        for name in results.datasets
        if name in asked
    ]


def words() -> dict[str, Any]:
    """Functions and words that the templates use."""
    return {
        "tone": page.TONES.__getitem__,
        "sign": SIGNS.__getitem__,
        "number": phrases.number,
        "slug": documents.slug,
        "width": plots.WIDTH,
        "height": plots.HEIGHT,
    }
