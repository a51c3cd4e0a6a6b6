"""From per-run evidence and the register's thresholds to verdicts."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.evidence import nulls, phrases, statistics
from neuron_race.settings import changes

REDRAWN = ("other_init", "other_split")  # of the register


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
        new = [np.nan] * 3 if proportion else statistics.prediction(own, tasks)
        rows.append(
            {
                "name": criterion["name"],
                "meaning": criterion["meaning"],
                "statistic": criterion["statistic"],
                "runs": criterion.get("runs") or [point["runs"] for point in criterion["trend"]],
                # What is taken away: other runs, or another statistic.
                "minus": criterion.get("minus") or criterion.get("minus_statistic"),
                "estimate": float(own.mean()) if len(own) else np.nan,
                "ci_low": low,
                "ci_high": high,
                "n_runs": len(own),
                "n_undefined": int((~np.isfinite(own)).sum()),
                "n_tasks": len(set(tasks)) if tasks else 1,
                "share": statistics.share_within(own, threshold, direction),
                "new_low": new[0],
                "new_high": new[1],
                "class_share": new[2],
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
        row |= _elsewhere(row)
    return rows


def _drawn_anew(values: pd.DataFrame) -> dict[str, float]:
    """Shares of the variance between tasks, where a criterion's tasks were drawn anew; or NaN."""
    own = values[values["null"].isna()].set_index("seed")
    again = [values[values["null"] == name].set_index("seed")["value"] for name in REDRAWN]
    shares = dict.fromkeys(("init", "split", "task"), float("nan"))
    if statistics.tasks_of(own) and all(len(other) == len(own) for other in again):
        aligned = [other.reindex(own.index).to_numpy(dtype=float) for other in again]
        shares = statistics.components(own["value"].to_numpy(dtype=float), *aligned)
    return {f"variance_{name}": share for name, share in shares.items()}


def _elsewhere(row: Mapping[str, Any]) -> dict[str, bool | None]:
    """Whether the interval alone would lie right of half, and of twice, the threshold.

    None where it would lie on neither side, where the threshold is 0, or a proportion's twice is 1
    or more.
    """
    found: dict[str, bool | None] = {}
    for name, factor in (("holds_at_half", 0.5), ("holds_at_double", 2.0)):
        moved = factor * row["threshold"]
        known = moved != 0 and not (row["proportion"] and moved >= 1)
        p = 0.0 if known else np.nan
        found[name] = statistics.decide(row["ci_low"], row["ci_high"], p, moved, row["direction"])
    return found


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
    for row in criteria:
        row |= _drawn_anew(values[values["criterion"] == row["name"]])
    against = nulls.judge(claim, known, criteria, values[values["null"].notna()])
    also = nulls.also_met(against, criteria)
    for row in criteria:
        row["also_met_by"] = also.get(row["name"], [])
    caveats = list(claim["caveats"])
    if preset == "smoke":
        caveats.insert(0, phrases.SMOKE)
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
    sentences = {
        key: phrases.filled(claim[key], criteria) for key in ("answer", "breaks") if key in claim
    }
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
            "preset": phrases.preset(verdict),
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


def main_criterion(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    """The criterion shown in summaries: the first of the register."""
    return verdict["criteria"][0]
