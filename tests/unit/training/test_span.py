"""Training in the span of the data is the same training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_runs import OPTIONS

from neuron_race.common import storage
from neuron_race.data import datasets
from neuron_race.models import clusters, shallow
from neuron_race.training import conditions, runs, span
from neuron_race.training.recipe import Runs
from neuron_race.training.runs import Start

Array = NDArray[np.float64]
Files = tuple[Path, Path]


def data(d: int, N: int, rank: int | None = None, S: int = 1, k: int = 1) -> dict[str, Array]:
    rng = np.random.default_rng(d + N)
    X = rng.standard_normal((S, N, d)) / np.sqrt(d)
    if rank is not None:
        X = rng.standard_normal((S, N, rank)) @ X[:, :rank]
    Y = rng.standard_normal((S, N, k))
    return {"X": X, "Y": Y, "X_test": rng.standard_normal((S, 25, d)) / np.sqrt(d), "Y_test": Y}


def trained(
    sample: dict[str, Array], reduce: bool, width: int, **changes: Any
) -> tuple[Start, Runs]:
    options = {
        **OPTIONS,
        **{"seeds": list(range(len(sample["X"]))), "width": width, "reduce": reduce},
        **{"alpha": 0.1, "max_steps": 150, "max_weight_bytes": 10**9, **changes},
    }
    start = conditions.begin("span", options, sample)
    return start, conditions.run(start, options)


CASES = {
    "wide": (data(500, 30), 20, 30),
    "wide_two_runs_three_outputs": (data(200, 15, S=2, k=3), 20, 15),
    "repeated_inputs": (data(100, 30, rank=8), 20, 8),
    "more_neurons_than_directions_left": (data(40, 10), 60, 10),
    "more_neurons_and_low_rank": (data(40, 60, rank=35), 60, 35),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_everything_measured_is_the_same_with_and_without_reduction(case: str, bias: bool) -> None:
    sample, width, rank = CASES[case]
    start, reduced = trained(sample, True, width, bias=bias)
    whole_start, whole = trained(sample, False, width, bias=bias)
    d = sample["X"].shape[2] + bias
    expected = rank if not bias or rank == sample["X"].shape[1] else rank + 1
    assert start.rank == expected < d and whole_start.rank is None
    assert start.X.shape[2] == expected and whole_start.X.shape[2] == d
    assert start.W.shape[2] == expected + min(width, d - expected)
    assert reduced.W is not None and whole.W is not None
    np.testing.assert_allclose(reduced.loss, whole.loss, rtol=1e-10)
    np.testing.assert_array_equal(reduced.event_step, whole.event_step)
    assert whole.loss[0, -1] < 0.9 * whole.loss[0, 0]
    for name in ("norm_w", "norm_a", "norm_D", "cos_delta", "growth", "open", "gate_changes"):
        np.testing.assert_allclose(
            reduced.measured[name], whole.measured[name], rtol=1e-9, atol=1e-10, err_msg=name
        )
    np.testing.assert_allclose(reduced.A_events, whole.A_events, rtol=1e-10, atol=1e-12)
    for s in range(len(sample["X"])):
        for t in (0, len(whole.step) // 2, -1):
            ours, theirs = reduced.W[s, t], whole.W[s, t]
            np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, rtol=1e-10, atol=1e-13)
            A = whole.A_events[s, 0]
            np.testing.assert_allclose(
                clusters.cosines(ours, A), clusters.cosines(theirs, A), rtol=1e-10, atol=1e-12
            )
        ends = [
            shallow.forward(begun.X_test[s], run.W_events[s, -1], run.A_events[s, -1])
            for begun, run in ((start, reduced), (whole_start, whole))
        ]
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-10, atol=1e-12)
        assert np.abs(ends[0]).max() > 1e-3


def test_full_rank_data_are_left_alone() -> None:
    start, _ = trained(data(10, 30), True, 5, max_steps=2)
    assert start.rank is None and start.X.shape == (1, 30, 10) and start.W.shape == (1, 5, 10)


def test_runs_of_unequal_rank_share_the_larger_one() -> None:
    sample = data(50, 12, S=2)
    sample["X"][1, 6:] = sample["X"][1, :6]
    start, reduced = trained(sample, True, 8)
    assert start.rank == 12
    _, whole = trained(sample, False, 8)
    np.testing.assert_allclose(reduced.measured["norm_w"], whole.measured["norm_w"], rtol=1e-10)
    np.testing.assert_allclose(reduced.loss, whole.loss, rtol=1e-10)


@pytest.mark.parametrize(("d", "N", "m"), [(30, 6, 9), (12, 6, 20), (12, 20, 4), (9, 9, 3)])
def test_basis_is_orthonormal_and_spans_data_and_weights(d: int, N: int, m: int) -> None:
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((N, d)), rng.standard_normal((m, d))
    r = span.rank(X)
    B = span.basis(X, W, r)
    assert B.shape == (d, r + min(m, d - r))
    np.testing.assert_allclose(B.T @ B, np.eye(B.shape[1]), atol=1e-12)
    np.testing.assert_allclose(X @ B[:, :r] @ B[:, :r].T, X, atol=1e-12)
    np.testing.assert_allclose(W @ B @ B.T, W, atol=1e-12)


@pytest.mark.parametrize("kind", ["equal", "zero", "inside"])
def test_basis_stays_orthonormal_for_dependent_weights(kind: str) -> None:
    rng = np.random.default_rng(1)
    X, W = rng.standard_normal((4, 12)), rng.standard_normal((5, 12))
    if kind == "equal":
        W[3] = W[0]
    elif kind == "zero":
        W[2] = 0
    else:  # an init drawn in the span of the data
        W = W[:, :4] @ X
    B = span.basis(X, W, 4)
    np.testing.assert_allclose(B.T @ B, np.eye(9), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(W @ B, axis=1), np.linalg.norm(W, axis=1), rtol=1e-12)


def test_rank_counts_directions_not_samples() -> None:
    X = np.random.default_rng(2).standard_normal((5, 9))
    assert span.rank(X) == 5
    assert span.rank(np.concatenate([X, X[:3], X.sum(axis=0)[None]])) == 5


# --- Stored runs and the data set's own coordinates ----------------------------------------------

DIGITS = {"kind": "digits", "classes": [3, 8], "n_train": 40, "n_test": 30}


@pytest.fixture(scope="module", params=["reduced", "biased", "whole"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A data set's file, and that of runs on it."""
    folder, seeds = tmp_path_factory.mktemp("stored"), (3, 5)
    storage.write_arrays(folder / "digits.npz", datasets.make_all("digits", DIGITS, seeds))
    data = runs.read_dataset(folder / "digits.npz", seeds)
    options = {
        **OPTIONS,
        **{"seeds": list(seeds), "width": 20, "alpha": 0.05, "max_steps": 200},
        **{"bias": request.param == "biased", "reduce": request.param != "whole"},
        "max_weight_bytes": 10**9,
    }
    start = conditions.begin("span", options, data)
    sidecar = {"parameters": {"options": options}}
    runs.save(folder / "runs.npz", start, conditions.run(start, options), sidecar)
    return folder / "runs.npz", folder / "digits.npz"


def test_stored_runs_on_the_data_sets_own_inputs_have_the_recorded_losses(stored: Files) -> None:
    trained = runs.load(stored[0])
    data = runs.read_dataset(stored[1], trained.start.seed.tolist())
    found = runs.in_data_coordinates(trained, data)
    biased = trained.options["bias"]
    d = data["X"].shape[2]
    np.testing.assert_array_equal(found["X"][..., :d], data["X"])
    assert found["W_events"].shape == (2, 5, 20, d + biased)
    for s in range(2):
        X, Y = found["X"][s], data["Y"][s]
        for t in range(len(trained.runs.step)):
            F = shallow.forward(X, found["W"][s, t], found["A"][s, t])
            loss = shallow.loss(F, Y, "squared")
            assert loss == pytest.approx(trained.runs.loss[s, t], rel=1e-10)
        ends = [
            shallow.forward(found["X_test"][s], found["W_events"][s, -1], found["A_events"][s, -1]),
            shallow.forward(
                trained.start.X_test[s], trained.runs.W_events[s, -1], trained.runs.A_events[s, -1]
            ),
        ]
        np.testing.assert_allclose(ends[0], ends[1], rtol=1e-10, atol=1e-12)
        assert np.abs(ends[0]).max() > 0.1
        W, A = shallow.initialise("span", [3, 5][s], 20, d + biased, 1, "gaussian", 0.05)
        np.testing.assert_allclose(found["W_events"][s, 0], W, atol=1e-14)
        np.testing.assert_array_equal(found["A_events"][s, 0], A)


def test_no_array_of_a_span_has_the_name_of_one_that_fits_the_data_set(stored: Files) -> None:
    arrays = storage.read_arrays(stored[0])
    reduced = runs.load(stored[0]).start.rank is not None
    assert ("basis" in arrays) == reduced
    for name in runs.SPANNED:
        assert (name in arrays) != reduced and (f"{name}_span" in arrays) == reduced
    if reduced:  # what a reader does who has not read about it
        with pytest.raises(KeyError):
            shallow.forward(
                storage.read_arrays(stored[1])["X"], arrays["W_events"][:, -1], arrays["A_events"]
            )
        X, W, B = (arrays[name] for name in ("X_span", "W_events_span", "basis"))
        data = storage.read_arrays(stored[1])["X"]
        if data.shape[2] == B.shape[1]:  # no bias
            np.testing.assert_allclose(data @ B[:, :, : X.shape[2]], X, atol=1e-12)
            F = shallow.forward(data, W[:, -1] @ B.swapaxes(1, 2), arrays["A_events"][:, -1])
            loss = shallow.loss(F, arrays["Y"], "squared")
            np.testing.assert_allclose(loss, arrays["loss"][:, -1], rtol=1e-10)
    else:
        W = storage.read_arrays(stored[0])["W_events"][:, -1]
        F = shallow.forward(storage.read_arrays(stored[1])["X"], W, arrays["A_events"][:, -1])
        loss = shallow.loss(F, arrays["Y"], "squared")
        np.testing.assert_allclose(loss, arrays["loss"][:, -1], rtol=1e-10)


@pytest.mark.parametrize("name", ["X", "X_test", "Y"])
def test_runs_do_not_take_another_data_set(stored: Files, name: str) -> None:
    trained = runs.load(stored[0])
    data = runs.read_dataset(stored[1], trained.start.seed.tolist())
    for other in (data[name][::-1], data[name][:, ::-1], 1.01 * data[name], data[name][:, :-1]):
        with pytest.raises(storage.ResultError, match=f"{name} of the data set is not that"):
            runs.in_data_coordinates(trained, {**data, name: other})


def test_part_of_a_start_has_its_own_basis() -> None:
    start, _ = trained(data(50, 12, S=2), True, 8, max_steps=2)
    part = start.part([1])
    assert start.basis is not None and part.basis is not None
    np.testing.assert_array_equal(part.basis, start.basis[1:])
    np.testing.assert_array_equal(part.X, start.X[1:])
