"""Each column of the tables of ``dynamics``, once by hand."""

from dataclasses import replace

import numpy as np
import pytest
from made_by_hand import ANGLES, AT, HEADS, LOSS, NORMS, STEP, plane, right, spearman, trained

from neuron_race.measures import dynamics

LARGEST, ACTIVE = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 6, 7]
CLUSTERS = {
    "95": [0, 0, 0, 0, 0, 0, 1, 1, -1],
    "99": [0, 0, 0, 0, 0, 2, 1, 1, -1],
    "999": [0, 0, 2, 1, 1, 3, 4, 5, -1],
}
EARLY = {"000": 0, "005": 1, "010": 2, "025": 5, "050": 10, "100": 20}  # steps


@pytest.fixture(scope="module")
def run():
    return trained()


@pytest.fixture(scope="module")
def made(run):
    return dynamics.tables(run)


@pytest.fixture(scope="module")
def told(run):
    return {name: values[0] for name, values in run.runs.measured.items()}


def mean(values, weights) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def final():
    return NORMS["end"] * np.abs(HEADS["end"])


def growth_error(told, turn: int) -> float:
    """Median error of the growth law over the mean size of growth, steps 1 to 5 of 20."""
    errors, sizes = [], []
    for t in (1, 2, 3, 4):
        for j in range(9):
            w, a = told["norm_w"][t, j], told["norm_a"][t, j]
            pull = told["norm_D"][t, j] * told["cos_delta"][t, (j - turn) % 9]
            # c' = (w^2 + a^2) |D| cos, over c = w a.
            errors.append(abs(told["growth"][t, j] - (w**2 + a**2) * pull / (w * a)))
            sizes.append(abs(told["growth"][t, j]))
    return float(np.median(errors)) / (sum(sizes) / len(sizes))


def groups(told):
    """Growth of the two sign groups; at the drop the positive six hold more than the negative."""
    c, weights = told["norm_w"] * told["norm_a"], final()
    positive, negative = [0, 1, 2, 3, 4, 5, 8], [6, 7]
    assert c[AT[20], positive].sum() > c[AT[20], negative].sum()
    return [
        np.array([mean(row[part], weights[part]) for row in told["growth"]])
        for part in (positive, negative)
    ]


def test_runs(made, told) -> None:
    c, cos, growth = told["norm_w"] * told["norm_a"], told["cos_delta"], told["growth"]
    end, first, second = final(), *groups(told)
    share = [end[:5].sum(), end[6] + end[7], end[5]]
    # The squares of the singular values of rows c_j (cos, sin), from trace and determinant.
    angle = np.radians([0, 1, 4, 6, 7, 14, 100, 103, 225])
    x, y = end * np.cos(angle), end * np.sin(angle)
    trace, determinant = (x @ x + y @ y), (x @ x) * (y @ y) - (x @ y) ** 2
    largest = trace / 2 + np.sqrt(trace**2 / 4 - determinant)
    turns = np.cos(np.radians([100, 59, 6, 294, 13, 326, 10, 77, 25]))
    W, A = plane(ANGLES["end"], NORMS["end"]), HEADS["end"]
    assert 0 < right(W, A, test=True) < right(W, A) < 1
    leaders = {step: mean(growth[AT[step]], c[AT[step]]) for step in (10, 60)}
    expected = {
        "seed": 4,
        "steps": 80,
        "loss_init": 2,
        "loss_end": 0.08,
        "loss_end_relative": 0.04,
        "fitted": 1,
        "accuracy": right(W, A),
        "test_accuracy": right(W, A, test=True),
        "active": 8,
        "rotation": np.abs(turns).mean(),
        "largest_cluster": 5,
        "stable_rank": trace / largest,
        "effective_width": sum(share) ** 2 / sum(s**2 for s in share),
        "lower_half_share": sum(sorted(end)[:4]) / sum(end),
        "dropped": 1,
        **{"clusters_95": 2, "clusters_99": 3, "clusters_999": 6},
        **{"clusters_per_neuron_95": 2 / 8, "clusters_per_neuron_99": 3 / 8},
        "clusters_per_neuron_999": 6 / 8,
        **{"t_drop_10": 10, "t_drop_50": 15, "step_drop_10": 20, "step_drop_50": 30},
        "alignment_at_init": mean(cos[0], c[0]),
        "alignment_at_drop_10": mean(cos[AT[20]], c[AT[20]]),
        "alignment_at_drop_50": mean(cos[AT[30]], c[AT[30]]),
        "alignment_peak": max(mean(*own) for own in zip(cos, c, strict=True)),
        "gate_patterns_least": 2 / 6,
        # The last snapshot is the end itself.
        "rho_alignment_all_peak": max(spearman(row[ACTIVE], end[ACTIVE]) for row in cos[:-1]),
        "rho_alignment_all_half": spearman(cos[AT[30], ACTIVE], end[ACTIVE]),
        "plateau": 0.94,
        "fallen": 0.1,
        "late_growth": leaders[60] / leaders[10],
        "gate_patterns_kept": 4 / 6,
        "gates_changed": told["gate_changes"][AT[20]].mean(),
        "against_at_init": 4 / 8,  # neurons 0, 2, 5 and 7 of those that are open
        "turned_by_drop": np.mean([cos[AT[20], j] > 0 for j in (0, 2, 5, 7)]),
        "growth_error": growth_error(told, 0),
        "growth_error_permuted": growth_error(told, 1),
        "second_group_rise": (max(second[AT[40] :]) - second[AT[10]]) / first[AT[10]],
    }
    for name, step in EARLY.items():
        expected[f"rho_alignment_{name}"] = spearman(cos[AT[step], LARGEST], end[LARGEST])
        expected[f"rho_alignment_all_{name}"] = spearman(cos[AT[step], ACTIVE], end[ACTIVE])
    row = made["runs"].iloc[0].to_dict()
    assert row == pytest.approx(expected, rel=1e-12)


def test_neurons(made, told) -> None:
    table, c, cos = made["neurons"], told["norm_w"] * told["norm_a"], told["cos_delta"]
    expected = {
        "seed": [4] * 9,
        "neuron": range(9),
        "sign": [1, 1, 1, 1, 1, 1, -1, -1, 1],
        "active": [True] * 8 + [False],
        "norm_a_init": told["norm_a"][0],
        "norm_product_init": c[0],
        "norm_product_drop": c[AT[20]],
        "norm_product_end": final(),
        **{f"cluster_{name}": labels for name, labels in CLUSTERS.items()},
        **{f"cos_delta_{name}": cos[AT[step]] for name, step in EARLY.items()},
        **{f"norm_product_{name}": c[AT[step]] for name, step in EARLY.items()},
    }
    assert set(table.columns) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], list(values), err_msg=name, rtol=1e-12)


def test_trajectory(made, told) -> None:
    table, c = made["trajectory"], told["norm_w"] * told["norm_a"]
    first, second = groups(told)
    expected = {
        "seed": [4] * 11,
        "step": STEP,
        "time": STEP / 2,
        "loss": LOSS,
        "alignment": [mean(*own) for own in zip(told["cos_delta"], c, strict=True)],
        "gate_patterns": [len(set(row)) for row in told["gate_pattern"].tolist()],
        "growth_first": first,
        "growth_second": second,
    }
    assert set(table.columns) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], list(values), err_msg=name, rtol=1e-12)


@pytest.mark.parametrize(("last", "known"), [(60, True), (59, False)])
def test_the_end_of_the_race_needs_three_times_the_drop(run, last: int, known: bool) -> None:
    step = STEP.copy()
    step[-2:] = 50, last
    row = dynamics.tables(replace(run, runs=replace(run.runs, step=step)))["runs"].iloc[0]
    assert np.isfinite(row[["plateau", "fallen"]]).all() == known
    # A run that ends earlier still tells how fast its leaders grew in the end.
    growth, c = run.runs.measured["growth"][0], run.runs.measured["norm_w"][0]
    c = c * run.runs.measured["norm_a"][0]
    end = mean(growth[-1], c[-1]) / mean(growth[AT[10]], c[AT[10]])
    assert row["late_growth"] == pytest.approx(end)


def test_a_run_is_fitted_at_a_twentieth_of_its_loss(run) -> None:
    for factor, fitted in ((1.0, 1), (1.01, 0)):
        loss = run.runs.loss.copy()
        loss[0, -1] = factor * loss[0, 0] * 0.05
        row = dynamics.tables(replace(run, runs=replace(run.runs, loss=loss)))["runs"].iloc[0]
        assert row["fitted"] == fitted
