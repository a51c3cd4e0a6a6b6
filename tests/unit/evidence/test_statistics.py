"""Intervals, tests, equivalence and correction, on numbers that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from neuron_race.evidence import statistics
from neuron_race.evidence.statistics import Direction

Array = NDArray[np.float64]
NAN = float("nan")


def values(mean: float, deviation: float, n: int = 10) -> Array:
    """Numbers with exactly this mean and sample deviation."""
    z = np.random.default_rng(n).standard_normal(n)
    return mean + deviation * (z - z.mean()) / z.std(ddof=1)


# --- Intervals ----------------------------------------------------------------------------------


def test_interval_of_a_large_sample_is_that_of_the_central_limit() -> None:
    low, high = statistics.interval(values(5.0, 2.0, 400))
    assert low == pytest.approx(5 - 1.96 * 2 / 20, abs=0.02)
    assert high == pytest.approx(5 + 1.96 * 2 / 20, abs=0.02)


def test_interval_of_two_values_reaches_from_one_to_the_other() -> None:
    # The bootstrap mean of {0, 1} is 0, 1/2 or 1, with 0 and 1 a quarter each.
    assert statistics.interval(np.array([0.0, 1.0])) == (0.0, 1.0)


def test_interval_of_zeros_and_ones_is_that_of_the_binomial() -> None:
    sample = np.array([0.0] * 50 + [1.0] * 50)
    low, high = statistics.interval(sample)
    exact = stats.binom(100, 0.5).ppf([0.025, 0.975]) / 100
    assert (low, high) == pytest.approx(tuple(exact), abs=0.011)


def test_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        low, high = statistics.interval(rng.standard_normal(20))
        covered += low <= 0 <= high
    assert 48 <= covered <= 60


def test_interval_is_the_same_each_time_moves_with_the_values_and_ignores_global_seeds() -> None:
    sample = values(0.0, 1.0)
    np.random.seed(1)
    first = statistics.interval(sample)
    np.random.seed(2)
    assert statistics.interval(sample) == first
    assert statistics.interval(sample + 3) == pytest.approx((first[0] + 3, first[1] + 3), abs=1e-3)
    assert first[0] < 0 < first[1]


@pytest.mark.parametrize("n", [2, 3, 4, 20])
def test_intervals_of_many_are_those_of_each_alone(n: int) -> None:
    rows = np.random.default_rng(n).standard_normal((40, n)) ** 3
    rows[1] = np.round(rows[1])  # ties
    rows[2], rows[3, 0] = 0.5, np.nan
    found = statistics.intervals(rows)
    assert np.isnan(found[3]).all() and (found[2] == 0.5).all()
    for row, own in zip(rows, found, strict=True):
        # But for the order in which a resample is summed.
        np.testing.assert_allclose(own, statistics.interval(row), rtol=1e-12, atol=1e-14)


def test_identical_values_give_the_point() -> None:
    assert statistics.interval(np.full(5, 0.3)) == (0.3, 0.3)
    # The same up to rounding: no warning, no NaN.
    low, high = statistics.interval(np.array([0.3, 0.1 + 0.2] * 5))
    assert low == pytest.approx(0.3) and high == pytest.approx(0.3)


UNDEFINED: list[list[float]] = [[], [1.0], [1.0, NAN, 1.0], [1.0, float("inf"), 0.0], [NAN] * 5]


@pytest.mark.parametrize("sample", UNDEFINED)
@pytest.mark.parametrize("direction", statistics.DIRECTIONS)
def test_an_undefined_statistic_is_never_a_pass(sample: list[float], direction: Direction) -> None:
    array = np.array(sample)
    low, high = statistics.interval(array)
    p = statistics.p_value(array, 0.5, direction)
    assert np.isnan([low, high, p]).all()
    assert statistics.decide(low, high, p, 0.5, direction) is None


# --- Tests --------------------------------------------------------------------------------------


def test_one_sided_t_test_by_hand() -> None:
    sample = np.array([1.0, 2.0, 3.0, 4.0, 5.0])  # mean 3, deviation sqrt(2.5)
    t = (3 - 2) / (np.sqrt(2.5) / np.sqrt(5))
    assert t == pytest.approx(np.sqrt(2))
    assert statistics.p_value(sample, 2.0, "above") == pytest.approx(stats.t(4).sf(t))
    assert statistics.p_value(sample, 2.0, "below") == pytest.approx(stats.t(4).cdf(t))
    # With 2 degrees of freedom the distribution is elementary: P(T > t) = 1/2 - t/(2 sqrt(2 + t²)).
    t = np.sqrt(3)
    p = 0.5 - t / (2 * np.sqrt(2 + t**2))
    assert statistics.p_value(np.array([0.0, 1.0, 2.0]), 0.0, "above") == pytest.approx(p)


@pytest.mark.parametrize("mean", [0.0, 0.3, -0.3, 0.9, -1.5])
def test_equivalence_is_that_of_statsmodels_and_of_two_one_sided_tests(mean: float) -> None:
    sample = values(mean, 0.7)
    p = statistics.p_value(sample, 1.0, "within")
    assert p == pytest.approx(ttost_paired(sample, np.zeros(10), -1.0, 1.0)[0])
    two = (
        stats.ttest_1samp(sample, edge, alternative=side).pvalue
        for edge, side in ((-1.0, "greater"), (1.0, "less"))
    )
    assert p == pytest.approx(max(two))


@pytest.mark.parametrize(
    ("value", "direction", "p"),
    [
        (0.4, "above", 1.0),
        (0.6, "above", 0.0),
        (0.5, "above", 1.0),
        (0.4, "below", 0.0),
        (0.5, "below", 1.0),
        (-0.4, "within", 0.0),
        (-0.5, "within", 1.0),
        (0.6, "within", 1.0),
    ],
)
def test_values_without_spread_are_on_one_side_or_the_other(
    value: float, direction: Direction, p: float
) -> None:
    assert statistics.p_value(np.full(4, value), 0.5, direction) == p


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"beyond.*above, below, within"):
        statistics.p_value(np.ones(3), 0.5, "beyond")  # type: ignore[arg-type]


# --- Correction ---------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(statistics.holm(np.array([0.03, 0.01, 0.04])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(statistics.holm(np.array([0.5, 0.9])), [1.0, 1.0])
    np.testing.assert_allclose(statistics.holm(np.array([0.02])), [0.02])
    assert statistics.holm(np.array([])).size == 0


def test_an_undefined_p_value_counts_as_a_test_and_stays_undefined() -> None:
    np.testing.assert_allclose(statistics.holm(np.array([0.01, NAN, 0.02])), [0.03, NAN, 0.04])


# --- Decisions ----------------------------------------------------------------------------------

TRUTH: list[tuple[float, float, float, Direction, bool | None]] = [
    (0.6, 0.8, 0.01, "above", True),
    (0.6, 0.8, 0.05, "above", True),
    (0.6, 0.8, 0.06, "above", None),  # the corrected test is not sure
    (0.5, 0.8, 0.01, "above", None),  # the threshold itself is not above
    (0.4, 0.8, 0.01, "above", None),
    (0.2, 0.5, 1.0, "above", False),
    (0.2, 0.4, 0.01, "above", False),
    (0.2, 0.4, 0.01, "below", True),
    (0.2, 0.5, 0.01, "below", None),
    (0.2, 0.4, 0.2, "below", None),
    (0.5, 0.9, 1.0, "below", False),
    (-0.4, 0.4, 0.01, "within", True),
    (-0.4, 0.4, 0.2, "within", None),
    (-0.5, 0.4, 0.01, "within", None),
    (-0.9, 0.9, 0.9, "within", None),
    (0.5, 0.9, 0.9, "within", False),
    (-0.9, -0.5, 0.9, "within", False),
    (NAN, 0.8, 0.01, "above", None),
    (0.6, NAN, 0.01, "above", None),
    (0.6, 0.8, NAN, "above", None),
    (0.2, 0.4, NAN, "above", None),
    (0.6, float("inf"), 0.01, "above", None),
]


@pytest.mark.parametrize(("low", "high", "p", "direction", "holds"), TRUTH)
def test_truth_table(
    low: float, high: float, p: float, direction: Direction, holds: bool | None
) -> None:
    assert statistics.decide(low, high, p, 0.5, direction) is holds


def test_a_proportion_is_tested_exactly() -> None:
    won = np.ones(20)
    assert statistics.p_value(won, 0.9, "above", proportion=True) == pytest.approx(0.9**20)
    assert statistics.p_value(1 - won, 0.3, "below", proportion=True) == pytest.approx(0.7**20)
    low, high = statistics.interval(won, proportion=True)
    assert low == pytest.approx(0.025 ** (1 / 20)) and high == 1
    # Twenty of twenty can't show a probability above .9.
    assert statistics.decide(low, high, 0.9**20, 0.9, "above") is None
    with pytest.raises(ValueError, match="0 and 1"):
        statistics.interval(np.array([0.0, 0.5, 1.0]), proportion=True)


def test_what_differs_by_rounding_alone_gives_the_point_whatever_its_size() -> None:
    for size in (0.0, 1e-9, 1.0):
        sample = size + np.array([0.0, 2e-13, 5e-13, 4e-13, 3e-13])
        assert statistics.interval(sample) == (sample.min(), sample.max())


def pairs(classes: int) -> list[str]:
    return [f"{a}-{b}" for a in range(classes) for b in range(a)]


@pytest.mark.parametrize(("classes", "taken"), [(10, 45), (10, 20), (6, 15), (6, 12)])
def test_intervals_over_pairs_of_classes_cover_where_classes_matter(
    classes: int, taken: int
) -> None:
    """y = u_a + u_b + v: nineteen of twenty intervals should have the mean, 0."""
    rng, rounds = np.random.default_rng(classes + taken), 500
    robust, naive = 0, 0
    for _ in range(rounds):
        tasks = list(rng.permutation(pairs(classes))[:taken])
        u = rng.standard_normal(classes)
        y = np.array([sum(u[int(c)] for c in task.split("-")) for task in tasks])
        y += 0.5 * rng.standard_normal(len(y))
        low, high = statistics.interval(y, tasks=tasks)
        robust += low < 0 < high
        naive += abs(y.mean()) < 1.96 * y.std(ddof=1) / np.sqrt(taken)
    assert naive < 0.85 * rounds
    assert robust > 0.93 * rounds


def test_a_class_in_all_tasks_leaves_the_error_undefined() -> None:
    """What it adds is the same in all: no deviation tells of it."""
    y, tasks = np.arange(9.0), [f"0-{other}" for other in range(1, 10)]
    assert np.isnan(statistics.dyadic(y, tasks)[0])
    assert np.isnan(statistics.interval(y, tasks=tasks)).all()
    assert np.isnan(statistics.p_value(y, -50.0, "above", tasks=tasks))


def test_the_factor_is_that_of_all_pairs_by_hand() -> None:
    for G in (5, 6, 10):
        tasks = pairs(G)
        assert statistics._common(tuple(tasks))[2] == pytest.approx(G * (G - 1) / (G - 2) / (G - 3))
    # Tasks that share nothing are independent values.
    y = np.array([1.0, 2.0, 5.0])
    error, df, _ = statistics.dyadic(y, ["0-1", "2-3", "4-5"])
    assert (error, df) == (pytest.approx(y.std(ddof=1) / np.sqrt(3)), 2)


def test_a_proportion_over_tasks_knows_that_they_share_classes() -> None:
    """Tasks with one of two classes succeed: ten of fifteen, but it is the classes that decide."""
    tasks = [task for task in pairs(6) if task != "1-0"]
    won = np.array([float(bool({"0", "1"} & set(task.split("-")))) for task in tasks])
    alone, shared = (statistics.interval(won, True, own) for own in (None, tasks))
    assert shared[0] < alone[0] and shared[1] >= alone[1] and shared[1] <= 1
    p, robust = (statistics.p_value(won, 0.3, "above", True, own) for own in (None, tasks))
    assert robust > p
    # Nothing varies: only the exact interval knows that certainty is not shown.
    assert statistics.interval(won * 0, True, tasks) == statistics.interval(won * 0, True)


def test_the_dyadic_error_by_hand() -> None:
    """Three tasks, the first two share class 1: three have two degrees of freedom."""
    y, tasks = np.array([1.0, 3.0, 5.0]), ["0-1", "1-2", "3-4"]
    errors = y - 3.0
    products = (errors**2).sum() + 2 * errors[0] * errors[1]
    # Where each class adds variance 1, values vary by 2 and share 1; of their deviations from the
    # mean that is 2 - 2 * 3 / 3 + 8 / 9, the same, 2 - 2 * 2 / 3 + 8 / 9, and twice 1 - 2 + 8 / 9.
    factor = 8 / (8 / 9 + 8 / 9 + 14 / 9 - 2 / 9)
    by_hand = max(products / 9 * factor, y.var(ddof=1) / 3)
    error, df, _ = statistics.dyadic(y, tasks)
    assert error == pytest.approx(np.sqrt(by_hand))
    assert df == 2


def test_the_share_of_variance_that_classes_have() -> None:
    rng, tasks = np.random.default_rng(1), pairs(40)
    u = rng.standard_normal(40)
    of_classes = np.array([sum(u[int(c)] for c in task.split("-")) for task in tasks])
    assert statistics.dyadic(of_classes, tasks)[2] > 0.8
    assert statistics.dyadic(rng.standard_normal(len(tasks)), tasks)[2] < 0.1


def test_a_prediction_for_new_classes_covers_them() -> None:
    tasks, rng, inside = pairs(10), np.random.default_rng(2), 0
    for _ in range(300):
        u = rng.standard_normal(12)
        y = np.array([sum(u[int(c)] for c in task.split("-")) for task in tasks])
        low, high, _ = statistics.prediction(y, tasks)
        inside += low < u[10] + u[11] < high
    assert 0.9 * 300 < inside < 300
    assert np.isnan(statistics.prediction(y, None)).all()
    assert np.isnan(statistics.prediction(np.ones(len(tasks)), tasks)).all()


@pytest.mark.parametrize("size", [2, 3, 4, 20])
def test_intervals_and_tests_are_those_of_the_libraries(size: int) -> None:
    """SciPy's and statsmodels' own, which are slow to import."""
    sample = values(0.4, 0.3, size) ** 3
    rng = np.random.default_rng(np.random.SeedSequence(size))
    method = "BCa" if size > 3 else "percentile"
    low, high = stats.bootstrap((sample,), np.mean, method=method, rng=rng).confidence_interval
    assert statistics.interval(sample) == pytest.approx((low, high), rel=1e-9)
    for direction, alternative in (("above", "greater"), ("below", "less")):
        expected = stats.ttest_1samp(sample, 0.2, alternative=alternative).pvalue
        assert statistics.p_value(sample, 0.2, direction) == pytest.approx(expected, rel=1e-9)
    equivalent = DescrStatsW(sample).ttost_mean(-0.2, 0.2)[0]
    assert statistics.p_value(sample, 0.2, "within") == pytest.approx(equivalent, rel=1e-9)
    for won in (np.arange(size) < size // 2, np.zeros(size), np.ones(size)):
        exact = stats.binomtest(int(won.sum()), size).proportion_ci(0.95)
        assert statistics.interval(won, proportion=True) == pytest.approx((exact.low, exact.high))
        for direction, alternative in (("above", "greater"), ("below", "less")):
            expected = stats.binomtest(int(won.sum()), size, 0.3, alternative).pvalue
            found = statistics.p_value(won, 0.3, direction, proportion=True)
            assert found == pytest.approx(expected, rel=1e-9)
    p = np.append(np.linspace(0.001, 0.2, size), 0.001)
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(
    ("direction", "threshold"), [("above", 0.2), ("below", 0.8), ("within", 0.9)]
)
def test_p_values_over_tasks_agree_with_intervals(direction: str, threshold: float) -> None:
    tasks = pairs(6)
    y = 0.5 + 0.1 * np.random.default_rng(3).standard_normal(len(tasks))
    for mean, small in ((y.mean(), True), ({"above": 0.0, "below": 1.0, "within": 1.2}, False)):
        shifted = y if small else y - y.mean() + mean[direction]
        p = statistics.p_value(shifted, threshold, direction, tasks=tasks)
        assert (p < 0.05) is small
    # One-sided at .025, the interval touches the threshold.
    edge = y.mean() - statistics.interval(y, tasks=tasks)[0]
    p = statistics.p_value(y, y.mean() - edge, "above", tasks=tasks)
    assert p == pytest.approx(0.025)


def test_the_share_of_runs_on_the_right_side_leaves_undefined_ones_out_of_it() -> None:
    values = np.array([0.1, 0.6, np.nan, 0.9])
    assert statistics.share_within(values, 0.5, "above") == 0.5
    assert statistics.share_within(values, 0.5, "below") == 0.25
    assert statistics.share_within(-values, 0.7, "within") == 0.5


def test_tasks_of_evidence() -> None:
    table = pd.DataFrame({"task": ["0-1", "1-2"]})
    assert statistics.tasks_of(table) == ["0-1", "1-2"]
    assert statistics.tasks_of(pd.DataFrame({"task": ["0-1", None]})) is None
    assert statistics.tasks_of(table.iloc[:0]) is None
