"""The race explorer in a real browser: what it draws is what was recorded."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from browsing import Open, accessible, looks, until
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


def seeds(smoke: Path, run: str = "pair/gaussian") -> list[int]:
    """Seeds shown of a condition, the typical one first."""
    return [one["seed"] for name, one in described(smoke).items() if name.startswith(f"{run}/")]


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


def described(smoke: Path) -> dict[str, dict[str, Any]]:
    """What is written of each run shown, by its name."""
    return {
        f"{experiment}/{run['condition']}/{run['seed']}": run
        for experiment in CONDITIONS
        for run in storage.read_json(smoke / f"results/explorer/{experiment}.json")["runs"]
    }


def test_every_run_can_be_chosen(open_page: Open, path: Path, smoke: Path) -> None:
    page = open_page(path)
    ready(page)
    known = described(smoke)
    expected = {f"{name}/{condition}" for name, own in CONDITIONS.items() for condition in own}
    assert {name.rpartition("/")[0] for name in known} == expected
    assert page.evaluate("race.names()") == list(known)
    seen = {page.evaluate("race.state().run")}
    for field in ("seed", "head", "alpha", "experiment"):
        values = page.eval_on_selector_all(f"#{field} option", "o => o.map(x => x.value)")
        for value in values:
            page.locator(f"#{field}").select_option(value)
            until(page, f"document.getElementById('{field}').value === '{value}'")
            page.wait_for_timeout(150)
            name = page.evaluate("race.state().run")
            seen.add(name)
            assert f"run={name}&" in page.evaluate("location.hash")
    assert {name.split("/")[0] for name in seen} == set(CONDITIONS)
    assert len(seen) >= 7


def test_opens_on_a_typical_run_and_offers_the_others_by_name(
    open_page: Open, path: Path, smoke: Path
) -> None:
    page = open_page(path)
    ready(page)
    known = described(smoke)
    typical = page.evaluate("race.state().run")
    assert typical == next(iter(known)) and known[typical]["names"][0]["name"] == "typical"
    which = page.locator("#which")
    assert known[typical]["names"][0]["why"] in (which.text_content() or "")
    # Two short runs of a condition may have nothing odd; of some condition they have.
    other = next(name for name, run in known.items() if run["names"][0]["name"] != "typical")
    page.evaluate(f"location.hash = '#run={other.rpartition('/')[0]}'")
    until(page, f"race.state().run.startsWith('{other.rpartition('/')[0]}')")
    label = ", ".join(one["name"] for one in known[other]["names"])
    which.get_by_role("button", name=label, exact=True).click()
    until(page, f"race.state().run === '{other}'")
    assert label in (page.locator("#seed").evaluate("e => e.selectedOptions[0].text"))


def test_scales_are_sorted_and_other_rates_are_told(open_page: Open, path: Path) -> None:
    page = open_page(path, "#run=regimes/a1e2_m300")
    ready(page)
    for run, last in (("regimes/a1e2_m300", "0.000001"), ("pair/gaussian", "1")):
        page.evaluate(f"location.hash = '#run={run}'")
        until(page, f"race.state().run.startsWith('{run}')")
        values = page.eval_on_selector_all("#alpha option", "o => o.map(x => Number(x.value))")
        assert values == sorted(set(values)) and len(values) == 2
        assert float(last) in values
    page.locator("#alpha").select_option("1")
    until(page, "race.state().run.startsWith('pair/lazy')")
    assert "rates (0.05; 0.25)" in (page.locator("#apart").text_content() or "")
    page.evaluate("location.hash = '#run=regimes/a1e2_m300'")
    until(page, "race.state().run.startsWith('regimes/a1e2')")
    page.locator("#alpha").select_option("0.000001")
    until(page, "race.state().run.startsWith('regimes/a1e6')")
    assert page.locator("#apart").is_hidden()


@pytest.mark.parametrize("run", ["pair/gaussian", "pair/lazy", "regimes/a1e2_m300"])
def test_points_are_where_the_tables_say(
    open_page: Open, path: Path, smoke: Path, run: str
) -> None:
    experiment, condition = run.split("/")
    seed = seeds(smoke, run)[-1]
    page = open_page(path, f"#run={run}/{seed}")
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
        # Both numbers are kept in 13 bits, norm products on the log scale.
        np.testing.assert_allclose(drawn["cos_delta"], measured["cos_delta"][r], atol=2e-4)
        np.testing.assert_allclose(drawn["norm_product"], product[r], rtol=3e-3)
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
        points(page)["norm_product"], own["norm_product_init"].to_numpy(), rtol=3e-3
    )
    slide(page, len(steps) - 1)
    np.testing.assert_allclose(
        points(page)["norm_product"], own["norm_product_end"].to_numpy(), rtol=3e-3
    )


def test_matrix_holds_the_cosines(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#run=pair/gaussian/{seed}")
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
        assert np.abs(drawn - exact).max() <= error["cosine_error"] + 1e-5 < 0.05
    assert "largest error" in (page.locator("main").text_content() or "")


def test_neurons_are_named_with_start_and_ranks(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#run=pair/gaussian/{seed}")
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
    page.locator("#race").hover(position={"x": point["x"], "y": point["y"]})
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
    # The button keeps the focus, and arrows move the time.
    page.keyboard.press("ArrowRight")
    until(page, f"race.state().snapshot === {state['snapshot'] + 1}")
    page.keyboard.press("Home")
    until(page, "race.state().snapshot === 0")
    page.keyboard.press("End")
    until(page, "race.state().snapshot === race.state().snapshots - 1")


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
    page.locator("#colour").select_option("lane")
    assert page.locator("#race").screenshot() != before
    assert "neurons" in (page.locator("#legend").text_content() or "")


def test_links_name_run_time_neuron_and_colour(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[-1]
    page = open_page(path, f"#neuron=7&t=drop&run=pair/gaussian/{seed}&colour=lane&loss=log")
    ready(page)
    own = described(smoke)[f"pair/gaussian/{seed}"]
    state = page.evaluate("race.state()")
    assert state["run"] == f"pair/gaussian/{seed}" and state["selected"] == 7
    assert state["colour"] == "lane" and state["phase"] == "drop" and state["step"] >= own["drop"]
    assert page.locator("#log").is_checked() and page.locator("#notice").is_hidden()
    link = page.evaluate("location.hash")
    assert f"t={state['t']:g}&" in link and "loss=log" in link
    # Edited by hand, as one edits an address.
    page.evaluate("location.hash = '#run=pair/balanced&t=2.5&neuron=winner'")
    until(page, "race.state().run.startsWith('pair/balanced') && race.state().t === 2.5")
    found = page.evaluate("race.state()")
    assert page.evaluate(f"race.neuron({found['selected']})")["final_rank"] == 1
    assert found["colour"] == "norm" and not page.locator("#log").is_checked()
    # A step back, and forth again.
    page.go_back()
    until(page, "race.state().run.startsWith('pair/gaussian') && race.state().selected === 7")
    assert page.evaluate("location.hash") == link
    page.go_forward()
    until(page, "race.state().run.startsWith('pair/balanced')")
    # Choices are steps, too.
    page.locator("#neuron").select_option("3")
    page.locator("#colour").select_option("forecast")
    assert "neuron=3&colour=forecast" in page.evaluate("location.hash")
    page.go_back()
    until(page, "race.state().colour === 'norm' && race.state().selected === 3")


def test_loss_has_a_log_scale(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    before = page.locator("#loss").screenshot()
    page.locator("#log").focus()
    page.keyboard.press("Space")
    assert "loss=log" in page.evaluate("location.hash")
    assert page.locator("#loss").screenshot() != before
    page.go_back()
    until(page, "!document.getElementById('log').checked")
    assert page.locator("#loss").screenshot() == before


def test_forecast_is_drawn_against_the_end(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#run=pair/gaussian/{seed}")
    ready(page)
    arrays = storage.read_arrays(smoke / "results/explorer/pair.npz")
    own = {key: arrays[f"gaussian.{seed}.{key}"] for key in ("forecast", "final_rank")}
    fifth = len(own["forecast"]) // 5
    first = np.argsort(-own["forecast"], kind="stable")[:fifth]
    kept = int((own["final_rank"][first] <= fifth).sum())
    words = page.locator("#forecast-words").text_content() or ""
    assert words.startswith(f"Of the {fifth} that the forecast puts first, {kept} are")
    # The neuron forecast last is the leftmost.
    least = int(np.argmin(own["forecast"]))
    x, y = page.evaluate(f"state.forecastAxes.at({least})")
    page.locator("#forecast").click(position={"x": x, "y": y})
    assert page.evaluate("race.state().selected") == least
    assert x == min(page.evaluate("state.forecastAxes.known.map(j => state.forecastAxes.at(j)[0])"))


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("#run=pair/nobody", "there is no run “pair/nobody” here"),
        ("#t=never", "this run has no moment “never”"),
        ("#neuron=1000", "this run has no neuron “1000”"),
        ("#colour=pink", "colour is one of norm, lane, forecast"),
        ("#speed=3", "“speed” is none of run, t,"),
        ("#second=x", "there is no run “x” here"),
    ],
)
def test_links_that_are_wrong_are_told(
    open_page: Open, path: Path, fragment: str, words: str
) -> None:
    page = open_page(path, fragment)
    ready(page)
    assert words in (page.locator("#notice").text_content() or "")
    assert page.locator("#notice").is_visible()
    assert page.evaluate("race.state().snapshot") == 0
    page.evaluate("location.hash = '#t=end'")
    until(page, "race.state().snapshot === race.state().snapshots - 1")
    assert page.locator("#notice").is_hidden()


def test_every_phase_is_told(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    page = open_page(path, f"#run=pair/gaussian/{seed}")
    ready(page)
    own = described(smoke)[f"pair/gaussian/{seed}"]
    arrays = storage.read_arrays(smoke / "results/explorer/pair.npz")
    loss = arrays[f"gaussian.{seed}.loss"]
    names = [phase["name"] for phase in own["phases"]]
    assert names[:3] == ["turn", "grow", "drop"]
    words = {"turn": "Turn. ", "grow": "Grow. ", "drop": "Drop. ", "after": "After. "}
    for phase in own["phases"]:
        page.locator(f"#phases button[value={phase['name']}]").click()
        until(page, f"race.state().snapshot === {phase['start']}")
        story = page.locator("#story").text_content() or ""
        assert story.startswith(words.get(phase["name"], "Second race. "))
        left = loss[phase["start"]] / loss[0]
        assert left < 0.1 or f"{100 * left:.0f} %" in story
        current = page.locator("#phases [aria-current]")
        assert current.get_attribute("value") == phase["name"] and current.count() == 1
    page.evaluate("location.hash = '#run=pair/lazy&t=end'")
    until(page, "race.state().run.startsWith('pair/lazy')")
    assert "There was no race" in (page.locator("#story").text_content() or "")


def test_late_winners_are_marked_and_told(open_page: Open, path: Path, smoke: Path) -> None:
    arrays = {
        name: storage.read_arrays(smoke / f"results/explorer/{name.split('/')[0]}.npz")[
            "{}.{}.late".format(*name.split("/")[1:])
        ]
        for name in described(smoke)
    }
    name, late = next((name, late) for name, late in arrays.items() if late.any())
    page = open_page(path, f"#run={name}&neuron=late&t=end")
    ready(page)
    state = page.evaluate("race.state()")
    assert sorted(state["late"]) == np.flatnonzero(late).tolist()
    assert state["selected"] == state["late"][0]
    assert "late winner" in (page.locator("#which").text_content() or "")
    assert "A late winner" in (page.locator("#told").text_content() or "")
    assert "late winner" in (page.locator("#legend").text_content() or "")
    facts = page.evaluate(f"race.neuron({state['selected']})")
    fifth = len(late) / 5
    assert facts["forecast_rank"] > fifth and facts["drop_rank"] > fifth
    assert facts["final_rank"] <= len(late) / 20


def test_two_runs_go_by_one_clock(open_page: Open, path: Path, smoke: Path) -> None:
    page = open_page(path, "#run=pair/gaussian&second=pair/lazy&t=drop")
    ready(page)
    state = page.evaluate("race.state()")
    known = described(smoke)
    first, second = known[state["run"]], known[state["beside"]["run"]]
    assert abs(np.log(state["beside"]["t"] / state["t"])) < 0.2
    apart = page.locator("#apart").text_content() or ""
    assert "rates (0.25; 0.05)" in apart and "the clock is t = rate × step" in apart.lower()
    story = page.locator("#story-second").text_content() or ""
    assert story.startswith("Beside it: After.") and page.locator("#race-second").is_visible()
    drawn = pd.DataFrame(page.evaluate("race.points('second')"))
    arrays = storage.read_arrays(smoke / "results/explorer/pair.npz")
    product = arrays[f"lazy.{second['seed']}.norm_product"][state["beside"]["snapshot"]]
    np.testing.assert_allclose(drawn["norm_product"], product, rtol=3e-3)
    page.locator("#clock").select_option("drop")
    until(page, f"race.state().beside.t < {state['beside']['t']}")
    assert page.evaluate("race.state().beside.t") < 3 * second["drop"] * second["learning_rate"]
    assert first["drop"] > second["drop"] and "clock=drop" in page.evaluate("location.hash")
    page.go_back()
    until(page, f"race.state().beside.t === {state['beside']['t']}")
    page.locator("#second").select_option("")
    until(page, "!race.state().beside")
    assert page.locator("#race-second").is_hidden() and page.locator("#apart").is_hidden()


def test_gates_and_weights_of_a_neuron(open_page: Open, path: Path, smoke: Path) -> None:
    seed = seeds(smoke)[0]
    trained = runs.load(smoke / "results/runs/pair/gaussian.npz")
    s = trained.start.seed.tolist().index(seed)
    X, basis = trained.start.X[s], trained.start.basis
    for moment in ("start", "end"):
        page = open_page(path, f"#run=pair/gaussian/{seed}&t={moment}&neuron=5")
        ready(page)
        event = trained.event("init" if moment == "start" else "end")
        w, a = trained.runs.W_events[s, event, 5], trained.runs.A_events[s, event, 5, 0]
        on = w[: X.shape[1]] @ X.T > 0
        assert page.evaluate("race.gates(5)") == on.astype(int).tolist()
        assert f"on for {on.sum()} of {len(on)}" in (
            page.locator("#gates-words").text_content() or ""
        )
        total = np.sign(a) * (w if basis is None else basis[s][:, : len(w)] @ w)
        shown = np.array(page.evaluate("race.weights(5)"))
        assert np.corrcoef(shown, total)[0, 1] > 0.999
    assert page.locator("#picture").is_visible()
    page.evaluate("location.hash = '#run=clusters/gaussian'")
    until(page, "race.state().run.startsWith('clusters')")
    assert page.locator("#picture").is_hidden() and page.locator("#inputs").is_visible()


def test_pictures_and_numbers_are_exported(open_page: Open, path: Path, tmp_path: Path) -> None:
    page = open_page(path, "#t=drop&neuron=4")
    ready(page)
    state = page.evaluate("race.state()")
    for what in ("race", "matrix", "loss", "forecast", "inputs"):
        page.locator("#png-of").select_option(what)
        with page.expect_download() as got:
            page.locator("#png").click()
        got.value.save_as(tmp_path / f"{what}.png")
        assert got.value.suggested_filename == (
            state["run"].replace("/", "_") + f"_{what}_step{state['step']}.png"
        )
        picture = plt.imread(tmp_path / f"{what}.png")
        assert picture[..., 3].min() == 1 and len(np.unique(picture[..., 0])) > 3
    tables = {}
    for what in ("neurons", "neuron", "loss"):
        page.locator("#csv-of").select_option(what)
        with page.expect_download() as got:
            page.locator("#csv").click()
        got.value.save_as(tmp_path / f"{what}.csv")
        tables[what] = pd.read_csv(tmp_path / f"{what}.csv")
    drawn = points(page)
    np.testing.assert_allclose(tables["neurons"]["norm_product"], drawn["norm_product"], rtol=1e-6)
    ranked = drawn["norm_product"].rank(ascending=False, method="min")
    assert tables["neurons"]["rank"].tolist() == ranked.tolist()
    now = tables["neuron"].set_index("step").loc[state["step"]]
    assert now["neuron"] == 4 and now["norm_product"] == tables["neurons"]["norm_product"][4]
    assert len(tables["loss"]) == state["snapshots"] and set(tables["loss"]["phase"]) >= {"turn"}


def test_words_explain_themselves_by_keyboard(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    for word in ("pull", "lane", "drop", "gates", "norm product"):
        button = page.get_by_role("button", name=word, exact=True).first
        button.focus()
        page.keyboard.press("Enter")
        told = page.locator(f"#{button.get_attribute('popovertarget')}")
        assert told.is_visible() and len(told.text_content() or "") > 80
        page.keyboard.press("Escape")
        assert told.is_hidden()


def test_printed_page_keeps_pictures_and_loses_controls(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    page.emulate_media(media="print")
    for shown in ("#race", "#matrix", "#loss", "#forecast", "#inputs", "#story", "#which"):
        assert page.locator(shown).is_visible()
    for gone in ("#play", "#experiment", "#png", "#phases button"):
        assert page.locator(gone).first.is_hidden()


@pytest.mark.parametrize(("scheme", "width"), looks(1440))
@pytest.mark.parametrize("second", ["", "#second=pair/lazy&run=pair/gaussian"])
def test_accessible(open_page: Open, path: Path, scheme: str, width: int, second: str) -> None:
    page = open_page(path, second, color_scheme=scheme, viewport={"width": width, "height": 800})
    ready(page)
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.locator("#time").get_attribute("aria-valuetext") == page.locator("#now").text_content()
    )


def test_page_is_small_and_warns(open_page: Open, path: Path) -> None:
    page = open_page(path)
    ready(page)
    assert path.stat().st_size < 12_000_000
    assert "too few runs" in (page.locator(".warning[role=note]").text_content() or "")
    provenance = json.loads(page.locator("#provenance").text_content() or "{}")
    assert provenance["inputs"]["pair.npz"] == storage.checksum(path.parent / "explorer/pair.npz")
