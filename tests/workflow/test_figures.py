"""Figures of all claims: thresholds and intervals are the verdicts', and nothing hides anything."""

import functools
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from neuron_race.common import storage
from neuron_race.figures import style
from neuron_race.settings import configuration, reading

CLAIMS = sorted(path.stem for path in Path("config/claims").glob("[a-z]*.yaml"))
# Criteria that count and are in no panel, each with its reason.
NOT_DRAWN = {
    "replay_is_the_run": "a check of arithmetic: 1e-16 where 1e-8 is allowed",
    "pruning_skip_beats_random": "a difference of two panels that share their scale",
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    style.apply()
    yield
    plt.close("all")


@functools.cache
def settings(smoke: Path) -> configuration.Settings:
    """Those of the run."""
    config = reading.merged([smoke / "config/config.yaml", smoke / "config/smoke.yaml"])
    return configuration.read(config, smoke)


def what(smoke: Path, claim: str) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Tables and verdict that a claim's figure is drawn from."""
    own = settings(smoke)
    tables = {
        path: style.with_tasks(
            storage.read_table(smoke / "results" / path), path, own.tasks_drawn(claim)
        )
        for path in own.claims[claim]["figure_tables"]
    }
    return tables, storage.read_json(smoke / f"results/claims/{claim}.json")


def drawn(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """The figure, laid out, and the numbers drawn."""
    module = importlib.import_module(f"neuron_race.figures.{verdict['claim']}")
    figure, numbers = module.draw(tables, verdict)
    figure.draw_without_rendering()
    return figure, numbers


@functools.cache
def shown(smoke: Path, claim: str) -> tuple[Figure, pd.DataFrame]:
    """The figure of the run as it is; tests look at it, and change nothing."""
    return drawn(*what(smoke, claim))


def thresholds(figure: Figure) -> dict[str, list[Any]]:
    """What is drawn of each criterion's threshold."""
    found: dict[str, list[Any]] = {}
    for artist in figure.findobj(lambda artist: "threshold:" in str(artist.get_gid())):
        for name in artist.get_gid().split():
            found.setdefault(name.removeprefix("threshold:"), []).append(artist)
    return found


@pytest.mark.parametrize("claim", CLAIMS)
def test_thresholds_are_drawn_where_the_verdict_has_them(smoke: Path, claim: str) -> None:
    tables, verdict = what(smoke, claim)
    lines = thresholds(shown(smoke, claim)[0])
    counted = {row["name"] for row in verdict["criteria"] if row["confirmatory"]}
    assert counted - set(lines) <= set(NOT_DRAWN)
    assert verdict["criteria"][0]["name"] in lines
    before = {
        name: [line.get_xydata() for line in own if hasattr(line, "get_xydata")]
        for name, own in lines.items()
    }
    for row in verdict["criteria"]:
        row["threshold"] += 0.125
    after = thresholds(drawn(tables, verdict)[0])
    for name, data in before.items():
        moved = [line.get_xydata() for line in after[name] if hasattr(line, "get_xydata")]
        for one, other in zip(data, moved, strict=True):
            assert not np.array_equal(one, other), name


@pytest.mark.parametrize("claim", CLAIMS)
def test_intervals_are_the_verdicts(smoke: Path, claim: str) -> None:
    _, verdict = what(smoke, claim)
    _, numbers = shown(smoke, claim)
    if "runs" not in numbers:
        return
    for row in verdict["criteria"]:
        if row["minus"] is not None or not isinstance(row["runs"], str):
            continue  # a difference, or a trend
        own = numbers[(numbers["runs"] == row["runs"]) & (numbers["quantity"] == row["statistic"])]
        if len(own):
            expected = [row["ci_low"], row["estimate"], row["ci_high"]]
            expected = [np.nan if value is None else value for value in expected]
            found = own.iloc[0][["low", "mean", "high"]].to_numpy(dtype=float)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9, err_msg=row["name"])


def parts(ax: Axes) -> Iterator[Bbox]:
    """What a legend must not lie on: the panel, its ticks and labels, its title."""
    yield ax.get_window_extent()
    for axis in (ax.xaxis, ax.yaxis):
        if (box := axis.get_tightbbox()) is not None and ax.axison:
            yield box
    for title in (ax.title, ax._left_title):  # type: ignore[attr-defined]
        if title.get_text():
            yield title.get_window_extent()


def words(figure: Figure) -> Iterator[Text]:
    """All words but labels of ticks, of which some lie out of view and are not drawn."""
    of_ticks = {
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for label in axis.get_ticklabels(which="both")
    }
    yield from (text for text in figure.findobj(Text) if text not in of_ticks)
    for ax in figure.axes:  # of rows, all are drawn
        yield from (label for label in ax.get_yticklabels() if len(label.get_text()) > 12)


@pytest.mark.parametrize("claim", CLAIMS)
def test_nothing_lies_on_anything_or_is_cut(smoke: Path, claim: str) -> None:
    figure, _ = shown(smoke, claim)
    for legend in figure.findobj(Legend):
        box = legend.get_window_extent()
        for ax in figure.axes:
            for part in parts(ax):
                assert not box.padded(-1).overlaps(part), (ax.get_title("left"), "legend")
    page = figure.bbox.padded(1)
    for text in words(figure):
        if text.get_text().strip():
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
            assert page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_figure_asks_a_question_and_has_labels_and_words(smoke: Path, claim: str) -> None:
    figure, numbers = shown(smoke, claim)
    assert figure.get_suptitle().endswith("?") and len(numbers)
    for ax in figure.axes:
        if ax.axison and ax.get_label() != "<colorbar>":
            assert ax.get_title("left"), "each panel says what it shows"
            ticks = any(text.get_text() for text in ax.get_yticklabels())
            assert ax.get_ylabel() or ticks or not len(ax.get_yticks())
    letters = [text for ax in figure.axes for text in ax.texts if text.get_gid() == "letter"]
    described = style.described(figure)
    assert all(f"({letter.get_text()})" in described for letter in letters)
