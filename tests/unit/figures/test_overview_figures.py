"""Figures of all claims at once: criteria against nulls, and over tasks."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neuron_race.figures import nulls, style, tasks

CELL = {
    **{"claim": "racing", "null": "linear", "title": "a linear network", "removes": "gates"},
    **{"expected": "pass", "as_expected": True, "criterion": "ranks", "confirmatory": True},
    **{"holds": True, "meets": True, "undefined": False, "estimate": 0.9, "ci_low": 0.8},
    **{"ci_high": 1.0, "own_estimate": 0.95, "threshold": 0.7, "direction": "above"},
}
SCORE = {
    **{"claim": "racing", "name": "ranks", "confirmatory": True, "is_control": False},
    **{"n_tasks": 4, "share": 0.75, "estimate": 0.9, "ci_low": 0.8, "ci_high": 1.0},
    **{"new_low": 0.5, "new_high": 1.3, "threshold": 0.7, "direction": "above", "holds": True},
    "preset": "default",
}


@pytest.fixture(autouse=True)
def closed() -> None:
    style.apply()
    yield
    plt.close("all")


def test_cells_of_nulls_say_what_each_does() -> None:
    rows = [
        CELL,
        {
            **CELL,
            "null": "noise",
            "title": "a network on noise",
            "meets": False,
            "expected": "fail",
        },
        {**CELL, "null": "lazy", "title": "a lazy one", "meets": None, "undefined": True},
        {**CELL, "null": "lazy", "criterion": "other", "meets": None},
        {**CELL, "criterion": "aside", "confirmatory": False},
    ]
    figure, drawn = nulls.draw(pd.DataFrame(rows), "default, changed")
    assert drawn["outcome"].tolist() == [
        nulls.MEETS,
        nulls.MISSES,
        nulls.UNDEFINED,
        nulls.UNDECIDED,
    ]
    assert "Preset default, changed." in figure.legends[0].get_title().get_text()
    (ax,) = figure.axes
    fills = [patch.get_facecolor()[:3] for patch in ax.patches]
    assert len(set(fills)) == 4
    words = [text.get_text() for text in ax.get_yticklabels()]
    assert words == ["ranks: 0.95 > 0.7", "other: 0.95 > 0.7"]


def test_a_table_without_nulls_is_drawn_too() -> None:
    figure, drawn = nulls.draw(pd.DataFrame(columns=list(CELL)), "default")
    assert drawn.empty and figure.axes


def evidence(values: list[float], null: str | None = None) -> pd.DataFrame:
    base = {"criterion": "ranks", "null": null, "seed": range(len(values))}
    return pd.DataFrame({**base, "task": "0-1", "value": values})


def test_tasks_are_drawn_by_their_distance_to_the_threshold() -> None:
    own = pd.concat([evidence([0.6, 0.9, 1.1, 1.0]), evidence([5.0], "linear")])
    figure, drawn = tasks.draw(pd.DataFrame([SCORE]), {"racing": own})
    assert drawn["distance"].to_numpy() == pytest.approx([-0.5, 1.0, 2.0, 1.5])
    (ax,) = figure.axes
    bars = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    assert any(np.allclose(bar, [0.5, 1.5]) for bar in bars)  # the interval, 0.8 to 1.0


@pytest.mark.parametrize(
    ("low", "high", "edges"), [(-0.1, 0.3, [0.7, 1.0]), (0.2, 0.4, [0.6, 0.8])]
)
def test_an_interval_within_a_margin_is_nearest_to_it_at_its_far_end(
    low: float, high: float, edges: list[float]
) -> None:
    row = {**SCORE, "direction": "within", "threshold": 1.0, "estimate": 0.0}
    row |= {"ci_low": low, "ci_high": high, "new_low": np.nan, "new_high": np.nan}
    figure, _ = tasks.draw(pd.DataFrame([row]), {"racing": evidence([0.0, 0.1])})
    bars = [line.get_xdata() for line in figure.axes[0].lines]
    assert any(np.allclose(bar, edges) for bar in bars)


def test_without_tasks_there_is_nothing_to_draw() -> None:
    figure, drawn = tasks.draw(pd.DataFrame([{**SCORE, "n_tasks": 1}]), {})
    assert drawn.empty and figure.axes
