"""The race explorer in a real browser: what it draws is what was recorded."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Open, until
from playwright.sync_api import Browser, Page

from neuron_race.common import storage
from neuron_race.models import clusters
from neuron_race.settings import configuration
from neuron_race.training import runs

ROOT = Path(__file__).parents[2]
CONDITIONS = configuration.read_yaml(ROOT / "config/config.yaml")["explorer"]["conditions"]
PIXELS = """() => {
  const drawn = document.getElementById("race");
  const c = new OffscreenCanvas(drawn.width, drawn.height);
  c.getContext("2d", { willReadFrequently: true }).drawImage(drawn, 0, 0);
  const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  return race.points().map(p => data[4 * (Math.round(p.y) * c.width + Math.round(p.x)) + 3]);
}"""


@pytest.fixture(scope="module")
def path(chromium: Browser, smoke: Path) -> Path:
    return smoke / "results/race.html"


def seeds(smoke: Path) -> list[int]:
    sidecar = storage.read_json(smoke / "results/explorer/pair.json")
    return list(sidecar["parameters"]["seeds"])


def ready(page: Page) -> None:
    page.evaluate("race.ready")


def slide(page: Page, snapshot: int) -> dict[str, Any]:
    """Move the slider, wait for the frame, and say what is shown."""
    page.locator("#time").fill(str(snapshot))
    page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
    state: dict[str, Any] = page.evaluate("race.state()")
    assert state["snapshot"] == snapshot
    return state


def points(page: Page) -> pd.DataFrame:
    return pd.DataFrame(page.evaluate("race.points()"))


def test_every_configured_run_can_be_chosen(open_page: Open, path: Path, smoke: Path) -> None:
    page = open_page(path)
    ready(page)
    expected = {
        f"{experiment}/{condition}/{seed}"
        for experiment, names in CONDITIONS.items()
        for condition in names
        for seed in seeds(smoke)
    }
    assert set(page.evaluate("race.names()")) == expected
    seen = {page.evaluate("race.state().run")}
    for field in ("seed", "head", "alpha", "dataset"):
        values = page.eval_on_selector_all(f"#{field} option", "o => o.map(x => x.value)")
        for value in values:
            page.locator(f"#{field}").select_option(value)
            until(page, f"document.getElementById('{field}').value === '{value}'")
            page.wait_for_timeout(150)
            name = page.evaluate("race.state().run")
            seen.add(name)
            assert page.evaluate("location.hash") == f"#{name}"
    assert len({name.split("/")[0] for name in seen}) == len(CONDITIONS)
    assert len(seen) >= 7


@pytest.mark.parametrize("run", ["pair/gaussian", "pair/lazy", "regimes/a1e2_m300"])
def test_points_are_where_the_tables_say(
    open_page: Open, path: Path, smoke: Path, run: str
) -> None:
    experiment, condition = run.split("/")
    seed = seeds(smoke)[1]
    page = open_page(path, f"#{run}/{seed}")
    ready(page)
    recorded = runs.load(smoke / f"results/runs/{run}.npz")
    s = recorded.start.seed.tolist().index(seed)
    measured = {name: array[s] for name, array in recorded.runs.measured.items()}
    product = measured["norm_w"] * measured["norm_a"]
    steps = storage.read_arrays(smoke / f"results/explorer/{experiment}.npz")[
        f"{condition}.{seed}.step"
    ]
    common, shown, known = np.intersect1d(steps, recorded.runs.step, return_indices=True)
    assert len(common) > 15
    before = None
    for t, r in list(zip(shown, known, strict=True))[:: max(len(common) // 6, 1)]:
        state = slide(page, int(t))
        assert state["step"] == recorded.runs.step[r] and state["matrix"] == t
        drawn = points(page)
        # Both numbers are kept in 16 bits, norm products on the log scale.
        np.testing.assert_allclose(drawn["cos_delta"], measured["cos_delta"][r], atol=5e-5)
        np.testing.assert_allclose(drawn["norm_product"], product[r], rtol=1e-3)
        # Pixels run along the axes: the cosine to the right, the logarithm upwards.
        for number, pixel, slope in (
            (drawn["cos_delta"], drawn["x"], 1),
            (np.log10(drawn["norm_product"]), drawn["y"], -1),
        ):
            fit = np.polyfit(number, pixel, 1)
            assert slope * fit[0] > 0
            np.testing.assert_allclose(np.polyval(fit, number), pixel, atol=0.1)
        assert min(page.evaluate(PIXELS)) > 0
        if before is not None:
            assert np.hypot(drawn["x"] - before["x"], drawn["y"] - before["y"]).max() > 0
        before = drawn
    neurons = storage.read_table(smoke / f"results/dynamics/{experiment}/neurons.csv")
    own = neurons[(neurons["condition"] == condition) & (neurons["seed"] == seed)]
    slide(page, 0)
    np.testing.assert_allclose(
        points(page)["norm_product"], own["norm_product_init"].to_numpy(), rtol=1e-3
    )
    slide(page, len(steps) - 1)
    np.testing.assert_allclose(
        points(page)["norm_product"], own["norm_product_end"].to_numpy(), rtol=1e-3
    )


def test_matrix_holds_the_cosines(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#pair/gaussian/{seed}")
    ready(page)
    trained = runs.load(smoke / "results/runs/pair/gaussian.npz")
    last = page.evaluate("race.state().snapshots") - 1
    described = storage.read_json(smoke / "results/explorer/pair.json")["runs"]
    error = next(d for d in described if d["condition"] == "gaussian" and d["seed"] == seed)
    for moment, snapshot in (("init", 0), ("end", last)):
        slide(page, snapshot)
        event = trained.event(moment)
        exact = clusters.cosines(trained.runs.W_events[0, event], trained.runs.A_events[0, event])
        m = len(exact)
        drawn = np.array(
            page.evaluate(
                f"Array.from({{length: {m}}}, (_, i) => "
                f"Array.from({{length: {m}}}, (_, j) => race.cosine(i, j)))"
            )
        )
        assert np.abs(drawn - exact).max() <= error["cosine_error"] + 1e-5 < 0.03
    assert "largest error" in (page.locator("main").text_content() or "")


def test_neurons_are_named_with_start_and_ranks(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#pair/gaussian/{seed}")
    ready(page)
    table = storage.read_table(smoke / "results/race/pair/neurons.csv")
    own = table[(table["condition"] == "gaussian") & (table["seed"] == seed)]
    own = own.set_index("neuron")
    forecast = own["forecast"].rank(ascending=False)
    final = own["norm_product_end"].rank(ascending=False)
    for j in (0, 7, 50):
        facts = page.evaluate(f"race.neuron({j})")
        assert facts["forecast_rank"] == forecast[j] and facts["final_rank"] == final[j]
        assert facts["norm_a"] == pytest.approx(own.loc[j, "norm_a_init"], rel=1e-5)
        assert facts["cluster"] == own.loc[j, "cluster_99"]
    # By keyboard: the list's second neuron is the second in the end.
    page.locator("#neuron").focus()
    page.keyboard.press("ArrowDown")
    second = int(final[final == 2].index[0])
    assert page.evaluate("race.state().selected") == second
    details = page.locator("#details").text_content() or ""
    assert f"#{second}" in details and f"final rank2 of {len(own)}" in details
    assert f"forecast rank{int(forecast[second])} of" in details
    # By pointer.
    slide(page, 0)
    point = page.evaluate("race.points()")[second]
    box = page.locator("#race").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + point["x"], box["y"] + point["y"])
    tip = page.locator("#tip")
    tip.wait_for()
    assert "at init" in (tip.text_content() or "") and "forecast" in (tip.text_content() or "")
    page.locator("#alpha").select_option("1")
    until(page, "race.state().run.startsWith('pair/lazy')")
    assert "no forecast" in (page.locator("#details").text_content() or "")


def test_plays_and_pauses(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    start = page.locator("#race").screenshot()
    page.locator("body").press("Space")
    until(page, "race.state().snapshot > 12")
    assert page.evaluate("race.state().playing")
    page.locator("#play").click()
    state = page.evaluate("race.state()")
    assert not state["playing"] and state["time"] == state["snapshot"] > 12
    assert page.locator("#time").input_value() == str(state["snapshot"])
    assert page.locator("#race").screenshot() != start
    frames = page.evaluate("race.frames()")
    # Between two snapshots there are several frames: points move rather than jump.
    assert len(frames) > state["snapshot"]
    page.keyboard.press("Escape")
    page.locator("#now").click()
    page.keyboard.press("ArrowRight")
    until(page, f"race.state().snapshot === {state['snapshot'] + 1}")


def test_plays_to_the_end_and_again(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    last = page.evaluate("race.state().snapshots") - 1
    slide(page, last - 3)
    page.locator("#play").click()
    until(page, "!race.state().playing")
    assert page.evaluate("race.state().snapshot") == last
    page.locator("#play").click()
    until(page, "race.state().snapshot < 10")


def test_reduced_motion_jumps_from_snapshot_to_snapshot(open_page: Open, path: Path) -> None:
    page = open_page(path, reduced_motion="reduce")
    ready(page)
    page.evaluate(
        "window.seen = []; (function look() { seen.push(race.state().time);"
        "requestAnimationFrame(look); })()"
    )
    page.locator("#play").click()
    until(page, "race.state().snapshot > 6")
    assert all(float(t).is_integer() for t in page.evaluate("seen"))


def test_colour_switches(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    slide(page, page.evaluate("race.state().snapshots") - 1)
    before = page.locator("#race").screenshot()
    page.locator("#colour").select_option("cluster")
    assert page.locator("#race").screenshot() != before
    assert "neurons" in (page.locator("#legend").text_content() or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_accessible(open_page: Open, path: Path, scheme: str, width: int) -> None:
    page = open_page(path, color_scheme=scheme, viewport={"width": width, "height": 800})
    ready(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.locator("#time").get_attribute("aria-valuetext") == page.locator("#now").text_content()
    )


def test_page_is_small_and_warns(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    assert path.stat().st_size < 8_000_000
    assert "too few runs" in (page.locator(".warning").text_content() or "")
    provenance = json.loads(page.locator("#provenance").text_content() or "{}")
    assert provenance["inputs"]["pair.npz"] == storage.checksum(path.parent / "explorer/pair.npz")
