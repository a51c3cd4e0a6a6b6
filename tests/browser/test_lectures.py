"""Lectures in a real browser: what trains in the page is what the engine trains."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Open, accessible, done, looks, until
from playwright.sync_api import Browser, Page

from neuron_race.common import storage
from neuron_race.pages import lecture
from neuron_race.settings import configuration
from neuron_race.theory import laws, settling
from neuron_race.training import engine
from neuron_race.training.recipe import Recipe

ROOT = Path(__file__).parents[2]
CLAIMS = list(configuration.read_register(ROOT / "config/claims")["claims"])
WIDTH, STEPS, BUDGET, FIFTH = 60, 300, 600, 12
TRAINED = """([task, options]) => {
  const data = playground.tasks[task], { W, A } = live.initial(data, options), losses = [];
  const net = networks.shallow(data, { m: A.length, W, A });
  for (const _ of networks.train(net, options, seen => { losses.push(seen.loss); return false; }));
  return { W: [...W], A: [...A], losses };
}"""
PREDICTED = """([task, options]) => {
  const work = live.predict(playground.tasks[task], options);
  let piece = work.next();
  while (!piece.done) piece = work.next();
  const { drop, pruned, c, steps, groups } = piece.value;
  return { drop, pruned, c: [...c], steps, groups };
}"""


@pytest.fixture(scope="module")
def folder(chromium: Browser, smoke: Path) -> Path:
    return smoke / "results/notebooks"


def shown(page: Page, name: str) -> list[str]:
    return page.locator(f'#live tr[data-name="{name}"] td').all_text_contents()


def set_to(page: Page, name: str, value: str) -> None:
    """Move a slider, as a hand does: it tells of the change when it is let go."""
    page.locator(f'#live [name="{name}"]').fill(value)
    page.locator(f'#live [name="{name}"]').dispatch_event("change")
    until(page, "document.getElementById('live').dataset.state === 'running'")


@pytest.mark.parametrize(
    ("task", "head", "alpha", "rate"),
    [
        ("digits", "gaussian", 1e-4, 0.25),
        ("digits", "balanced", 1e-2, 0.25),
        ("clusters", "pytorch", 1e-4, 0.25),
        ("digits", "gaussian", 1.0, 0.05),
    ],
)
def test_training_and_predictions_are_those_of_python(
    open_page: Open, folder: Path, task: str, head: str, alpha: float, rate: float
) -> None:
    page = open_page(folder / "laws.html")
    options = {"head": head, "alpha": alpha, "width": WIDTH, "seed": 3, "rate": rate}
    options |= {"steps": STEPS, "budget": BUDGET}
    got: dict[str, Any] = page.evaluate(TRAINED, [task, options])
    packed = storage.read_json(folder.parent / "lectures/data.json")[task]
    X = np.frombuffer(base64.b64decode(packed["X"]), dtype="<f4").astype(float)
    X, y = X.reshape(-1, packed["dim"]), np.asarray(packed["y"])
    W, A = np.reshape(got["W"], (WIDTH, -1)), np.reshape(got["A"], (WIDTH, 1))
    recipe = Recipe.of({**lecture.TRAINING, "learning_rate": rate, "max_steps": STEPS})
    runs = engine.train(X[None], y[None, :, None], W[None], A[None], recipe)
    np.testing.assert_allclose(np.asarray(got["losses"])[runs.step], runs.loss[0], rtol=1e-9)
    assert runs.loss[0, -1] < 0.7 * runs.loss[0, 0]

    said: dict[str, Any] = page.evaluate(PREDICTED, [task, options])
    Y = y[:, None]
    lanes = settling.settle(W / alpha, A / alpha, X, Y).scaled(alpha)
    raced = laws.race(lanes, X, Y, rate, said["steps"])
    assert said["drop"] == pytest.approx(raced.drop_step * rate)
    np.testing.assert_allclose(said["c"], raced.c, rtol=1e-4, atol=1e-6)
    kept = np.isin(np.arange(WIDTH), np.argsort(-raced.c, kind="stable")[:FIFTH])
    lost = laws.lost_share(raced.output, kept, Y, "squared")
    assert said["pruned"] == pytest.approx(lost, abs=1e-3)


def test_sliders_change_the_run_and_numbers_are_told(open_page: Open, folder: Path) -> None:
    page = open_page(folder / "racing.html")
    done(page)
    status = page.locator("#live [role=status]")
    assert status.get_attribute("aria-live") == "polite"
    before = {name: shown(page, name) for name in ("ranks", "drop")}
    words = status.text_content() or ""
    for said, found in before.values():
        assert said in words and found in words and "…" not in (said, found)
    set_to(page, "alpha", "-6")
    done(page)
    after = shown(page, "drop")
    # A hundredth of the scale: the drop comes later, and is told beforehand.
    assert all(float(b) > float(a) for a, b in zip(before["drop"], after, strict=True))
    assert float(after[0]) == pytest.approx(float(after[1]), rel=0.1)
    assert (page.locator("#live output[data-of=alpha]").text_content() or "") == "10⁻⁶"
    for name, value in (("seed", "7"), ("width", "40")):
        told = status.text_content()
        set_to(page, name, value)
        done(page)
        assert status.text_content() != told
    page.locator('#live [name="head"]').select_option("balanced")
    page.locator('#live [name="task"]').select_option("clusters")
    done(page)
    state = page.evaluate("playground.settings()")
    assert (state["head"], state["task"], state["width"]) == ("balanced", "clusters", 40)
    assert page.evaluate("playground.run().arms[0].c[0].length") == 40


def test_the_page_answers_while_it_trains(open_page: Open, folder: Path) -> None:
    page = open_page(folder / "lottery_ticket.html")
    set_to(page, "width", "200")
    done(page)
    pieces = page.evaluate("playground.pieces()")
    assert len(pieces) > 20 and np.median(pieces) < 50


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_has_a_live_part(open_page: Open, folder: Path, claim: str) -> None:
    page = open_page(folder / f"{claim}.html")
    # Rows and words are asked of each page, and not how it trains: few neurons will do.
    slider = page.locator('#live [name="width"]')
    if slider.count():
        slider.fill(slider.get_attribute("min") or "")
        slider.dispatch_event("change")
    done(page)
    numbers = page.locator("#live tbody td").all_text_contents()
    assert numbers and "…" not in numbers and "undefined" not in numbers


@pytest.mark.parametrize(("scheme", "width"), looks(1400))
@pytest.mark.parametrize("claim", ["racing", "laws", "depth"])
def test_accessible(open_page: Open, folder: Path, claim: str, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900}
    page = open_page(folder / f"{claim}.html", color_scheme=scheme, viewport=size)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_equations_are_set_in_the_page_s_own_font(open_page: Open, folder: Path) -> None:
    page = open_page(folder / "racing.html")
    until(page, "document.fonts.status === 'loaded'")
    assert page.evaluate("[...document.fonts].map(font => font.status)") == ["loaded"]
    assert "Page Math" in page.evaluate(
        "getComputedStyle(document.querySelector('math')).fontFamily"
    )
    # An index hangs below the foot of its letter.
    low = page.evaluate(
        """() => [...document.querySelectorAll("math msub")].map(node => {
          const [base, index] = [...node.children].map(n => n.getBoundingClientRect());
          return index.bottom - base.bottom;
        })"""
    )
    assert low and min(low) > 0


def test_prints_its_last_state(open_page: Open, folder: Path, tmp_path: Path) -> None:
    page = open_page(folder / "racing.html", color_scheme="dark")
    done(page)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#live canvas").first.is_visible() and "…" not in shown(page, "drop")
    assert not page.locator("#live button").is_visible()
    assert len(page.pdf(path=tmp_path / "lecture.pdf")) > 100_000
