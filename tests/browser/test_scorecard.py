"""The scorecard in a real browser: what it says, sorts, filters and links to, and for whom."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Open, until
from playwright.sync_api import Browser, Page
from smoke_run import snakemake

from neuron_race.common import storage
from neuron_race.evidence import phrases
from neuron_race.operations import cost
from neuron_race.settings import configuration

ROOT = Path(__file__).parents[2]
CLAIMS = list(configuration.read_register(ROOT / "config/claims")["claims"])
SMOKE = ("--configfile", "config/smoke.yaml")


@pytest.fixture(scope="module")
def path(chromium: Browser, smoke: Path) -> Path:
    return smoke / "results/scorecard.html"


@pytest.fixture(scope="module")
def verdicts(path: Path) -> dict[str, dict[str, Any]]:
    return {c: storage.read_json(path.parent / f"claims/{c}.json") for c in CLAIMS}


def rows(page: Page) -> list[str]:
    """Claims in the rows that are shown, in their order."""
    return page.eval_on_selector_all(
        ".summary tbody tr:not([hidden])",
        "rows => rows.map(r => r.querySelector('code').innerText)",
    )


def cell(page: Page, claim: str, column: str) -> str:
    """Text of a claim's cell, spaces made one."""
    order = CLAIMS.index(claim) + 1
    text = page.locator(f".summary tbody tr:nth-child({order}) td[headers~='claims-{column}']")
    return re.sub(r"\s+", " ", text.text_content() or "").strip()


def interval(row: dict[str, Any]) -> str:
    low, high = phrases.number(row["ci_low"]), phrases.number(row["ci_high"])
    return f"{phrases.number(row['estimate'])} [{low}, {high}]"


def test_says_what_the_verdicts_say(
    open_page: Open, path: Path, verdicts: dict[str, dict[str, Any]]
) -> None:
    page = open_page(path)
    assert rows(page) == CLAIMS
    for name, verdict in verdicts.items():
        main = verdict["criteria"][0]
        assert cell(page, name, "level") == verdict["level"]
        assert verdict["status"] in cell(page, name, "status")
        agrees = verdict["status"] == verdict["expectation"]
        wanted = "as expected" if agrees else f"expected: {verdict['expectation']}"
        assert cell(page, name, "status").endswith(wanted)
        assert interval(main) in cell(page, name, "statistic")
        assert phrases.number(main["threshold"]) in cell(page, name, "statistic")
        assert cell(page, name, "runs") == str(verdict["n_runs"])
        assert cell(page, name, "preset") == "smoke"
        controls = [c for c in verdict["criteria"] if c["is_control"]]
        counted = [c for c in controls if c["confirmatory"]]
        behaved = sum(c["holds"] is True for c in counted)
        said = cell(page, name, "controls")
        assert said.startswith(f"{behaved} of {len(counted)}")
        for control in controls:
            assert f"{control['name'].replace('_', ' ')}: {interval(control)}" in said
        section = page.locator(f"#{name}").text_content() or ""
        answer = [verdict[key] for key in ("answer", "breaks") if key in verdict]
        assert all(text in section for text in [verdict["statement"], *answer, *verdict["caveats"]])
        lines = page.locator(f"#{name} tbody tr").all_text_contents()
        assert len(lines) == len(verdict["criteria"])
        for line, row in zip(lines, verdict["criteria"], strict=True):
            assert interval(row) in line and row["meaning"] in line
            assert phrases.number(row["p_holm"]) in line
            assert {True: "yes", False: "no", None: "undecided"}[row["holds"]] in line


def test_plots_lie_as_the_numbers_do(
    open_page: Open, path: Path, verdicts: dict[str, dict[str, Any]]
) -> None:
    page = open_page(path)
    for order, verdict in enumerate(verdicts.values(), start=1):
        main = verdict["criteria"][0]
        plot = page.locator(f".summary tbody tr:nth-child({order}) svg.forest")
        if main["estimate"] is None:  # undefined in the few runs of the smoke preset
            assert plot.count() == 0
            continue
        x = {
            "estimate": float(plot.locator(".estimate").get_attribute("cx") or "nan"),
            "low": float(plot.locator(".interval").get_attribute("x1") or "nan"),
            "high": float(plot.locator(".interval").get_attribute("x2") or "nan"),
        }
        limit = float(plot.locator(".threshold").last.get_attribute("x1") or "nan")
        assert x["low"] <= x["estimate"] <= x["high"]
        for key, name in (("estimate", "estimate"), ("low", "ci_low"), ("high", "ci_high")):
            assert (x[key] < limit) == (main[name] < main["threshold"]), verdict["claim"]
        assert interval(main) in (plot.get_attribute("aria-label") or "")


def test_cost_is_that_of_the_jobs_in_the_graph(open_page: Open, path: Path, smoke: Path) -> None:
    page = open_page(path)
    for claim in ("racing", "capacity"):
        dry = snakemake(smoke, "-n", "--forceall", "--cores", "1", claim, *SMOKE)
        assert dry.returncode == 0, dry.stderr
        found = set(re.findall(r"benchmark: (\S+)", dry.stdout + dry.stderr))
        assert len(found) > 5
        table = cost.cost(smoke / name for name in sorted(found))
        own = next(k for k in keys(page) if k["claim"] == claim)
        assert own["cost"] == pytest.approx(table["cpu_s"].sum(), abs=1e-6)
        assert cell(page, claim, "cost") == f"{table['cpu_s'].sum():,.0f}"


def keys(page: Page) -> list[dict[str, Any]]:
    return list(json.loads(page.locator("#rows").text_content() or "[]"))


def test_links_lead_to_files(open_page: Open, path: Path) -> None:
    page = open_page(path)
    links = page.eval_on_selector_all("a", "links => links.map(a => a.getAttribute('href'))")
    files = {link for link in links if not link.startswith(("#", "https:"))}
    for link in files:
        assert (path.parent / unquote(link)).stat().st_size > 0, link
    for name in CLAIMS:
        assert f"../figures/{name}.pdf" in files and f"evidence/{name}.csv" in files
    anchors = [link[1:] for link in links if link.startswith("#")]
    for anchor in anchors:
        assert page.locator(f"#{anchor}").count() == 1
    assert "race.html" in files


def test_filters(open_page: Open, path: Path, verdicts: dict[str, dict[str, Any]]) -> None:
    page = open_page(path)
    level = "our extension"
    page.locator("#level").select_option(level)
    expected = [c for c in CLAIMS if verdicts[c]["level"] == level]
    assert rows(page) == expected and 0 < len(expected) < len(CLAIMS)
    count = page.locator("#count")
    assert count.text_content() == f"{len(expected)} of {len(CLAIMS)} claims"
    assert count.get_attribute("aria-live") == "polite"
    shown = page.locator("section.evidence:visible").evaluate_all("s => s.map(x => x.id)")
    assert shown == expected
    status = verdicts[expected[0]]["status"]
    page.locator("#status").select_option(status)
    assert rows(page) == [c for c in expected if verdicts[c]["status"] == status]
    page.get_by_role("button", name="Show all").click()
    until(page, f"document.querySelector('#count').textContent.startsWith('{len(CLAIMS)} ')")
    assert rows(page) == CLAIMS
    page.locator("#text").fill("growth law")
    words = {c: json.dumps(v["criteria"]) + v["statement"] for c, v in verdicts.items()}
    assert "racing" in rows(page)
    for claim in rows(page):
        assert "growth" in words[claim].lower() and "law" in words[claim].lower()
    page.locator("#text").fill("no such word anywhere")
    assert rows(page) == [] and count.text_content() == f"0 of {len(CLAIMS)} claims"


def test_sorts_with_keyboard(
    open_page: Open, path: Path, verdicts: dict[str, dict[str, Any]]
) -> None:
    page = open_page(path)
    button = page.locator("#claims-status button")
    button.focus()
    page.keyboard.press("Enter")
    order = ["supported", "partly supported", "not supported", "inconclusive"]
    ranks = [order.index(verdicts[c]["status"]) for c in rows(page)]
    assert ranks == sorted(ranks) and len(ranks) == len(CLAIMS)
    head = page.locator("#claims-status")
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    ranks = [order.index(verdicts[c]["status"]) for c in rows(page)]
    assert ranks == sorted(ranks, reverse=True)
    assert page.evaluate("document.activeElement.dataset.sort") == "status"
    costs = {key["claim"]: key["cost"] for key in keys(page)}
    page.locator("#claims-cost button").click()
    assert [costs[c] for c in rows(page)] == sorted(costs.values())
    assert head.get_attribute("aria-sort") == "none"


def test_keyboard_reaches_everything(open_page: Open, path: Path) -> None:
    page = open_page(path)
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => e.id || e.dataset.sort || e.className || e.tagName)(document.activeElement)"
            )
        )
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none", reached[-1]
    assert reached[0] == "skip"
    for wanted in ("text", "level", "status", "title", "cost"):
        assert wanted in reached
    summary = page.locator(".summary tbody tr:first-child summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator(".summary tbody tr:first-child details[open]").count() == 1


def test_copies_the_command(open_page: Open, path: Path) -> None:
    page = open_page(path, permissions=["clipboard-read", "clipboard-write"])
    command = "snakemake --cores all racing --configfile config/smoke.yaml"
    order = CLAIMS.index("racing") + 1
    row = page.locator(f".summary tbody tr:nth-child({order})")
    assert row.locator("code.command").text_content() == command
    row.get_by_role("button", name="Copy").click()
    row.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_claim_in_the_address_is_opened(open_page: Open, path: Path) -> None:
    page = open_page(path, "#merging")
    assert page.locator("#merging details").get_attribute("open") is not None
    assert page.locator("#racing details").get_attribute("open") is None


def test_smoke_preset_warns_and_provenance_is_there(open_page: Open, path: Path) -> None:
    page = open_page(path)
    assert "too few runs" in (page.locator(".warning").text_content() or "")
    assert page.locator("#preset").text_content() == "smoke"
    provenance = json.loads(page.locator("#provenance").text_content() or "{}")
    for claim in CLAIMS:
        verdict = path.parent / f"claims/{claim}.json"
        assert provenance["inputs"][f"{claim}.json"] == storage.checksum(verdict)
    assert "torch" in provenance["versions"] and len(provenance["parameters"]["seeds"]) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_accessible(open_page: Open, path: Path, scheme: str, width: int) -> None:
    page = open_page(path, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    # Nothing but what scrolls by itself is wider than the screen.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 384) == (scheme == "dark")
    table = page.get_by_role("table", name="All claims")
    assert table.get_by_role("rowheader").count() == len(CLAIMS)


def test_prints(open_page: Open, path: Path, tmp_path: Path) -> None:
    page = open_page(path)
    page.emulate_media(media="print")
    assert not page.locator(".tools").is_visible()
    assert page.locator(".summary tbody tr").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(path=tmp_path / "scorecard.pdf")) > 50_000
