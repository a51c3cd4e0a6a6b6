"""The site's parts: reasons in words, links of documents, pages from sources."""

from pathlib import Path
from typing import Any

import linked
import pytest

from neuron_race.pages.site import build, contents, documents, moments, pages

ROOT = Path(__file__).parents[3]


def row(name: str, holds: bool | None, **other: Any) -> dict[str, Any]:
    numbers = {"estimate": 0.5, "ci_low": 0.4, "ci_high": 0.6, "threshold": 0.2}
    kind = {"confirmatory": True, "is_control": False, "direction": "below"}
    return {"name": name, "meaning": f"loss of {name}", "holds": holds, **numbers, **kind, **other}


def test_a_reason_counts_and_names_what_fails() -> None:
    effects = [row("a", True), row("b", None), row("c", False), row("d", True, confirmatory=False)]
    verdict = {"criteria": [*effects, row("lazy", True, is_control=True)]}
    assert contents.reason(verdict) == (
        "1 of 3 effects that count hold, and 1 of 1 controls do as predicted. It fails here: loss "
        "of c is 0.5 [0.4, 0.6]; asked was below 0.2."
    )
    undecided = {"criteria": [row("b", None)]}
    assert "Undecided: loss of b" in contents.reason(undecided)
    null = {"title": "a lazy network", "expected": "fail", "as_expected": False}
    met = contents.reason({"criteria": [row("a", True)], "nulls": [null]})
    assert met.endswith("But a lazy network meets what it should not.")


def test_links_of_documents_lead_to_pages_or_are_none() -> None:
    pages = ("docs/running.md", "paper_notes.md")
    text = (
        "[a](running.md#pages) [b](../paper_notes.md) [c](../config/config.yaml) [d](#here)\n"
        "[e](claims.md) [f](reference/figures/nulls.png) [g](https://example.org)\n"
        "[h](../workflow/notebooks/own_network.py)\n"
        "```yaml\n[c](../config/config.yaml)\n```\n"
    )
    assert documents.linked(text, "docs/findings.md", pages) == (
        "[a](running.md#pages) [b](../paper_notes.md) c [d](#here)\n"
        '<a href="../index.html#all-claims">e</a> <a href="../figures/nulls.png">f</a> '
        "[g](https://example.org)\n"
        '<a href="../own_network.html">h</a>\n'
        "```yaml\n[c](../config/config.yaml)\n```\n"
    )


def shown(seed: int, name: str, *phases: str) -> dict[str, Any]:
    parts = [{"name": phase, "start": s} for s, phase in enumerate(phases)]
    return {"seed": seed, "names": [{"name": name, "why": ""}], "phases": parts}


def asked(table: str, *runs: str) -> list[dict[str, str]]:
    return [{"table": table, "runs": one} for one in runs]


def test_a_claim_is_watched_at_its_telling_moment() -> None:
    typical = shown(9, "typical", "turn", "grow", "drop", "after")
    odd = shown(4, "late winner", "turn", "drop", "second", "after")
    runs = {"a/small": [typical, odd], "a/lazy": [shown(7, "typical", "turn")]}
    told = moments.fragment
    assert told(asked("dynamics", "b/none", "a/small"), runs) == "run=a/small&t=drop"
    assert told(asked("dynamics", "a/lazy"), runs) == "run=a/lazy&t=end"
    assert told(asked("compression", "a/small"), runs) == "run=a/small&t=end&colour=lane"
    second = "run=a/small/4&t=second&neuron=late"
    assert told(asked("late_winners", "a/small"), runs) == second
    assert told(asked("late_winners", "a/small"), {"a/small": [typical]}) == "run=a/small&t=drop"
    assert told(asked("extension", "depth/depth3"), runs) is None


def test_equations_have_anchors_in_the_notes() -> None:
    notes = (ROOT / "paper_notes.md").read_text(encoding="utf-8")
    anchors = documents.anchors(notes)
    assert {f"E{i}" for i in range(1, 10)} | {"L"} == set(anchors)
    assert anchors["E5"] == "e5-the-race-law"


def test_a_framed_page_leads_back() -> None:
    made = pages.framed('<html><body class="a"><p>x</p></body></html>', "../", "Home")
    assert '<body class="a">\n<nav aria-label="Site"' in made
    assert linked.Links(made).links == ["../index.html"]
    with pytest.raises(ValueError, match="<body>"):
        pages.framed("<html></html>", "", "Home")
    skipped = pages.framed('<body>\n<a class="skip" href="#main">Skip</a><main>', "", "Home")
    assert linked.Links(skipped).links == ["#main", "index.html"]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of MyST's use of Sphinx
def test_pages_are_built_with_mathematics_and_replace_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    (out / "old").mkdir(parents=True)
    sources = {
        "index.md": "# One\n\n$a_j$ and [two](two.md#there)\n"
        "\n```{toctree}\n:caption: All\n\ntwo\n```\n",
        "two.md": "# Two\n\n## There\n\nHalf\n$$\\frac{1}{2}$$\nof it.\n"
        "\n| a |\n| --- |\n| b |\n\n```\ncode\n```\n",
        "_static/site.css": "",
        "_static/site.js": "",
    }
    build.build(sources, {"data/x.csv": "a,b\n"}, out)
    assert linked.dead(out) == [] and not (out / "old").exists()
    assert "<math" in (out / "index.html").read_text()
    assert "<mfrac>" in (out / "two.html").read_text()
    article = (out / "two.html").read_text().partition("<article")[2].partition("</article>")[0]
    assert "of it." in article and "$" not in article
    assert (out / "data/x.csv").read_text() == "a,b\n"
    with pytest.raises(build.SiteError, match=r"index\.md.*nowhere"):
        build.build({**sources, "index.md": "# One\n\n[x](nowhere.md)\n"}, {}, out)
    monkeypatch.setitem(build.MENDED, "<never>", "")
    with pytest.raises(build.SiteError, match="<never>"):
        build.build(sources, {}, out)
    assert (out / "two.html").exists() and list(tmp_path.iterdir()) == [out]


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#x">b</a><a href="#y">y</a><a href="../c">c</a>'
    )
    (tmp_path / "b.html").write_text('<p id="z"><script src="https://example.org/x.js"></script>')
    assert linked.dead(tmp_path) == [
        "a.html: #y (no such place)",
        "a.html: ../c",
        "a.html: b.html#x (no such place)",
        "b.html: loads https://example.org/x.js",
    ]
