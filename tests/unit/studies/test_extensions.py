"""Studies beyond one hidden layer: their measures on cases that are known."""

from typing import Any

import numpy as np
import pytest
import studied
import torch
from scipy.stats import spearmanr
from small_runs import problem, stack

from neuron_race.models import clusters, shallow
from neuron_race.models.norms import unit
from neuron_race.studies import schedule
from neuron_race.studies.trained import initialization as designs
from neuron_race.studies.trained import networks, sizes
from neuron_race.theory import equations
from neuron_race.training import any_model

DIGITS = {"kind": "digits", "classes": [3, 8], "n_train": 30, "n_test": 20}
SEEDS = (0, 1)
OPTIONS: dict[str, Any] = {
    "study": "architectures",
    "dataset": "digits",
    "model": "perceptron",
    "depth": 1,
    "width": 10,
    "gain": 0.1,
    "loss": "squared",
    "learning_rate": 0.25,
    "max_steps": 120,
    "precision": "double",
    "seeds": list(SEEDS),
}
DATA = {"digits": stack(DIGITS, SEEDS)}


def options(**changes: Any) -> dict[str, Any]:
    return {**OPTIONS, **changes}


def single(**changes: Any) -> dict[str, Any]:
    """One hidden layer drawn as in the dedicated engine."""
    own = options(head="pytorch", alpha=1e-2, **changes)
    del own["gain"]
    return own


def test_tables_have_a_row_for_each_run_and_condition() -> None:
    conditions = {"one": options(), "two": options(depth=2, stride=0.02)}
    tables = studied.tables("architectures", conditions, DATA)
    assert len(tables["runs"]) == 4 and len(tables["details"]) == 2 * (1 + 2)
    runs = tables["runs"].set_index(["condition", "seed"])
    details = tables["details"].set_index(["condition", "seed", "layer"])
    for seed in SEEDS:
        both = details.loc[("two", seed), "lowest_20"]
        assert runs.loc[("two", seed), "lowest_20_worst"] == both.max()
        assert runs.loc[("two", seed), "lowest_20_mean"] == pytest.approx(both.mean())
        ranks = details.loc[("two", seed), "rho_forecast"]
        assert runs.loc[("two", seed), "rho_forecast_worst"] == ranks.min()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "residual", "depth": 2, "skip": True, "scaling": "inverse_sqrt"},
        {"model": "convolution", "channels": 1, "batch_norm": True},
        {
            "model": "transformer",
            **{"tokens": 8, "embedding": 8, "heads": 2, "layer_norm": True, "skip": False},
        },
    ],
    ids=lambda changes: changes["model"],
)
def test_every_architecture_is_measured(changes: dict[str, Any]) -> None:
    long_enough = options(gain=0.5, max_steps=40, stride=0.05, **changes)
    own = studied.rows(long_enough, DATA)
    assert set(own["seed"]) == set(SEEDS)
    for column in ("clusters_per_neuron", "lowest_20", "random_20", "rho_local"):
        assert np.isfinite(own[column]).all()
    assert (own["clusters_per_neuron"] <= 1).all()


def test_same_bits_twice() -> None:
    first, second = (studied.rows(options(), DATA) for _ in range(2))
    assert first.equals(second)


def test_conservation_holds_for_plain_steps_alone() -> None:
    conditions = {
        "gd": single(),
        "minibatch": single(batch_size=10),
        "adam": single(optimizer="adam", learning_rate=0.003, forecast_rate=0.25),
        "weight_decay": single(weight_decay=0.01),
    }
    runs = studied.tables("optimizers", conditions, DATA)["runs"]
    error = runs.groupby("condition")["conservation_error"].max()
    assert error["gd"] < 1e-9 and error["minibatch"] < 1e-9
    error = runs.groupby("condition")["conservation_error"].min()
    assert error["adam"] > 0.5 and error["weight_decay"] > 0.05


def test_pairs_in_final_order() -> None:
    final = np.array([1.0, 2.0, 3.0])
    assert schedule.decided(final, final) == 1
    assert schedule.decided(-final, final) == 0
    # Of the pairs (0, 1), (0, 2), (1, 2) the first alone is reversed.
    assert schedule.decided(np.array([2.0, 1.0, 3.0]), final) == pytest.approx(2 / 3)
    many_values = np.arange(10.0)
    assert schedule.overlap(many_values, many_values) == 1
    assert schedule.overlap(many_values, -many_values) == 0


def test_schedules_are_compared_with_the_constant_rate() -> None:
    conditions = {"cosine": single(schedule="cosine"), "constant": single()}
    conditions = {name: {**own, "max_steps": 300} for name, own in conditions.items()}
    runs = studied.tables("schedule", conditions, DATA)["runs"].set_index(["condition", "seed"])
    np.testing.assert_allclose(runs.loc["constant", "rho_constant"], 1)
    cosine = runs.loc["cosine", "rho_constant"]
    a = studied.trained(conditions["constant"], DATA)
    b = studied.trained(conditions["cosine"], DATA)
    ends = [networks.norm_products(t.start.model, t.history.end, 0)[0] for t in (a, b)]
    assert cosine.loc[0] == pytest.approx(spearmanr(*ends).statistic)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("kind", designs.DESIGNS)
def test_design_keeps_norms_and_finds_target_directions(kind: str, k: int) -> None:
    X, Y, W, A = problem(1, N=40, d=5, m=12, k=k)
    w, a = designs.design(kind, W, A, X, Y, 200)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), np.linalg.norm(W, axis=1))
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), np.linalg.norm(A, axis=1))
    if k == 1 and kind == "aligned":
        assert (np.sign(a) == np.sign(A)).all()
    if kind == "aligned":  # on kinks, which attract from both sides, only the rates are the same
        u, v = unit(w), unit(a)
        rates = (v * equations.neuron_velocity(u, v, X, Y)[1]).sum(axis=1)
        known = equations.target_directions(W, A, X, Y)[2]
        assert np.median(np.abs(rates / known - 1)) < 0.01
    else:
        cos = equations.alignment(w, a, equations.gated_residual_correlation(w, X, Y))
        assert np.nanmin(cos) > 0.9
    if kind == "spread":
        labels = clusters.find(w, a, 0.99, np.ones(12, dtype=bool))
        sizes = np.bincount(labels)
        assert sizes.max() - sizes.min() <= 1


def test_design_pays_for_its_rounds() -> None:
    conditions = {"spread": single(design="spread", design_steps=7)}
    tables = studied.tables("initialization", conditions, DATA)
    runs, details = tables["runs"], tables["details"]
    assert (runs["work_to_drop"] == runs["drop_step"] + 7).all()
    assert details["work"].min() == 7 and details["work"].max() <= OPTIONS["max_steps"]


def test_unknown_design_is_refused() -> None:
    X, Y, W, A = problem(1)
    with pytest.raises(ValueError, match="aligned, spread"):
        designs.design("lucky", W, A, X, Y, 1)


def test_head_draws_the_weights_of_the_dedicated_engine() -> None:
    start = networks.begin("test", single(), DATA).weights
    W, A = shallow.initialise("test", 1, 10, 64, 1, "pytorch", 1e-2)
    assert torch.equal(start["hidden.0.weight"][1], torch.as_tensor(W))
    assert torch.equal(any_model.one(start, 1)["head.weight"], torch.as_tensor(A.T))


def test_a_forecast_without_a_drop_chooses_no_tickets() -> None:
    conditions = {
        "ends": options(gain=0.3, percents=[50]),
        # The network drops; its forecast, by tiny steps, comes to no end.
        "never": options(gain=0.3, forecast_rate=1e-9, percents=[50]),
        "untaught": options(gain=1e-4, max_steps=3, percents=[50]),
    }
    table = studied.tables("pruning_at_init", conditions, DATA)["runs"].set_index("condition")
    chosen = ["course_forecast_50", "loss_losers_50", "test_shuffled_50"]
    assert np.isfinite(table.loc["ends", chosen].astype(float)).all(axis=None)
    assert table.loc["never", chosen].isna().all(axis=None)
    assert np.isfinite(table.loc["never", "course_snip_50"].astype(float)).all()
    assert table.loc["untaught"].filter(regex="_50$").isna().all(axis=None)


def test_sizes_compares_what_is_pruned_with_what_is_small_from_the_start() -> None:
    own = options(
        study="sizes", head="spread", alpha=1e-3, width=40, percents=[20], precision="single"
    )
    own |= {"learning_rate": 0.5, "max_steps": 300}
    del own["gain"]
    found = studied.tables("sizes", {"x": own}, DATA)
    runs = found["runs"]
    assert set(runs["seed"]) == set(SEEDS)
    assert {"loss_full_100", "loss_after_20", "loss_before_20", "loss_small_20"} <= set(runs)
    # A cut costs loss, and eight neurons of forty that learn on their own do better than that.
    assert (runs["loss_after_20"] > runs["loss_full_100"]).all()
    assert (runs["loss_before_20"] < runs["loss_after_20"]).all()
    assert (runs["loss_small_20"] < 0.5).all()


def test_sizes_keeps_the_largest_of_what_it_is_told() -> None:
    own = options(study="sizes", head="gaussian", alpha=1.0, width=10)
    del own["gain"]
    start = networks.begin("test", own, DATA)
    by = {key: value.clone() for key, value in start.weights.items()}
    by["hidden.0.weight"][:, [2, 7]] *= 1e3
    kept = sizes.largest(start, start.weights, by, 2)
    expected = start.weights["hidden.0.weight"][:, [2, 7]]
    assert torch.equal(kept["hidden.0.weight"].sort(dim=1).values, expected.sort(dim=1).values)
