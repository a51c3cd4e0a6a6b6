"""Pages on a user's own network: what `neuron-race inspect` writes, and a watched run."""

from pathlib import Path

import pytest
import torch
from browsing import Open, accessible, until
from torch import nn

import neuron_race
from neuron_race.own import inspecting


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 3))


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_inspect_is_accessible_and_fits(
    open_page: Open, tmp_path: Path, width: int, scheme: str
) -> None:
    X = torch.randn(60, 5)
    said, text = inspecting.render("my_models:net", network(), X, torch.arange(60) % 3, [])
    (tmp_path / "network.html").write_text(text, encoding="utf-8")
    size = {"width": width, "height": 900}
    page = open_page(tmp_path / "network.html", viewport=size, color_scheme=scheme)
    assert page.locator(".upshot").inner_text() == said[0]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    accessible(page)


def watched(path: Path, steps: int, told: bool = True) -> Path:
    """The explorer on a network of two layers, every second step of which is read."""
    torch.manual_seed(2)
    layers = [nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 3)]
    model, X = nn.Sequential(*layers), torch.randn(60, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with neuron_race.watch(model, every=2) as race:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(X).square().mean()
            loss.backward()
            optimizer.step()
            if told:
                race.loss = loss.item()
    race.save(path)
    return path


def test_a_watched_run_plays_in_the_explorer(open_page: Open, tmp_path: Path) -> None:
    page = open_page(watched(tmp_path / "race.html", 12), "#run=2&t=4")
    page.evaluate("race.ready")
    state = page.evaluate("race.state()")
    assert (state["run"], state["step"], state["snapshots"]) == ("2", 4, 6)
    assert len(page.evaluate("race.points()")) == 7
    assert "A network of your own" in page.locator(".warning[role=note]").inner_text()
    page.locator("#experiment").select_option("0")
    page.locator("#second").select_option("2")
    until(page, "race.state().run === '0' && race.state().beside")
    page.locator("#play").click()
    until(page, "!race.state().playing && race.state().step === 10")
    assert page.locator("#now").inner_text().startswith("step 10, loss 0.")
    assert page.locator("#story").inner_text().startswith("Now. Weighted by norm")
    page.locator("#neuron").select_option("3")
    assert page.locator("#notice").is_hidden() and page.locator("#apart").is_hidden()
    with page.expect_download() as download:
        page.locator("#csv").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + 12 + 7


@pytest.mark.parametrize(("steps", "told"), [(12, True), (12, False), (1, True)])
def test_what_is_not_known_of_a_watched_run_is_not_shown(
    open_page: Open, tmp_path: Path, steps: int, told: bool
) -> None:
    page = open_page(watched(tmp_path / "race.html", steps, told))
    page.evaluate("race.ready")
    for name in ("forecast", "inputs", "alpha", "head", "seed", "phases", "clock"):
        assert page.locator(f"#{name}").is_hidden(), name
    assert page.locator("#loss").is_visible() == told
    assert ("loss was not told" in page.locator("#which").inner_text()) == (not told)
    shown = page.locator("body").inner_text()
    assert not any(word in shown for word in ("undefined", "NaN", "null", "seed yours"))
    accessible(page)
