"""What pages are made of: repeated runs, packed arrays, plots' geometry, embedded data."""

import base64
import json
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_runs import DIGITS, digits, stack, train_on

from neuron_race.models import clusters
from neuron_race.pages import explorer, page, phases, pictures, trajectories, untypical
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
    kept, _, error = trajectories.directions(made.W[0], made.A[0])
    largest = 0.0
    for t in range(len(kept)):
        U = kept[t] / trajectories.SCALE
        difference = np.abs(U @ U.T - clusters.cosines(made.W[0, t], made.A[0, t]))
        np.fill_diagonal(difference, 0)
        largest = max(largest, difference.max())
    assert error == pytest.approx(largest, rel=1e-6) and 0 < error < 0.05


def test_directions_are_cut_to_the_principal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    made = digits().runs
    assert made.W is not None and made.A is not None
    full = trajectories.directions(made.W[0], made.A[0])[2]
    monkeypatch.setattr(trajectories, "MOST_DIRECTIONS", 5)
    kept, principal, error = trajectories.directions(made.W[0], made.A[0])
    assert len(principal) == 5
    assert kept.shape[-1] == 5 and error > 5 * full


def test_record_of_a_run() -> None:
    trained = replace(digits(), options={**digits().options, "dataset": "digits"})
    neurons = pd.DataFrame({"neuron": [*range(59, -1, -1)], "cluster_99": [*range(60)]})
    neurons["norm_product_drop"] = np.arange(60.0)
    forecast = np.linspace(1, 2, 60)
    forecast[3] = np.nan
    arrays, description = trajectories.record(trained, 0, neurons, forecast)
    product = trained.runs.measured["norm_w"][0] * trained.runs.measured["norm_a"][0]
    assert arrays["cluster"].tolist() == [*range(59, -1, -1)]
    assert arrays["final_rank"][product[-1].argmax()] == 1
    assert arrays["forecast_rank"][[59, 3, 0]].tolist() == [1, 0, 59]
    assert arrays["drop_rank"][[0, 59]].tolist() == [1, 60]
    assert arrays["lane_rank"].tolist() == [1] * 60
    assert description["drop"] == trained.runs.event_step[0, 2] and description["width"] == 60
    packed = explorer.run(arrays, description)
    cos = unpack(packed, "cos_delta") / explorer.LEVELS * 2 - 1
    np.testing.assert_allclose(cos.T, arrays["cos_delta"], atol=1.3e-4)
    low, high = packed["log_range"]
    log = low + unpack(packed, "log_norm_product") / explorer.LEVELS * (high - low)
    np.testing.assert_allclose(log.T, np.log10(product), atol=(high - low) / explorer.LEVELS)
    assert np.array_equal(unpack(packed, "directions").transpose(2, 1, 0), arrays["directions"])


def test_gates_and_pictures_are_those_of_the_weights() -> None:
    trained = replace(digits(), options={**digits().options, "dataset": "digits"})
    made, start = trained.runs, trained.start
    assert made.W is not None and made.A is not None
    d = start.X.shape[2]
    bits = np.unpackbits(trajectories.gates(start.X[0], made.W[0]), axis=2)[..., : start.X.shape[1]]
    for t, j, i in ((0, 3, 5), (10, 59, 41), (len(bits) - 1, 0, 0)):
        assert bits[t, j, i] == (made.W[0, t, j, :d] @ start.X[0, i] > 0)
    kept, principal, _ = trajectories.directions(made.W[0], made.A[0])
    shown = trajectories.pixels(trained, 0, principal)
    assert shown["inputs"].shape == (60, 64) and shown["principal"].shape[1] == 64
    data = train_on_pixels()
    assert np.corrcoef(shown["inputs"].ravel(), data.ravel())[0, 1] > 0.9999
    W = made.W[0, -1]
    if start.basis is not None:
        W = W @ start.basis[0].T[: W.shape[1]]
    total = np.sign(made.A[0, -1]) * W
    seen = kept[-1].astype(float) @ shown["principal"].astype(float)
    for j in range(0, 60, 7):
        assert np.corrcoef(seen[j], total[j])[0, 1] > 0.999


def train_on_pixels() -> np.ndarray:
    """Inputs of the run of `digits`, as its data set has them."""
    return stack(DIGITS, (0,))["X"][0]


@pytest.mark.parametrize(
    ("inputs", "square"), [(64, (1, 8)), (784, (1, 28)), (3072, (3, 32)), (20, None), (63, None)]
)
def test_which_inputs_are_square_images(inputs: int, square: tuple[int, int] | None) -> None:
    assert pictures.shape(inputs) == square


def test_images_shrink_by_means_over_blocks_and_colours() -> None:
    image = np.arange(3 * 32 * 32, dtype=float).reshape(3, 32, 32)
    small = pictures.shrink(image.reshape(1, -1), 3, 32)[0].reshape(16, 16)
    assert small[2, 5] == pytest.approx(image[:, 4:6, 10:12].mean())
    same = np.arange(64.0)[None]
    assert np.array_equal(pictures.shrink(same, 1, 8), same)


def test_late_winners_were_left_behind_by_forecast_and_drop() -> None:
    forecast, drop, final = (np.linspace(1, 2, 40) for _ in range(3))
    final[3] = final[38] = 9  # last in the forecast and at the drop; a favourite
    assert np.flatnonzero(phases.late_winners(forecast, drop, final)).tolist() == [3]
    ahead = drop.copy()
    ahead[3] = 5  # in front at the drop already
    assert not phases.late_winners(forecast, ahead, final).any()
    assert not phases.late_winners(np.full(40, np.nan), drop, final).any()
    assert not phases.late_winners(forecast, np.full(40, np.nan), final).any()


def made_up_run(second: bool) -> tuple[np.ndarray, ...]:
    """A race of ten: leaders turn by step 3, drop at 5, arrive at 7; neuron 9 comes up at 10."""
    step = np.arange(13)
    cos = np.where(step < 3, 0.2, 1.0)[:, None] * np.ones(10)
    product = np.clip(np.exp(step - 7.0), None, 1.0)[:, None] * np.linspace(2, 1, 10)
    product[:, 9] = np.where(second & (step >= 9), np.clip(np.exp(step - 10.0), None, 1) * 3, 1e-6)
    return step, cos, product


def test_phases_of_a_race() -> None:
    step, cos, product = made_up_run(second=True)
    late = np.arange(10) == 9
    found, raced = phases.phases(step, cos, product, 5, late)
    starts = {part["name"]: part["start"] for part in found}
    assert starts == {"turn": 0, "grow": 3, "drop": 5, "second": 7, "after": 10} and raced
    step, cos, product = made_up_run(second=False)
    found, _ = phases.phases(step, cos, product, 5, np.zeros(10, dtype=bool))
    assert [part["name"] for part in found] == ["turn", "grow", "drop", "after"]


def test_phases_without_a_race_or_a_drop() -> None:
    step, cos, product = made_up_run(second=False)
    nobody = np.zeros(10, dtype=bool)
    found, raced = phases.phases(step, 0 * cos, product, 1, nobody)
    assert [part["name"] for part in found] == ["turn", "drop", "after"] and not raced
    found, raced = phases.phases(step, cos, product, None, nobody)
    assert found == [{"name": "turn", "start": 0}, {"name": "grow", "start": 3}] and not raced


def table_of_runs() -> pd.DataFrame:
    rows = {
        "seed": [7, 8, 9, 10],
        untypical.MAIN: [0.9, 0.7, np.nan, 0.8],
        "clusters_99": [2, 9, 2, 2],
        "step_drop_10": [50, 50, 80, 50],
    }
    return pd.DataFrame(rows)


def test_a_typical_run_comes_first_then_others_by_name() -> None:
    late = {7: 0.0, 8: 0.0, 9: 0.2, 10: 0.0}
    found = untypical.chosen(table_of_runs(), late, 4)
    assert {seed: [one["name"] for one in names] for seed, names in found.items()} == {
        10: ["typical"],
        9: ["late winner", "slowest drop"],
        8: ["most clusters"],
    }
    assert "0.800" in found[10][0]["why"] and "9 clusters" in found[8][0]["why"]
    assert list(untypical.chosen(table_of_runs(), late, 2)) == [10, 9]
    assert list(untypical.chosen(table_of_runs(), {}, 4)) == [10]
    unknown = table_of_runs().assign(**{untypical.MAIN: np.nan})
    assert next(iter(untypical.chosen(unknown, late, 1))) == 7


def unpack(packed: dict[str, Any], name: str) -> np.ndarray:
    """Read one array back, as the page does."""
    entry = next(entry for entry in packed["layout"] if entry["name"] == name)
    raw = zlib.decompress(base64.b64decode(packed["data"]))
    own = raw[entry["start"] : entry["start"] + entry["bytes"]]
    kind, shape = f"<{entry['kind']}", entry["shape"]
    if not entry["changes"]:
        return np.frombuffer(own, dtype=kind).reshape(shape)
    count = int(np.prod(shape))
    bits = -(-count // 8)
    changed = np.unpackbits(np.frombuffer(own[:bits], np.uint8), count=count).astype(bool)
    array = np.zeros(count, dtype=kind)
    array[changed] = np.frombuffer(own[bits:], dtype=kind)
    return array.reshape(shape).cumsum(axis=-1, dtype=kind)


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
