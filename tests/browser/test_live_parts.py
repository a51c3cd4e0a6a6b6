"""Live parts alone on a page: what their controls do, and for whom."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from browsing import Open, accessible, done, looks, until
from playwright.sync_api import Page

from neuron_race.pages import live, notebooks

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def tasks() -> dict[str, Any]:
    return live.data()


@pytest.fixture
def visit(open_page: Open, tasks: dict[str, Any], tmp_path: Path) -> Visit:
    """Open a page that has a study's live part and nothing else."""

    def visit(name: str, **context: Any) -> Page:
        drawn = nbformat.v4.new_output("display_data", {"text/html": live.study(tasks, name)})
        text = nbformat.v4.new_markdown_cell(f"# {name}\n\n## Part")
        cell = nbformat.v4.new_code_cell("claim.study()", outputs=[drawn])
        book = nbformat.v4.new_notebook(cells=[text, cell])
        path = tmp_path / f"{name}.html"
        path.write_text(notebooks.html(book, name), encoding="utf-8")
        return open_page(path, **context)

    return visit


def row(page: Page, name: str) -> list[float]:
    cells = page.locator(f'#live tr[data-name="{name}"] td').all_text_contents()
    return [float(cell.replace("\u2212", "-")) for cell in cells]


def test_schedules_share_one_clock(visit: Visit) -> None:
    page = visit("schedule")
    done(page)
    step, time = row(page, "step"), row(page, "time")
    assert np.ptp(step[:4]) > 0.1 * step[0] and np.ptp(time[:4]) < 0.02 * time[0]
    assert min(row(page, "same")[:4]) > 0.95
    # The picture by the clock shows one curve.
    curves = page.evaluate("playground.run().arms.slice(0, 4).map(a => [a.time, a.loss])")
    at = np.linspace(0, 0.5 * curves[0][0][-1], 40)
    first, *others = [np.interp(at, x, y) for x, y in curves]
    assert first[-1] < 0.5 and all(np.abs(own - first).max() < 0.05 for own in others)


def test_adam_breaks_the_forecast_and_momentum_keeps_it(visit: Visit) -> None:
    page = visit("optimizers")
    done(page)
    descent, *others, adam = row(page, "ranks")
    assert len(others) == 3 and min(others) > descent - 0.1 and adam < 0.5 * descent


def test_a_choice_trains_again_and_a_picture_does_not(visit: Visit) -> None:
    page = visit("pruning_at_init")
    done(page)
    before = row(page, "step")
    assert before[1] == min(before[1:]) and before[-1] == max(before)
    said = page.locator("#live [role=status]").text_content() or ""
    assert "the forecast's losers" in said
    page.locator('#live [name="focus"]').select_option(label="SNIP's")
    assert page.evaluate("document.getElementById('live').dataset.state") == "done"
    page.locator('#live [name="layers"]').select_option("two")
    until(page, "document.getElementById('live').dataset.state === 'running'")
    assert page.evaluate("playground.settings().depth") == 2
    done(page)
    assert row(page, "step") != before
    layers = page.evaluate("[...new Set(playground.run().arms[0].layer)]")
    assert layers == [0, 1]
    pieces = page.evaluate("playground.pieces()")
    assert len(pieces) > 20 and np.median(pieces) < 50


def test_a_large_gain_has_its_own_rate(visit: Visit) -> None:
    page = visit("depth")
    assert page.evaluate("playground.settings().rate") == 0.25
    page.locator('#live [name="gain"]').fill("0")
    options = page.evaluate("playground.settings()")
    assert (options["gain"], options["rate"], options["stride"]) == (1, 0.05, 0)


@pytest.mark.parametrize(("scheme", "width"), looks(1400))
@pytest.mark.parametrize("name", live.STUDIES)
def test_accessible(visit: Visit, name: str, scheme: str, width: int) -> None:
    page = visit(name, color_scheme=scheme, viewport={"width": width, "height": 900})
    until(page, "!document.getElementById('live').hidden")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_prints_without_a_cut_table(visit: Visit, tmp_path: Path) -> None:
    page = visit("pruning_at_init", color_scheme="dark", viewport={"width": 720, "height": 900})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    wide = "(e => e.scrollWidth - e.clientWidth)(document.querySelector('#live .scroll'))"
    assert page.evaluate(wide) <= 0
    assert len(page.pdf(path=tmp_path / "part.pdf")) > 10_000
