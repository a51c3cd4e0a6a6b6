"""Pages on a user's own network: what `neuron-race inspect` writes, and a watched run."""

from pathlib import Path

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from browsing import Open, until
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
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_watched_run_plays_in_the_explorer(open_page: Open, tmp_path: Path) -> None:
    model, X = network(), torch.randn(60, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with neuron_race.watch(model, every=2) as race:
        for _ in range(12):
            optimizer.zero_grad()
            loss = model(X).square().mean()
            loss.backward()
            optimizer.step()
            race.loss = loss.item()
    race.save(tmp_path / "race.html")
    page = open_page(tmp_path / "race.html")
    until(page, "window.race && race.state().snapshots > 0")
    state = page.evaluate("race.state()")
    assert state["run"] == "0" and state["snapshots"] == 6
    assert len(page.evaluate("race.points()")) == 12
    assert "A network of your own" in page.locator(".warning").first.inner_text()
