"""Ranks of scores against the libraries that others would ask."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from neuron_race.common import ranks


@pytest.mark.parametrize("levels", [3, 1000])
def test_auroc_is_that_of_scikit_learn_with_ties_and_without(levels: int) -> None:
    rng = np.random.default_rng(levels)
    score, won = rng.integers(0, levels, 60).astype(float), rng.random(60) < 0.3
    assert ranks.auroc(won, score) == pytest.approx(roc_auc_score(won, score), abs=1e-12)


def test_auroc_is_undefined_where_nobody_or_everybody_wins_or_a_score_is() -> None:
    score = np.arange(4.0)
    for won in (np.zeros(4, bool), np.ones(4, bool)):
        assert np.isnan(ranks.auroc(won, score))
    assert np.isnan(ranks.auroc(score > 1, np.array([0.0, np.nan, 1.0, 2.0])))


def test_the_top_are_the_highest_share_and_nan_is_none_of_them() -> None:
    assert ranks.top(np.arange(10.0), 0.2).tolist() == [False] * 8 + [True] * 2
    values = np.array([5.0, np.nan, 1.0, 5.0, 2.0, 0.0])
    assert ranks.top(values, 0.4).tolist() == (pd.Series(values).rank(pct=True) > 0.6).tolist()


@pytest.mark.parametrize("levels", [4, 1000])
def test_rank_correlations_are_those_of_scipy_row_by_row(levels: int) -> None:
    rng = np.random.default_rng(levels)
    rows, b = rng.integers(0, levels, (6, 40)).astype(float), rng.integers(0, levels, 40) * 1.0
    rows[1], rows[2, 3] = 5, np.nan
    found = ranks.rank_correlations(rows, b)
    assert np.isnan(found[[1, 2]]).all()
    for row in (0, 3, 4, 5):
        assert found[row] == pytest.approx(spearmanr(rows[row], b).statistic, abs=1e-12)


def test_rank_correlation_of_few_or_equal_values_is_undefined() -> None:
    rising = np.arange(5.0)
    assert ranks.rank_correlation(rising, rising**3) == pytest.approx(1.0)
    assert np.isnan(ranks.rank_correlation(rising[:3], rising[:3]))
    assert np.isnan(ranks.rank_correlation(rising, np.ones(5)))
    assert np.isnan(ranks.rank_correlation(rising, np.array([0, 1, np.nan, 3, 4])))
