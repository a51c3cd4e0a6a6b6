"""The scorecard: all claims in one table to sort and filter, with their evidence below it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from great_tables import GT, html
from markupsafe import Markup

from neuron_race.evidence import claims, nulls, phrases
from neuron_race.pages import page

Verdict = Mapping[str, Any]
STATUSES = ("supported", "partly supported", "not supported", "inconclusive")
TONES = dict(zip(STATUSES, ("good", "mixed", "bad", "mixed"), strict=True))
SIGNS = dict(zip(STATUSES, "✓◐✕?", strict=True))
PLOT_WIDTH = 160.0  # of a forest plot, in pixels

# Column of the table: heading, and the key by which a press on the heading sorts.
COLUMNS = {
    "claim": ("Claim", "title"),
    "level": ("Level", "level"),
    "status": ("Verdict", "status"),
    "statistic": ("Main statistic", None),
    "controls": ("Controls, nulls as predicted", "controls"),
    "runs": ("Runs", "runs"),
    "preset": ("Preset", "preset"),
    "cost": ("CPU-seconds", "cost"),
    "links": ("Evidence", None),
    "command": ("Run it again", None),
}


def forest(criterion: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where a forest plot's parts lie, in pixels; None if the estimate is undefined.

    Returns:
        ``estimate, low, high``; ``thresholds``; ``wanted``: where the criterion holds.
    """
    values = [criterion[key] for key in ("estimate", "ci_low", "ci_high")]
    if any(value is None or not np.isfinite(value) for value in values):
        return None
    limit, within = criterion["threshold"], criterion["direction"] == "within"
    limits = [-limit, limit] if within else [limit]
    low, high = min(values + limits), max(values + limits)
    margin = 0.12 * (high - low) or abs(low) or 1.0
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(PLOT_WIDTH * (value - low) / (high - low), 2)

    edges = {"above": (limits[0], high), "below": (low, limits[0]), "within": (-limit, limit)}
    wanted = edges[criterion["direction"]]
    return {
        **dict(zip(("estimate", "low", "high"), map(x, values), strict=True)),
        "thresholds": [x(value) for value in limits],
        "wanted": [(x(wanted[0]), x(wanted[1]))],
    }


def render(
    verdicts: Sequence[Verdict],
    costs: pd.DataFrame,
    files: Iterable[str],
    options: Sequence[str],
    changed: Mapping[str, Sequence[Any]],
    provenance: Mapping[str, Any],
    seeds: Sequence[int],
    out: str = "results/scorecard.html",
) -> str:
    """The page.

    Args:
        verdicts: all verdicts, in the order of the register.
        costs: result of :func:`neuron_race.operations.cost.per_target` for the claims.
        files: paths that may be linked to, from the working directory.
        options: configuration given on the command line.
        changed: settings that differ from the preset's, see
            :func:`neuron_race.settings.changes.changes`.
        provenance: of the page itself.
        seeds: seeds of the runs.
        out: where the page will lie; links are relative to it.
    """
    cost = costs.set_index("target").to_dict("index")
    linked = {path: os.path.relpath(path, os.path.dirname(out)) for path in files}
    cells: Any = page.TEMPLATES.get_template("cells.html", globals=_words()).module
    rows, keys, sections = [], [], []
    for order, verdict in enumerate(verdicts):
        name = verdict["claim"]
        rows.append(
            {
                **_shown(verdict, cells, cost[name]),
                "links": cells.links(verdict, _links(name, linked)),
                "command": cells.command(verdict, phrases.command(name, options)),
            }
        )
        keys.append(_sorted_by(verdict, order, cost[name]))
        sections.append(_section(verdict, cells, cost[name]))
    return page.render(
        "scorecard",
        verdicts[0]["preset"],
        changed,
        seeds,
        provenance,
        scripts=["scorecard.js"],
        n=len(verdicts),
        levels=list(dict.fromkeys(v["level"] for v in verdicts)),
        statuses=[s for s in STATUSES if any(v["status"] == s for v in verdicts)],
        table=_summary(rows),
        sections=sections,
        rows=page.embed(keys),
        race=linked.get("results/race.html"),
        everything=phrases.command("", options),
        **_words(),
    )


def _controls(verdict: Verdict, confirmatory: bool) -> list[Mapping[str, Any]]:
    """Controls of a claim that count, or those that don't."""
    controls = [row for row in verdict["criteria"] if row["is_control"]]
    return [row for row in controls if row["confirmatory"] == confirmatory]


def _shown(verdict: Verdict, cells: Any, spent: Mapping[str, Any]) -> dict[str, Any]:
    """A claim's row of the table, but for links and command."""
    main = claims.main_criterion(verdict)
    return {
        "claim": cells.claim(verdict),
        "level": verdict["level"],
        "status": cells.status(verdict),
        "statistic": cells.statistic(main, forest(main)),
        "controls": cells.controls(verdict, _controls(verdict, True), _controls(verdict, False))
        + cells.nulls(verdict, nulls.tally(verdict.get("nulls", []))),
        "runs": verdict["n_runs"],
        "preset": phrases.preset(verdict),
        "cost": f"{spent['cpu_s']:,.0f}",
    }


def _sorted_by(verdict: Verdict, order: int, spent: Mapping[str, Any]) -> dict[str, Any]:
    """What a claim's row is sorted, filtered and searched by."""
    counted = _controls(verdict, True)
    words = [verdict["claim"], verdict["title"], verdict["statement"]]
    words += [word for c in verdict["criteria"] for word in (c["name"], c["meaning"])]
    return {
        "claim": verdict["claim"],
        "order": order,
        "title": verdict["title"],
        "level": verdict["level"],
        "status": verdict["status"],
        "rank": STATUSES.index(verdict["status"]),
        "controls": sum(row["holds"] is True for row in counted) / len(counted),
        "runs": verdict["n_runs"],
        "preset": phrases.preset(verdict),
        "cost": float(spent["cpu_s"]),
        "text": " ".join(words).replace("_", " ").lower(),
    }


def _section(verdict: Verdict, cells: Any, spent: Mapping[str, Any]) -> dict[str, Any]:
    """A claim's evidence, below the table."""
    return {
        "verdict": verdict,
        "preset": phrases.preset(verdict),
        "table": _criteria(verdict, cells),
        "nulls": nulls.told(verdict.get("nulls", [])),
        "failing": phrases.failing(verdict),
        "cost": f"{spent['jobs']} jobs, {spent['cpu_s']:,.0f} CPU-s, "
        f"{spent['wall_s']:,.0f} s one after another.",
    }


def _words() -> dict[str, Any]:
    """Functions that the templates call."""
    return {
        "found": phrases.found,
        "asked": phrases.asked,
        "tone": TONES.__getitem__,
        "sign": SIGNS.__getitem__,
    }


def _links(name: str, linked: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labels and relative paths of a claim's files, of those that there are."""
    wanted = {
        "figure (PDF)": f"figures/{name}.pdf",
        "figure (PNG)": f"figures/{name}.png",
        "numbers drawn": f"figures/{name}.csv",
        "runs": f"results/evidence/{name}.csv",
        "verdict": f"results/claims/{name}.json",
        "what made it": f"results/provenance/{name}.json",
        "notebook": f"results/notebooks/{name}.html",
    }
    return [(label, linked[path]) for label, path in wanted.items() if path in linked]


def _table(data: pd.DataFrame, first: str, headings: Mapping[str, Any], name: str) -> Markup:
    """A table whose first column heads the rows; its style is the page's own."""
    made = (
        GT(data.astype(object), rowname_col=first, id=name)
        .fmt_passthrough(columns=list(data.columns), escape=False)
        .tab_stubhead(label=headings[first])
        .cols_label(**{key: heading for key, heading in headings.items() if key != first})
        .as_raw_html()
    )
    return Markup(made[made.index("<table") : made.index("</table>") + len("</table>")])


def _summary(rows: Sequence[Mapping[str, Any]]) -> Markup:
    headings = {
        key: html(
            f'<button type="button" data-sort="{sort}">{label}<span class="arrow" '
            'aria-hidden="true"></span></button>'
        )
        if sort
        else label
        for key, (label, sort) in COLUMNS.items()
    }
    table = _table(pd.DataFrame(rows), "claim", headings, "claims")
    caption = Markup('<caption class="visually-hidden">All claims and their verdicts</caption>')
    opened = table.index(">") + 1
    return (
        Markup('<div class="summary">')
        + Markup(table[:opened])
        + caption
        + Markup(table[opened:])
        + Markup("</div>")
    )


def _criteria(verdict: Verdict, cells: Any) -> Markup:
    """All criteria of a claim with their numbers."""
    rows = [
        {
            "criterion": Markup("{}").format(row["name"].replace("_", " ")),
            "meaning": Markup("{}").format(row["meaning"]),
            "role": phrases.role(row),
            "estimate": phrases.found(row),
            "plot": cells.forest(row, forest(row)),
            "threshold": phrases.asked(row),
            "spread": phrases.spread(row),
            "p": phrases.number(row["p_holm"]),
            "holds": cells.holds(row["holds"]),
            "moved": phrases.moved(row),
        }
        for row in verdict["criteria"]
    ]
    headings = {
        "criterion": "Criterion",
        "meaning": "Meaning",
        "role": "Role",
        "estimate": "Estimate [95 % interval]",
        "plot": "Against its threshold",
        "threshold": "Wanted",
        "spread": "Over tasks",
        "p": "p (Holm)",
        "holds": "Holds",
        "moved": "At half, twice the threshold",
    }
    table = _table(pd.DataFrame(rows), "criterion", headings, f"criteria-{verdict['claim']}")
    label = Markup("Criteria of {}").format(verdict["title"])
    return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(
        label, table
    )
