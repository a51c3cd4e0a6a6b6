"""What pages are made of: repeated runs, packed arrays, plots' geometry, embedded data."""

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_runs import DIGITS, digits, train_on

from neuron_race.models import clusters
from neuron_race.pages import explorer, page, trajectories
from neuron_race.pages.site import plots


def test_repeated_runs_have_the_same_bits() -> None:
    trained = train_on(DIGITS, (3, 4, 5), max_steps=300)
    again = trajectories.repeat(trained, [5, 3], snapshots=90)
    assert again.start.seed.tolist() == [5, 3] and again.runs.W is not None
    assert np.array_equal(again.runs.W_events, trained.runs.W_events[[2, 0]], equal_nan=True)
    common, t, r = np.intersect1d(again.runs.step, trained.runs.step, return_indices=True)
    assert len(common) > 10 and len(again.runs.step) > len(trained.runs.step)
    for name, array in trained.runs.measured.items():
        assert np.array_equal(again.runs.measured[name][:, t], array[[2, 0]][:, r]), name


def test_runs_that_do_not_repeat_are_refused() -> None:
    trained = digits()
    wrong = trained.runs.W_events.copy()
    wrong[0, -1, 3] *= 1.001
    spoilt = replace(trained, runs=replace(trained.runs, W_events=wrong))
    with pytest.raises(ArithmeticError, match="differ from the recorded"):
        trajectories.repeat(spoilt, [0], snapshots=20)
    with pytest.raises(ValueError, match=r"\[7\] are none of \[0\]"):
        trajectories.repeat(trained, [7], snapshots=20)


def test_directions_give_cosines_within_the_stated_error() -> None:
    made = digits().runs
    assert made.W is not None and made.A is not None
    kept, error = trajectories.directions(made.W[0], made.A[0])
    largest = 0.0
    for t in range(len(kept)):
        U = kept[t] / trajectories.SCALE
        difference = np.abs(U @ U.T - clusters.cosines(made.W[0, t], made.A[0, t]))
        np.fill_diagonal(difference, 0)
        largest = max(largest, difference.max())
    assert error == pytest.approx(largest, rel=1e-6) and 0 < error < 0.03


def test_directions_are_cut_to_the_principal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    made = digits().runs
    assert made.W is not None and made.A is not None
    full = trajectories.directions(made.W[0], made.A[0])[1]
    monkeypatch.setattr(trajectories, "MOST_DIRECTIONS", 5)
    kept, error = trajectories.directions(made.W[0], made.A[0])
    assert kept.shape[-1] == 5 and error > 5 * full


def test_record_of_a_run() -> None:
    trained = replace(digits(), options={**digits().options, "dataset": "digits"})
    neurons = pd.DataFrame({"neuron": [*range(59, -1, -1)], "cluster_99": [*range(60)]})
    forecast = np.linspace(1, 2, 60)
    forecast[3] = np.nan
    arrays, description = trajectories.record(trained, 0, neurons, forecast)
    product = trained.runs.measured["norm_w"][0] * trained.runs.measured["norm_a"][0]
    assert arrays["cluster"].tolist() == [*range(59, -1, -1)]
    assert arrays["final_rank"][product[-1].argmax()] == 1
    assert arrays["forecast_rank"][[59, 3, 0]].tolist() == [1, 0, 59]
    assert description["drop"] == trained.runs.event_step[0, 2] and description["width"] == 60
    packed = explorer.run(arrays, description)
    cos = unpack(packed, "cos_delta") / 65535 * 2 - 1
    np.testing.assert_allclose(cos.T, arrays["cos_delta"], atol=2e-5)
    low, high = packed["log_range"]
    log = low + unpack(packed, "log_norm_product") / 65535 * (high - low)
    np.testing.assert_allclose(10**log.T, product, rtol=1e-3)
    assert np.array_equal(unpack(packed, "directions").transpose(2, 1, 0), arrays["directions"])


def unpack(packed: dict[str, Any], name: str) -> np.ndarray:
    """Read one array back, as the page does."""
    entry = next(entry for entry in packed["layout"] if entry["name"] == name)
    raw = zlib.decompress(base64.b64decode(packed["data"]))
    own = raw[entry["start"] : entry["start"] + entry["bytes"]]
    array = np.frombuffer(own, dtype=f"<{entry['kind']}").reshape(entry["shape"])
    return array.cumsum(axis=-1, dtype=array.dtype) if entry["differences"] else array


@pytest.mark.parametrize(
    ("direction", "threshold", "inside"),
    [("above", 0.7, True), ("below", 0.7, False), ("within", 0.02, False)],
)
def test_forest_plots(direction: str, threshold: float, inside: bool) -> None:
    criterion = {"estimate": 0.8, "ci_low": 0.75, "ci_high": 0.9, "threshold": threshold}
    plot = plots.forest({**criterion, "direction": direction})
    assert plot is not None
    assert 0 < plot["low"] < plot["estimate"] < plot["high"] < plots.WIDTH
    low, width = plot["wanted"]
    assert (low <= plot["low"] and plot["high"] <= low + width) == inside
    assert len(plot["thresholds"]) == (2 if direction == "within" else 1)
    assert plots.forest({**criterion, "direction": direction, "estimate": None}) is None


def test_forest_plot_of_a_point() -> None:
    zero = {"estimate": 0.0, "ci_low": 0.0, "ci_high": 0.0, "threshold": 0.0}
    plot = plots.forest({**zero, "direction": "below"})
    assert plot is not None and plot["estimate"] == plot["thresholds"][0] == plots.WIDTH / 2


def test_embedded_data_can_not_end_its_element() -> None:
    content = {"text": "</script><!-- & 'é"}
    text = page.embed(content)
    assert "<" not in text and json.loads(text) == content
    with pytest.raises(ValueError, match="not JSON compliant"):
        page.embed([float("nan")])


def test_warnings() -> None:
    assert page.warnings("default", {}, [300, 301]) == []
    assert "too few runs" in page.warnings("smoke", {}, [300])[0]
    assert "confirm nothing" in page.warnings("default", {}, [2, 300])[0]
    changed = page.warnings("default", {"seeds.count": [20, 2]}, [300, 301])
    assert changed == ["Not the settings of preset default: seeds.count 2 (preset: 20)."]
