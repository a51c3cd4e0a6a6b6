"""Tables of runs held against what the dictionary of statistics declares of them."""

from typing import Any

import numpy as np
import pandas as pd

from neuron_race.settings.dictionary.statistic import COUNT, ZERO_OR_ONE, Table


def check(runs: pd.DataFrame, table: Table, options: dict[str, Any]) -> set[str]:
    """Hold the runs of a condition against its table: columns, their kinds and ranges.

    What other conditions of an experiment have beside it is undefined here.

    Returns:
        The columns declared.
    """
    declared = table.columns(options)
    assert set(declared) <= set(runs)
    others = runs.drop(columns=[*declared, "seed", "condition"], errors="ignore")
    assert others.isna().all().all(), list(others)
    assert runs["seed"].is_unique
    for name, statistic in declared.items():
        values = runs[name].dropna().to_numpy(dtype=float)
        if statistic.undefined(options):
            assert not len(values), name
        low, high = statistic.range(options)
        slack = 1e-9 * np.abs([low, high], where=np.isfinite([low, high]), out=np.ones(2))
        assert ((values >= low - slack[0]) & (values <= high + slack[1])).all(), (name, values)
        if statistic.kind == ZERO_OR_ONE:
            assert set(values) <= {0.0, 1.0}, (name, values)
        if statistic.kind == COUNT:
            np.testing.assert_allclose(values, np.round(values), atol=1e-6, err_msg=name)
    return set(declared)
