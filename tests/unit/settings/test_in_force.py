"""One spelling of settings; none is accepted and ignored, and what nobody reads is told."""

import copy
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from neuron_race.figures import capacity, regimes
from neuron_race.models import deep
from neuron_race.models.options import MODELS
from neuron_race.settings import additions, configuration, options, reading
from neuron_race.settings.reading import SettingsError

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config/config.yaml"
DEFAULT = reading.read_yaml(CONFIG)
PRESETS = ("smoke", "paper", "images", "long", "full")


def read(*parts: str) -> configuration.Settings:
    """The default preset with options of the command line."""
    return configuration.read(reading.merged([CONFIG], parts), ROOT)


# --- One order and one spelling -----------------------------------------------------------------


def respelt(tree: Any, rng: Random, path: tuple[str, ...] = ()) -> str:
    """The same values as YAML, in another order and with numbers written otherwise."""
    if isinstance(tree, dict):
        keys = list(tree)
        if path != ("explorer", "conditions"):  # whose order is shown
            rng.shuffle(keys)
        inner = (f"{json.dumps(key)}: {respelt(tree[key], rng, (*path, key))}" for key in keys)
        return "{" + ", ".join(inner) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(respelt(item, rng, path) for item in tree) + "]"
    if isinstance(tree, float):
        ways = [repr(tree), f"{tree:.17e}", f"{tree:.17g}", f"+{tree!r}"]
        ways += [str(int(tree))] if tree.is_integer() else [repr(tree).replace("0.", ".", 1)]
        return rng.choice([way for way in ways if float(way) == tree])
    return json.dumps(tree)


def part(tree: Any, rng: Random) -> Any:
    """Some of the values of a configuration."""
    if not isinstance(tree, dict):
        return tree
    return {key: part(tree[key], rng) for key in tree if rng.random() < 0.5}


@cache
def written(preset: str) -> tuple[Any, str]:
    """A preset's configuration, and its settings in words."""
    config = reading.merged([CONFIG, ROOT / f"config/{preset}.yaml"])
    return config, repr(configuration.read(config, ROOT))


@hypothesis_settings(deadline=None, derandomize=True, max_examples=12)
@given(st.sampled_from(PRESETS), st.integers(0, 10**6))
def test_equal_values_are_equal_settings_however_they_are_written(preset: str, seed: int) -> None:
    config, wanted = written(preset)
    rng = Random(seed)
    # All of it anew, and some of it again in an overlay.
    again = reading.parse(respelt(config, rng), "f")
    over = reading.parse(respelt(part(config, rng), rng), "g")
    over.pop("explorer", None)
    found = configuration.read(reading.override(again, over), ROOT)
    assert repr(found) == wanted


def test_numbers_are_floats_where_the_schema_says_so_and_whole_ones_stay() -> None:
    found = read("experiments={pair: {conditions: {lazy: {alpha: 1, learning_rate: 1}}}}")
    lazy = found.experiments["pair"]["lazy"]
    words = [repr(lazy[key]) for key in ("alpha", "learning_rate", "width")]
    assert words == ["1.0", "1.0", "300"]
    gain = read("extensions={residual: {gain: {others: 2, head: 1}}}").extensions["residual"]
    assert repr(gain["skip"]["gain"]) == "{'head': 1.0, 'others': 2.0}"
    thresholds = [c["threshold"] for claim in read().claims.values() for c in claim["criteria"]]
    assert all(type(value) is float for value in thresholds)


def test_names_are_sorted_and_what_is_shown_keeps_its_order() -> None:
    found = read("seeds={list: [7, 3]}")
    for names in (found.datasets, found.experiments, found.extensions, found.experiments["pair"]):
        assert list(names) == sorted(names)
    assert list(found.explorer["conditions"]) == list(DEFAULT["explorer"]["conditions"])
    assert list(found.claims) == list(
        configuration.read_register(ROOT / DEFAULT["claims"])["claims"]
    )
    assert found.seeds == [7, 3]


def test_of_two_ways_to_give_seeds_the_later_one_counts() -> None:
    assert read("seeds={list: [7]}", "seeds={first: 4, count: 2}").seeds == [4, 5]
    assert read("seeds={count: 3}", "seeds={list: [7]}").seeds == [7]
    with pytest.raises(SettingsError, match="seeds: list, or first and count, not both"):
        read("seeds={list: [7], first: 3}")


# --- Accepted and ignored -----------------------------------------------------------------------

IGNORED = {
    "regimes={width: 30}": "experiments.regimes.width: read by none of its conditions, each",
    "residual={conditions: {skip: {heads: 2}}}": "skip.heads: .* model transformer",
    "convolution={depth: 3}": "extensions.convolution.depth: .* the model perceptron or residual",
    "depth={batch_norm: true}": "depth.batch_norm: not read here; it is for the model convolution",
    "depth={conditions: {depth2: {alpha: 1}}}": "depth2.alpha: .* conditions with head",
    "schedule={gain: 0.1}": "extensions.schedule.gain: .* conditions without head",
    "schedule={conditions: {cosine: {forecast_rate: 1}}}": "rate: .* all studies but",
    "schedule={percents: [20]}": "schedule.percents: .* the studies pruning_at_init and sizes",
    "pruning_at_init={batch_size: 20}": "batch_size: not .* all studies but pruning_at_init",
    "optimizers={conditions: {adam: {stride: 0.1}}}": "adam.stride: .* optimizers but adam",
    "optimizers={design: spread, design_steps: 3}": "optimizers.design: .* study initialization",
    "initialization={conditions: {gaussian: {shuffled: true}}}": "shuffled: .* with design",
    "residual={gain: {blocks: 1, others: 2}}": "gain: blocks is no part of a residual; .*",
}


@pytest.mark.parametrize("change", IGNORED)
def test_options_that_nobody_reads_are_refused(change: str) -> None:
    name = change.partition("=")[0]
    section = "experiments" if name in DEFAULT["experiments"] else "extensions"
    with pytest.raises(SettingsError, match=IGNORED[change]):
        read(f"{section}={{{name}: {change.partition('=')[2]}}}")


def test_studies_of_one_layer_are_asked_of_no_other() -> None:
    config = copy.deepcopy(DEFAULT)
    entry = config["extensions"]["optimizers"]
    del entry["head"], entry["alpha"]
    config["extensions"]["optimizers"] = {**entry, "gain": 0.1, "depth": 2}
    with pytest.raises(
        SettingsError, match="gd: the study optimizers is of a perceptron of depth 1"
    ):
        configuration.read(config, ROOT)


def test_a_replication_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"replicate\.x\.experiments: \{\}"):
        read("replicate={x: {dataset: digits, experiments: {}}}")


def test_misspelt_environment_variables_are_refused() -> None:
    options.check_environment({"PATH": "", "NEURON_RACE_CACHE": "here"})
    with pytest.raises(SettingsError, match="NEURON_RACE_CASHE is none of NEURON_RACE_CACHE"):
        options.check_environment({"NEURON_RACE_CASHE": "here"})
    options.check_environment({"NEURON_RACE_CHECKPOINT_SECONDS": "0"})
    with pytest.raises(SettingsError, match="NEURON_RACE_CHECKPOINT_SECONDS is a number"):
        options.check_environment({"NEURON_RACE_CHECKPOINT_SECONDS": "abc"})


def test_parts_with_a_gain_are_those_of_the_models() -> None:
    sizes = {"depth": 2, "skip": True, "scaling": "standard", "channels": 1, "batch_norm": True}
    sizes |= {"tokens": 8, "embedding": 8, "heads": 2, "layer_norm": True, "width": 4}
    for model, known in MODELS.items():
        built = deep.build({"model": model, **sizes}, 64, 1)
        names = {name.split(".")[0] for name, w in built.named_parameters() if w.ndim > 1}
        assert names == set(known.parts)


# --- Additions that nobody reads ----------------------------------------------------------------


def told(*parts: str) -> list[str]:
    config = reading.merged([CONFIG], parts)
    return additions.unread(config, DEFAULT, configuration.read(config, ROOT))


def test_misspelt_names_are_told_with_the_nearest_one() -> None:
    assert told(
        "experiments={pair: {conditions: {gausian: {width: 9}}}, pairs: {conditions: {a: {}}, "
        "dataset: digits, width: 9, alpha: 1, head: gaussian, loss: squared, learning_rate: .1, "
        "max_steps: 9}}",
        "extensions={depth: {conditions: {depth6: {depth: 6}}}}",
        "datasets={digitz: {kind: digits, classes: [1, 2], n_train: 9, n_test: 9}}",
        "weight_tickets={lenett: {a: {dataset: digits_all}}}",
        "weight_tickets={lenet: {digitz: {dataset: digits_all}}}",
        "images={mnits: {loader: mnist, sources: {}}}",
    ) == [
        "datasets.digitz: no condition uses it; did you mean digits?",
        "experiments.pair.conditions.gausian: no claim reads it; did you mean gaussian?",
        "experiments.pairs: no claim reads it; did you mean pair?",
        "extensions.depth.conditions.depth6: no claim reads it; did you mean depth5?",
        "images.mnits: no data set uses it; did you mean mnist?",
        "weight_tickets.lenet.digitz: no claim reads it; did you mean digits?",
        "weight_tickets.lenett: no claim reads it; did you mean lenet?",
    ]
    assert told("experiments={pair: {conditions: {xyz: {width: 9}}}}") == [
        "experiments.pair.conditions.xyz: no claim reads it"
    ]


def test_what_is_read_is_not_told() -> None:
    explored = "explorer={conditions: {pair: [mine]}}"
    assert told("experiments={pair: {conditions: {mine: {width: 9}}}}", explored) == []
    for preset in PRESETS:
        config = reading.merged([CONFIG, ROOT / f"config/{preset}.yaml"])
        assert additions.unread(config, DEFAULT, configuration.read(config, ROOT)) == []


def test_conditions_that_figures_draw_are_those_of_the_figures() -> None:
    for name in (*capacity.WIDTHS, *capacity.LAZY):
        assert additions.DRAWN["capacity"].fullmatch(name)
    assert not additions.DRAWN["capacity"].fullmatch("width24")
    assert additions.DRAWN["regimes"].pattern == regimes.NAME
