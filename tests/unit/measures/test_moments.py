"""When a network is judged: statistics at each moment, and their figure."""

from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from declared import check
from small_runs import DIGITS, train_on

from neuron_race.figures import moments as figure
from neuron_race.figures import style
from neuron_race.measures import compression, dynamics, moments, race
from neuron_race.settings import dictionary
from neuron_race.theory.forecast import forecast
from neuron_race.training.runs import Trained

DROPS = [0.1, 0.5, 0.9, 0.999]


@cache
def trained() -> Trained:
    """Two seeds, which never come to a thousandth of the loss."""
    return train_on(DIGITS, (0, 1), drops=DROPS)


def test_statistics_are_those_of_the_other_tables() -> None:
    own = trained()
    found = moments.tables(own)["runs"]
    whole = dynamics.tables(own)
    smaller = compression.tables(own)["runs"]
    raced = race.tables(own, whole["neurons"], forecast(own.start, own.options, "it"))["runs"]
    expected = {
        "clusters_per_neuron_end": whole["runs"]["clusters_per_neuron_99"],
        "alignment_end": [
            np.average(cos[-1], weights=norms[-1])
            for cos, norms in zip(
                own.runs.measured["cos_delta"],
                own.runs.measured["norm_w"] * own.runs.measured["norm_a"],
                strict=True,
            )
        ],
        "rho_alignment_end": whole["runs"]["rho_alignment_010"],
        "rho_race_score_end": raced["rho_race_score"],
        "merged_per_neuron_end": smaller["merged_per_neuron"],
        "merge_then_prune_loss_share_end": smaller["merge_then_prune_loss_share"],
        "lowest_first_loss_share_end": smaller["lowest_first_loss_share"],
        "auroc_beyond_head_end": raced["auroc_race_score"] - raced["auroc_norm_a_init"],
        "step_10": own.runs.event_step[:, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    check(found, dictionary.TABLES["moments"], own.options)


def test_each_moment_has_the_network_that_was_there_then() -> None:
    own = trained()
    found = moments.tables(own)["runs"]
    for name, event in (("10", 1), ("50", 2), ("90", 3)):
        network = compression.Network(own, 0, event=event)
        assert found.loc[0, f"merged_per_neuron_{name}"] == len(np.unique(network.labels)) / 60
        left = network.score(network.W, network.A)["loss"] / own.runs.loss[0, 0]
        assert left == pytest.approx(1 - float(f"0.{name}"), abs=0.05)
    assert (found["lowest_first_loss_share_10"] != found["lowest_first_loss_share_90"]).all()
    assert (
        found["step_10"].lt(found["step_50"]).all() and found["step_50"].lt(found["step_90"]).all()
    )


def test_a_moment_that_never_came_is_undefined() -> None:
    never = [name for name in moments.tables(trained())["runs"] if name.endswith("_100")]
    assert len(never) == 9
    assert moments.tables(trained())["runs"][never].isna().all(axis=None)


def test_the_figure_shows_means_thresholds_and_times(tmp_path: Path) -> None:
    style.apply()
    runs = pd.DataFrame(
        {
            "condition": ["gaussian", "gaussian", "lazy", "lazy"],
            "seed": [0, 1, 0, 1],
            "step_10": [100, 200, 1, 1],
            "step_95": [200, 600, 20, np.nan],
            "alignment_10": [0.9, 1.0, 0.0, 0.1],
            "alignment_95": [0.2, 0.4, 0.1, np.nan],
        }
    )
    asked = {"claim": "mutual_alignment", "statistic": "alignment_at_drop"}
    drawn, numbers = figure.draw(
        runs, [{**asked, "threshold": 0.95, "direction": "above"}], [0.1, 0.95], "smoke"
    )
    style.save(drawn, tmp_path / "a.pdf", tmp_path / "a.png")
    ax = drawn.axes[0]
    assert [text.get_text() for text in drawn.axes[-1].get_xticklabels()] == ["90\n1.0", "5\n2.5"]
    assert any(np.allclose(line.get_ydata(), 0.95) for line in ax.lines)
    assert "preset smoke" in drawn.get_supxlabel()
    plt.close(drawn)
    mean = numbers.set_index(["condition", numbers["loss_left"].round(2)])["mean"]
    assert mean["gaussian", 0.9] == pytest.approx(0.95)
    assert mean["gaussian", 0.05] == pytest.approx(0.3)
    assert mean["lazy", 0.05] == pytest.approx(0.1)
    assert numbers["runs"].tolist() == [2, 2, 2, 1]


def test_a_moment_does_not_hang_on_what_else_was_recorded() -> None:
    few, many = (
        moments.tables(train_on(DIGITS, (0,), drops=DROPS, snapshots=n))["runs"] for n in (12, 90)
    )
    for name in ("step", "alignment", "clusters_per_neuron", "lowest_first_loss_share"):
        assert few[f"{name}_90"].tolist() == many[f"{name}_90"].tolist()
