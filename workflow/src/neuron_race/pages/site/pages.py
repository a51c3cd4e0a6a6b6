"""All pages of the site as Markdown, and the files that they link to."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from neuron_race.evidence import nulls, phrases, reports
from neuron_race.pages import page
from neuron_race.pages.site import contents, documents
from neuron_race.pages.site.contents import Results
from neuron_race.pages.site.reference import API

# Pages that templates make of the results, beside one per claim.
TEMPLATES = ("index", "overview", "datasets", "watch", "scripts", "api", "run")

# Documents that quote numbers: these don't change with the run that the rest of the site shows.
QUOTING = ("docs/findings.md", "docs/readings.md")
QUOTED = (
    "Numbers in this text are those of the reference run, kept with the project. Figures, tables "
    "and pages that it links to are of the run that made this site."
)


def sources(
    results: Results,
    preset: Mapping[str, Any],
    texts: Mapping[str, str],
    scripts: Sequence[tuple[str, str]],
    versions: Mapping[str, str],
) -> dict[str, str]:
    """All pages, style sheet and script: path on the site -> text.

    Args:
        results: what the pages show.
        preset: ``name``, ``seeds`` and ``warnings``, see :func:`neuron_race.pages.page.warnings`.
        texts: the project's documents, path in the project -> Markdown.
        scripts: name and text of each script that writes a table.
        versions: of the libraries.
    """
    rows = contents.summary(results)
    claims = {v["claim"]: contents.claim(results, v) for v in results.verdicts}
    told = [{**row, "reason": claims[row["verdict"]["claim"]]["reason"]} for row in rows]
    papers = [row for row in told if row["verdict"]["level"] != contents.OURS]
    shown: dict[str, Any] = {
        **contents.words(),
        "warnings": preset["warnings"],
        "preset": preset["name"],
        "seeds": page.spans(preset["seeds"]),
        "rows": rows,
        "holding": [row for row in papers if row["verdict"]["status"] == "supported"],
        "failing": [row for row in papers if row["verdict"]["status"] != "supported"],
        "tally": reports.tally(results.verdicts),
        "levels": list(dict.fromkeys(v["level"] for v in results.verdicts)),
        "found": [s for s in contents.STATUSES if any(v["status"] == s for v in results.verdicts)],
        "everything": phrases.command("", results.options),
        "nulls": [(v, nulls.told(v.get("nulls", []))) for v in results.verdicts],
        "universes": results.universes.to_dict("records"),
        "datasets": contents.datasets(results),
        "moments": list(results.moments.items()),
        "lectures": results.lectures,
        "titles": {v["claim"]: v["title"] for v in results.verdicts},
        "scripts": scripts,
        "api": API.items(),
        "versions": versions,
        "read": re.findall(r"^### (\w+)$", texts["docs/readings.md"], re.M),
    }
    made = {f"{name}.md": _filled(name, shown) for name in TEMPLATES}
    made |= {
        f"claims/{name}.md": _filled("claim", {**shown, **own}) for name, own in claims.items()
    }
    made |= {name: documents.linked(text, name, texts) for name, text in texts.items()}
    made |= {name: _noted(made[name], QUOTED) for name in QUOTING}
    return {
        **made,
        "_static/site.css": str(page.asset("site/site.css") + page.math_style()),
        "_static/site.js": str(page.asset("site/site.js")),
    }


def _noted(text: str, note: str) -> str:
    """Markdown with a note below its title."""
    title, _, rest = text.partition("\n")
    return f"{title}\n\n```{{note}}\n{note}\n```\n{rest}"


def _filled(name: str, shown: Mapping[str, Any]) -> str:
    cells = page.TEMPLATES.get_template("site/cells.html", globals=contents.words())
    text = page.TEMPLATES.get_template(f"site/{name}.md").render(**shown, cells=cells.module)
    # A blank line ends no raw block, yet two in a row would be of no use.
    return re.sub(r"\n{3,}", "\n\n", text)


def framed(text: str, home: str, title: str) -> str:
    """A page that stands by itself, with the way back to the site.

    Raises:
        ValueError: it has no body.
    """
    style = "font: 15px/1.4 system-ui, sans-serif; padding: .6rem 1rem"
    links = f'<a href="{home}index.html">{title}</a>'
    bar = f'<nav aria-label="Site" style="{style}">← {links}</nav>'
    start = r"<body[^>]*>(?:\s*<a class=\"skip\".*?</a>)?"  # who skips does so first
    made, times = re.subn(start, lambda found: f"{found[0]}\n{bar}", text, count=1)
    if not times:
        raise ValueError("a page without <body> has no place for the way back to the site")
    return made
