"""Documents: links that lead somewhere, headings that code reads, nothing told twice."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "paper_notes.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "config").rglob("*.md")),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_resolve(name: str) -> None:
    document = ROOT / name
    text = prose(document)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:href|src)=\"([^\"]+)\"", text)
    for target in targets:
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        path = document.parent / file if file else document
        assert path.exists(), f"{name}: {target}"
        assert path.resolve().is_relative_to(ROOT), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{name}: {target}"


def test_the_first_screen() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert text.count("<img ") == 1
    assert {"make", "make test"} <= {line.split("  ")[0] for line in text.splitlines()}


def test_commands_of_the_documents_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        code = "".join(re.findall(r"^```.*?^```", text, re.M | re.S))
        named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", code, re.M)
        assert set(named) <= targets, name


def test_equations_have_the_headings_that_lectures_read() -> None:
    headings = re.findall(r"^### (E\d)\. \S", prose(ROOT / "paper_notes.md"), re.M)
    assert headings == [f"E{number}" for number in range(1, 10)]


def test_every_claim_has_its_reading() -> None:
    readings = (ROOT / "docs/readings.md").read_text(encoding="utf-8")
    named = {
        name for line in re.findall(r"^### (.+)$", readings, re.M) for name in line.split(", ")
    }
    verdicts = {path.stem for path in (ROOT / "docs/reference/claims").glob("*.json")}
    assert verdicts - named <= {"figure_1"}  # which is read as its caption says


def test_the_history_ends_with_the_seeds_of_the_verdicts() -> None:
    history = (ROOT / "docs/history.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\|.*\*\*confirmatory\*\* \|$", history, re.M)
    seeds = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["seeds"]
    assert f"{seeds['first']}–{seeds['first'] + seeds['count'] - 1}" in row


def test_the_paper_is_cited() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (paper,) = citation["references"]
    assert paper["title"] == (
        "It's Not a Lottery, It's a Race: Understanding How Gradient Descent Adapts the "
        "Network's Capacity to the Task"
    )
    assert {"2602.04832"} == set(re.findall(r"\d{4}\.\d{5}", str(paper)))
