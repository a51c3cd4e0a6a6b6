"""The look of figures: runs, intervals and thresholds as verdicts have them, the same bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from neuron_race.evidence import statistics
from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

VALUES = [0.1, 0.3, 0.2, 0.5]
PAIRS = ["0-1", "0-2", "1-2", "2-3"]
PATH = "dynamics/pair/runs.csv"
CRITERION = {
    **{"name": "few", "statistic": "share", "runs": "pair/gaussian", "minus": None},
    **{"threshold": 0.4, "direction": "below", "confirmatory": True, "proportion": False},
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    style.apply()
    yield
    plt.close("all")


def runs() -> pd.DataFrame:
    """Runs of two conditions."""
    small = pd.DataFrame({"condition": "gaussian", "share": VALUES, "other": 0.5})
    large = pd.DataFrame({"condition": "lazy", "share": 0.8, "other": 0.5}, index=range(4))
    return pd.concat([small, large]).assign(seed=[*range(4), *range(4)])


def verdict(**changes: Any) -> dict[str, Any]:
    row = {**CRITERION, **changes}
    return {
        "claim": "few",
        "status": "supported",
        "preset": "smoke",
        "n_runs": 4,
        "criteria": [row],
    }


def strip(table: pd.DataFrame, told: dict[str, Any], *rows: Row) -> tuple[Any, pd.DataFrame]:
    _, (ax,) = style.sheet("Few?", (1.0, (1,)))
    return ax, strips.strip(ax, told, {PATH: table}, rows)


SMALL = Row("small", "dynamics/pair/gaussian", "share")


def lines(ax: Any) -> list[float]:
    """Where thresholds are."""
    return [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "threshold:few"]


def test_intervals_know_that_tasks_share_classes() -> None:
    tasks = {"pair/gaussian": dict(enumerate(PAIRS))}
    told = style.with_tasks(runs(), PATH, tasks)
    assert told["task"].to_list() == [*PAIRS, *[None] * 4]
    _, drawn = strip(told, verdict(), SMALL)
    expected = statistics.interval(np.array(VALUES), tasks=PAIRS)
    assert tuple(drawn.loc[0, ["low", "high"]]) == pytest.approx(expected)
    _, without = strip(runs(), verdict(), SMALL)
    assert tuple(without.loc[0, ["low", "high"]]) == statistics.interval(np.array(VALUES))


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, [0.4]),
        ({"threshold": 0.3, "direction": "within"}, [-0.3, 0.3]),
        ({"threshold": 0.0, "minus": "pair/lazy"}, [0.8]),
        ({"threshold": -0.1, "minus": "other"}, [0.4]),
        ({"runs": "pair/lazy"}, []),
        ({"statistic": "other"}, []),
    ],
)
def test_thresholds_are_where_the_verdict_has_them(
    changes: dict[str, Any], places: list[float]
) -> None:
    ax, _ = strip(runs(), verdict(**changes), SMALL)
    assert lines(ax) == pytest.approx(places)


def test_every_run_is_a_dot_at_the_same_place_each_time() -> None:
    dots = []
    for _ in range(2):
        ax, _ = strip(runs(), verdict(), SMALL)
        (own,) = (line for line in ax.lines if line.get_gid() == "runs")
        assert own.get_xdata().tolist() == VALUES
        dots.append(own.get_ydata())
    assert np.ptp(dots[0]) > 0 and (dots[0] == dots[1]).all()


def test_rows_without_runs_are_left_out() -> None:
    missing = Row("none", "dynamics/pair/none", "share")
    ax, drawn = strip(runs(), verdict(), missing, SMALL)
    assert drawn["condition"].to_list() == ["gaussian"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small"]


def test_a_level_and_a_slope_are_the_verdicts() -> None:
    _, (ax, other) = style.sheet("Few?", (1.0, (1, 1)))
    strips.level(ax, verdict(), "few", "of_no_claim")
    (line,) = ax.lines
    assert line.get_gid() == "threshold:few" and line.get_ydata()[0] == 0.4
    assert "< 0.4" in [text.get_text() for text in ax.texts]
    strips.slope(other, verdict(), "few", [4, 8, 16], 1.0)
    assert other.lines[0].get_ydata() == pytest.approx([1.0, 1.4, 1.8])


def test_files_say_what_they_show_and_are_the_same_each_time(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        ax, _ = strip(runs(), verdict(), SMALL)
        ax.set(title="Shares", xlabel="share")
        style.footer(ax.figure.figure, verdict())
        paths = tmp_path / "a.pdf", tmp_path / "a.png"
        style.save(ax.figure.figure, *paths)
        made.append([path.read_bytes() for path in paths])
    assert made[0] == made[1]
    with Image.open(tmp_path / "a.png") as image:
        told, colours = image.info, image.convert("RGB").getcolors()
        assert image.mode == "P" and len(colours or []) > 10
    assert told["Title"] == "Few?" and told["Description"] == "Few? (a) Shares: share."
