"""Statistics by settings that the presets do not have: what is declared is what is computed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import studied
from declared import check
from small_runs import DIGITS, stack, train_on
from test_extensions import DATA, options, single

from neuron_race.measures import compression, dynamics, race
from neuron_race.models import deep
from neuron_race.settings import dictionary
from neuron_race.settings.dictionary import experiments, extensions
from neuron_race.settings.dictionary import tickets as tickets_words
from neuron_race.studies import (
    tickets,
    weight_tickets,
)
from neuron_race.training.recipe import Recipe

THREE = {**DIGITS, "classes": [1, 2, 3]}
MODELS: list[dict[str, Any]] = [
    {"depth": 2},
    {"model": "residual", "depth": 3, "skip": True, "scaling": "standard"},
    {"model": "convolution", "channels": 1, "batch_norm": True},
    {
        "model": "transformer",
        **{"tokens": 8, "embedding": 8, "heads": 2, "layer_norm": True, "skip": False},
    },
]


def exactly(runs: pd.DataFrame, table: dictionary.Table, own: dict[str, Any]) -> None:
    """Columns of one condition are those declared, and no others."""
    assert set(runs) - {"seed", "condition"} == check(runs, table, own)


@pytest.mark.parametrize("data", [DIGITS, THREE], ids=["one output", "three"])
def test_other_drops_and_several_outputs(data: dict[str, Any]) -> None:
    changes = {"drops": [0.1, 0.33], "max_steps": 200, "width": 12}
    trained = train_on(data, (0, 1), **changes)
    own = {**trained.options, "outputs": dictionary.outputs(data)}
    assert own["outputs"] == trained.start.A.shape[2]
    for name, module in (("dynamics", dynamics), ("compression", compression)):
        exactly(module.tables(trained)["runs"], dictionary.TABLES[name], own)


@pytest.mark.parametrize("changes", MODELS, ids=lambda changes: changes.get("model", "perceptron"))
def test_layers_of_each_model(changes: dict[str, Any]) -> None:
    own = options(max_steps=8, **changes)
    model = deep.build(own, 64, 1)
    assert len(model.units) == extensions.layers(own)
    runs = studied.tables("architectures", {"x": own}, DATA)["runs"]
    exactly(runs, extensions.ARCHITECTURES, own)


@pytest.mark.parametrize("changes", [{"depth": 1}, *MODELS[:2]], ids=["one", "two", "three"])
def test_other_percents_of_tickets(changes: dict[str, Any]) -> None:
    own = options(max_steps=8, percents=[5, 50], **changes)
    runs = studied.tables("pruning_at_init", {"x": own}, DATA)["runs"]
    exactly(runs, extensions.PRUNING_AT_INIT, own)


def test_a_drop_that_never_came_is_undefined() -> None:
    own = single(max_steps=3)
    found = studied.tables("schedule", {"constant": own}, DATA)["runs"]
    assert found["drop_step"].isna().all()
    exactly(found, extensions.SCHEDULE, own)


@pytest.mark.parametrize("study", ["optimizers", "initialization"])
def test_studies_of_one_layer(study: str) -> None:
    own = single(max_steps=30) | {"design": "spread", "design_steps": 2}
    runs = studied.tables(study, {"x": own}, DATA)["runs"]
    exactly(runs, dictionary.STUDIES[study], own)


def test_values_of_parts_are_those_of_the_modules() -> None:
    assert Recipe().drops == experiments.DROPS
    assert (*tickets_words.OWN, *tickets_words.FOREIGN) == tickets.ARMS
    assert tuple(tickets_words.OTHER[:2]) == weight_tickets.ARMS[1:]
    assert np.log10(np.finfo(float).eps) == experiments.RESOLUTION
    names = {f"cos_delta_{round(100 * early):03d}" for early in dynamics.EARLY}
    assert {f"cos_delta_{own}" for own in dynamics_part("early")} == names
    assert dynamics_part("cosine") == tuple(str(q)[2:] for q in dynamics.COSINES)
    assert "cos_delta_010" in race.DETAILS
    data = stack(THREE, (0,))
    assert data["Y"].shape[2] == dictionary.outputs(THREE) == 3
    assert dictionary.outputs({"kind": "teacher", "dim": 3, "neurons": 3}) == 1


def dynamics_part(name: str) -> tuple[str, ...]:
    return tuple(dictionary.TABLES["dynamics"].parts[name].of({}))
