"""The figure of criteria that are asked again of other images."""

import pandas as pd

from neuron_race.figures import replication


def test_a_criterion_is_shown_on_the_copies_that_it_has() -> None:
    """Copies are of different experiments: no criterion is repeated by all of them."""
    names = ["few", "few_mnist", "ranks", "ranks_filters", "alone"]
    row = {"ci_low": 0.0, "ci_high": 1.0, "threshold": 0.5, "direction": "above", "n_runs": 2}
    row |= {"is_control": False, "confirmatory": True, "holds": True, "claim": "merging"}
    scores = pd.DataFrame([{**row, "name": n, "estimate": i} for i, n in enumerate(names)])
    found = replication.long(scores, ["mnist", "filters"], "digits")
    shown = list(zip(found["criterion"], found["data_set"], found["estimate"], strict=True))
    assert shown == [
        ("few", "digits", 0),
        ("few", "mnist", 1),
        ("ranks", "digits", 2),
        ("ranks", "filters", 3),
    ]
