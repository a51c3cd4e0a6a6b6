"""Configuration and register: every kind of bad input is refused with a message that helps."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
import yaml
from snakemake.utils import update_config

from neuron_race.data.kinds import digits as digits_kind
from neuron_race.settings import configuration
from neuron_race.settings.configuration import Settings, SettingsError

PROJECT = Path(__file__).parents[3]
Change = Callable[[dict[str, Any]], Any]


CONFIG = """
preset: default
claims: config/register.yaml
device: cpu
seeds: {first: 100, count: 10}
explorer: {seeds: 1, snapshots: 20, conditions: {digits: [gaussian]}}
image_cache: cache
images:
  cifar10: {loader: cifar10, sources: {}}
  mnist: {loader: mnist, sources: {}}
datasets:
  digits: {kind: digits, classes: [3, 8], n_train: 200, n_test: 120}
  clusters: {kind: clusters, dim: 20, axes: 4, noise: 0.6, n_train: 200, n_test: 400}
  teacher: {kind: teacher, dim: 20, neurons: 4, n_train: 400, n_test: 400}
  orthogonal: {kind: orthogonal, dim: 60, n_train: 40, n_test: 20, centre: false}
experiments:
  digits:
    dataset: digits
    width: 300
    alpha: 1.0e-4
    head: gaussian
    loss: squared
    learning_rate: 0.25
    max_steps: 1500
    conditions:
      gaussian: {}
      balanced: {head: balanced}
      lazy: {alpha: 1.0, learning_rate: 0.05}
      gates_frozen: {freeze: [gates]}
  shapes:
    {width: 9, alpha: 0.01, head: gaussian, loss: squared, learning_rate: 0.1, max_steps: 5,
     conditions:
       {teacher: {dataset: teacher}, clusters: {dataset: clusters}, again: {dataset: teacher}}}
"""
EXTENSION = {
    "study": "architectures",
    "dataset": "digits",
    "model": "perceptron",
    "width": 8,
    "gain": 0.1,
    "loss": "squared",
    "learning_rate": 0.1,
    "max_steps": 5,
    "precision": "single",
    "conditions": {"one": {"depth": 1}, "two": {"depth": 2}},
}
REGISTER = """
equations: {E5: a race}
claims:
  racing:
    title: A race
    statement: They race.
    level: abstract
    equations: [E5]
    expectation: supported
    caveats: [One layer.]
    figure_tables: [dynamics/digits/runs.csv]
    criteria:
      - {name: ranks, meaning: x, table: race, statistic: rho_forecast, runs: digits/gaussian,
         threshold: 0.5, direction: above}
      - {name: shape, meaning: x, table: dynamics, statistic: rotation, runs: shapes/teacher,
         minus: digits/balanced, threshold: 0.5, direction: above}
      - {name: lazy, meaning: x, table: dynamics, statistic: rotation, runs: digits/lazy,
         threshold: 0.2, direction: below, control: true}
"""


def read(change: Change = lambda config: None, claims: str = REGISTER) -> Settings:
    config = yaml.safe_load(CONFIG)
    change(config)
    with TemporaryDirectory() as folder:
        (Path(folder) / "config").mkdir()
        (Path(folder) / "config/register.yaml").write_text(claims, encoding="utf-8")
        return configuration.read(config, Path(folder))


def register(change: Change) -> Settings:
    """Read the configuration with a changed register."""
    content = yaml.safe_load(REGISTER)
    change(content["claims"])
    return read(claims=json.dumps(content))  # JSON is YAML without aliases


def digits(**changes: Any) -> Change:
    return lambda config: config["experiments"]["digits"].update(changes)


def condition(**changes: Any) -> Change:
    return lambda config: config["experiments"]["digits"]["conditions"]["gaussian"].update(changes)


def dataset(name: str, **changes: Any) -> Change:
    return lambda config: config["datasets"][name].update(changes)


def without(*path: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        for key in path[:-1]:
            config = config[key]
        del config[path[-1]]

    return change


AT = r"experiments\.digits"
THREE = {"classes": [1, 2, 3], "n_train": 60}
BAD: dict[str, tuple[Change, str]] = {
    "unknown_key": (
        digits(widht=3),
        f"config: {AT}: unknown key widht; allowed are after_drop, alpha, .*width",
    ),
    "unknown_key_in_condition": (
        condition(lr=0.1),
        rf"{AT}\.conditions\.gaussian: unknown key lr; allowed are .*learning_rate",
    ),
    "unknown_key_on_top": (
        lambda c: c.update(sedes=3),
        "top level: unknown key sedes; allowed are .*seeds",
    ),
    "key_that_is_no_text": (lambda c: c.update({1: 2}), "top level: unknown key 1"),
    "width_0": (digits(width=0), rf"{AT}\.width: 0 is less than the minimum of 1"),
    "width_fraction": (digits(width=1.5), rf"{AT}\.width: 1.5 is not of type 'integer'"),
    "alpha_negative": (digits(alpha=-1e-4), rf"{AT}\.alpha: -0.0001 .* minimum of 0"),
    "alpha_0": (condition(alpha=0), rf"{AT}\.conditions\.gaussian\.alpha: 0 .* minimum of 0"),
    "alpha_text": (digits(alpha="1e-4"), rf"{AT}\.alpha: '1e-4' is not of type 'number'"),
    "rate_0": (digits(learning_rate=0), rf"{AT}\.learning_rate: 0"),
    "target_1": (digits(loss_target=1.0), rf"{AT}\.loss_target: 1.0 .* maximum of 1"),
    "one_snapshot": (digits(snapshots=1), rf"{AT}\.snapshots: 1 .* minimum of 2"),
    "head": (digits(head="lecun"), rf"{AT}\.head: 'lecun' .*'balanced', 'gaussian', 'pytorch'"),
    "loss": (digits(loss="hinge"), rf"{AT}\.loss: 'hinge' .*'squared', 'logistic'"),
    "freeze": (digits(freeze=["bias"]), rf"{AT}\.freeze\.0: 'bias' .*'gates', 'residual', 'head'"),
    "drop_1": (digits(drops=[0.1, 1.0]), rf"{AT}\.drops\.1: 1.0"),
    "drop_10_missing": (
        condition(drops=[0.2]),
        rf"{AT}\.conditions\.gaussian\.drops: must include 0.1",
    ),
    "explorer_experiment": (
        lambda c: c["explorer"].update(conditions={"digitz": ["gaussian"]}),
        r"explorer\.conditions\.digitz: 'digitz' is none of digits",
    ),
    "explorer_condition": (
        lambda c: c["explorer"].update(conditions={"digits": ["gauss"]}),
        r"explorer\.conditions\.digits: 'gauss' is none of balanced",
    ),
    "device": (lambda c: c.update(device="tpu"), "device: 'tpu' .*'auto', 'cpu', 'cuda'"),
    "unknown_dataset": (
        condition(dataset="mnist"),
        rf"{AT}\.conditions\.gaussian\.dataset: 'mnist' is none of clusters, digits, orthogonal",
    ),
    "missing_option": (
        without("experiments", "digits", "learning_rate"),
        rf"{AT}\.conditions\.gaussian: learning_rate is missing",
    ),
    "no_conditions": (
        lambda c: c["experiments"]["digits"].update(conditions={}),
        rf"{AT}\.conditions: \{{\}}",
    ),
    "conditions_null": (
        lambda c: c["experiments"]["digits"].update(conditions=None),
        rf"{AT}\.conditions: None is not of type 'object'",
    ),
    "no_experiments": (without("experiments"), "top level: 'experiments' is a required property"),
    "kind": (
        dataset("digits", kind="spirals"),
        r"datasets\.digits\.kind: 'spirals' is not one of \['clusters', 'digit_pairs'",
    ),
    "kind_missing": (
        without("datasets", "digits", "kind"),
        r"datasets\.digits: 'kind' is a required",
    ),
    "dataset_key": (
        dataset("digits", dim=3),
        r"datasets\.digits: unknown key dim; allowed are centre, classes",
    ),
    "dataset_key_missing": (
        without("datasets", "teacher", "neurons"),
        r"datasets\.teacher: 'neurons' is a required property",
    ),
    "scale": (dataset("digits", scale="max"), r"datasets\.digits\.scale: 'max' .*'unit', 'none'"),
    "more_than_there_is": (
        dataset("digits", n_train=300),
        r"datasets\.digits\.n_train: n_train \+ n_test = 420, but digits has 357 images",
    ),
    "no_samples": (dataset("digits", n_train=0), r"datasets\.digits\.n_train: 0 .* minimum of 1"),
    "one_sample": (
        dataset("teacher", n_train=1),
        r"datasets\.teacher\.n_train: at least 2, got 1",
    ),
    "fewer_samples_than_classes": (
        dataset("digits", classes=[0, 1, 2, 3], n_train=3),
        r"datasets\.digits\.n_train: at least 4, one of each class, got 3",
    ),
    "no_test_samples": (
        dataset("digits", n_test=0),
        r"datasets\.digits\.n_test: 0 .* minimum of 1",
    ),
    "batch_of_weight_tickets": (
        lambda c: c.update(
            datasets=c["datasets"] | {"few": c["datasets"]["digits"] | THREE},
            weight_tickets={"lenet": {"digits": {"dataset": "few"}}},
        ),
        r"weight_tickets\.lenet\.digits\.dataset: a step takes 60 samples, and n_train of 'few' "
        "must be above that",
    ),
    "orthogonal": (
        dataset("orthogonal", n_train=41),
        r"datasets\.orthogonal\.n_train: with n_test 61 orthogonal inputs, dim 60",
    ),
    "axes": (dataset("clusters", axes=21), r"datasets\.clusters\.axes: at most dim = 20, got 21"),
    "neurons": (dataset("teacher", neurons=21), r"datasets\.teacher\.neurons: at most dim = 20"),
    "classes_repeated": (
        dataset("digits", classes=[3, 3]),
        r"datasets\.digits\.classes: .*non-unique",
    ),
    "images_unknown": (
        lambda c: c["datasets"].update(
            svhn={"kind": "images", "images": "svhn", "classes": [0, 1], "n_train": 9, "n_test": 9}
        ),
        r"datasets\.svhn\.images: 'svhn' is none of cifar10, mnist",
    ),
    "seeds_repeated": (
        lambda c: c.update(seeds={"list": [5, 5]}),
        r"seeds\.list: \[5, 5\] has non-unique",
    ),
    "seeds_negative": (lambda c: c["seeds"].update(first=-1), r"seeds\.first: -1 .* minimum of 0"),
    "seeds_none": (lambda c: c["seeds"].update(count=0), r"seeds\.count: 0 .* minimum of 1"),
    "seeds_empty": (lambda c: c.update(seeds={}), "seeds: needs first and count, or list"),
    "seeds_half": (without("seeds", "count"), "seeds: needs first and count, or list"),
    "seeds_bool": (lambda c: c["seeds"].update(first=True), r"seeds\.first: True is not of type"),
    "path_in_experiment": (
        lambda c: c["experiments"].update({"../../etc": c["experiments"]["digits"]}),
        r"experiments: name '\.\./\.\./etc': Names become file names",
    ),
    "path_in_condition": (
        lambda c: c["experiments"]["digits"]["conditions"].update({"a/b": {}}),
        r"experiments\.digits\.conditions: name 'a/b': Names become file names",
    ),
    "path_in_dataset": (
        lambda c: c["datasets"].update({"..": c["datasets"]["digits"]}),
        r"datasets: name '\.\.': Names become file names",
    ),
    "space_in_name": (
        lambda c: c["experiments"].update({"a b": c["experiments"]["digits"]}),
        "experiments: name 'a b': Names become file names",
    ),
    "path_in_preset": (lambda c: c.update(preset="../x"), "preset: '../x' does not match"),
    "register_missing": (
        lambda c: c.update(claims="nowhere.yaml"),
        r"nowhere\.yaml: can't be read",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_configuration_is_refused_by_key(case: str) -> None:
    change, message = BAD[case]
    with pytest.raises(SettingsError, match=message):
        read(change)


def test_all_faults_are_told_at_once() -> None:
    def change(config: dict[str, Any]) -> None:
        digits(width=0, head="lecun")(config)
        dataset("teacher", dim=0)(config)

    with pytest.raises(SettingsError) as caught:
        read(change)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3 and all(line.startswith("config: ") for line in lines)

    def later(config: dict[str, Any]) -> None:
        dataset("teacher", neurons=50)(config)
        condition(dataset="none")(config)

    with pytest.raises(SettingsError) as caught:
        read(later)
    assert len(str(caught.value).splitlines()) == 2


def test_conditions_inherit_and_override() -> None:
    result = read()
    lazy, gaussian = (result.experiments["digits"][name] for name in ("lazy", "gaussian"))
    assert lazy["alpha"] == 1.0 and gaussian["alpha"] == 1e-4
    assert lazy["width"] == gaussian["width"] == 300
    assert lazy["seeds"] == list(range(100, 110)) == result.seeds
    assert "conditions" not in lazy and result.preset == "default"


def test_only_small_and_unfrozen_conditions_are_forecast() -> None:
    result = read()
    own = result.experiments["digits"]
    assert result.forecastable("digits") == {name: own[name] for name in ("balanced", "gaussian")}
    frozen = read(
        lambda c: c["experiments"]["digits"]["conditions"]["balanced"].update(freeze=["head"])
    )
    assert "balanced" not in frozen.forecastable("digits")


def test_criterion_that_needs_an_impossible_forecast_is_refused() -> None:
    with pytest.raises(configuration.SettingsError, match=r"digits/gaussian can't be forecast"):
        read(condition(freeze=["head"]))


@pytest.mark.parametrize(
    ("experiment", "condition", "changes", "said"),
    [
        ("laws", "gaussian", {"freeze": ["gates"]}, "predicted, which needs nothing frozen"),
        ("late_winners", "balanced", {"loss": "logistic"}, "replayed, which needs .* squared"),
        ("late_winners", "gaussian", {"dataset": "digits10"}, "replayed, which needs one output"),
    ],
)
def test_criterion_that_needs_what_a_condition_lacks_is_refused(
    experiment: str, condition: str, changes: dict[str, Any], said: str
) -> None:
    config = configuration.read_yaml(PROJECT / "config/config.yaml")
    config["experiments"][experiment]["conditions"][condition].update(changes)
    match = rf"{experiment}/{condition} can't be {said}"
    with pytest.raises(configuration.SettingsError, match=match):
        configuration.read(config, PROJECT)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(10**400)])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(configuration.SettingsError, match=r"learning_rate: .* not a finite number"):
        read(condition(learning_rate=value))


def test_seed_zero_and_lists_of_seeds() -> None:
    assert read(lambda c: c.update(seeds={"first": 0, "count": 2})).seeds == [0, 1]
    assert read(lambda c: c.update(seeds={"list": [7, 0]})).seeds == [7, 0]


def test_tables_and_data_sets_that_are_needed_are_each_named_once() -> None:
    result = read()
    expected = [("race", "digits"), ("dynamics", "shapes"), ("dynamics", "digits")]
    assert result.tables("racing") == expected
    assert result.datasets_of("shapes") == ["teacher", "clusters"]
    assert result.datasets_of("digits") == ["digits"]


def test_reading_leaves_the_configuration_as_it_was() -> None:
    seen: list[dict[str, Any]] = []
    read(seen.append)
    assert seen == [yaml.safe_load(CONFIG)]


# --- The register -------------------------------------------------------------------------------


def first(claims: dict[str, Any]) -> dict[str, Any]:
    criterion: dict[str, Any] = claims["racing"]["criteria"][0]
    return criterion


def only(control: bool) -> Change:
    def change(claims: dict[str, Any]) -> None:
        own = claims["racing"]
        own["criteria"] = [c for c in own["criteria"] if c.get("control", False) is control]

    return change


def exploratory_controls(claims: dict[str, Any]) -> None:
    for criterion in claims["racing"]["criteria"]:
        if criterion.get("control", False):
            criterion["confirmatory"] = False


BAD_REGISTER: dict[str, tuple[Change, str]] = {
    "no_control": (only(False), r"claims\.racing: needs at least one confirmatory control"),
    "no_effect": (only(True), r"claims\.racing: needs at least one confirmatory effect"),
    "exploratory_control": (
        exploratory_controls,
        "racing: needs at least one confirmatory control",
    ),
    "table": (lambda c: first(c).update(table="fame"), "'fame' is not one of .*'dynamics', 'race'"),
    "experiment": (
        lambda c: first(c).update(runs="mnist/gaussian"),
        r"claims\.racing\.\w+: experiment 'mnist' is none of digits, shapes",
    ),
    "condition": (
        lambda c: first(c).update(runs="digits/hot"),
        r"claims\.racing\.\w+: condition 'hot' is none of balanced, gates_frozen, gaussian",
    ),
    "minus": (
        lambda c: first(c).update(minus="digits/hot"),
        "condition 'hot' is none of balanced, gates_frozen, gaussian",
    ),
    "trend": (
        lambda c: (
            first(c).pop("runs"),
            first(c).update(trend=[{"runs": f"digits/{n}", "x": 1} for n in ("gaussian", "hot")]),
        ),
        "condition 'hot' is none of balanced, gates_frozen, gaussian",
    ),
    "runs_path": (lambda c: first(c).update(runs="../gaussian"), "'../gaussian' does not match"),
    "figure_path": (
        lambda c: c["racing"].update(figure_tables=["dynamics/../../x.csv"]),
        "figure_tables.0: .* does not match",
    ),
    "figure_experiment": (
        lambda c: c["racing"].update(figure_tables=["dynamics/pear/runs.csv"]),
        r"claims\.racing\.figure_tables: 'pear' is none of digits, shapes",
    ),
    "claim_name": (lambda c: c.update({"a/b": c["racing"]}), "claims: 'a/b' does not match"),
    "direction": (lambda c: first(c).update(direction="up"), "'up' is not one of .*'above'"),
    "threshold": (lambda c: first(c).pop("threshold"), "'threshold' is a required property"),
    "threshold_text": (lambda c: first(c).update(threshold="0.5"), "'0.5' is not of type 'number'"),
    "unknown_key": (
        lambda c: first(c).update(treshold=1),
        "unknown key treshold; allowed are .*threshold",
    ),
    "equal_names": (
        lambda c: c["racing"]["criteria"].append(first(c)),
        r"claims\.racing: criteria need different names",
    ),
    "no_criteria": (lambda c: c["racing"].update(criteria=[]), r"claims\.racing\.criteria: \[\]"),
    "no_caveats": (lambda c: c["racing"].update(caveats=[]), r"claims\.racing\.caveats: \[\]"),
    "expectation": (lambda c: c["racing"].update(expectation="sure"), "'sure' is not one of"),
    "level": (lambda c: c["racing"].update(level="rumour"), "'rumour' is not one of .*'abstract'"),
    "equation": (lambda c: c["racing"].update(equations=["E10"]), "'E10' does not match"),
    "no_such_equation": (
        lambda c: c["racing"].update(equations=["E1"]),
        r"claims\.racing\.equations: E1 is none of E5",
    ),
}


@pytest.mark.parametrize("case", BAD_REGISTER)
def test_a_bad_register_is_refused_by_claim_and_criterion(case: str) -> None:
    change, message = BAD_REGISTER[case]
    with pytest.raises(SettingsError, match=message):
        register(change)


def test_the_register_itself_passes_this_way() -> None:
    assert register(lambda claims: None).claims["racing"]["id"] == "racing"


def test_the_projects_own_configuration_passes() -> None:
    base = configuration.read_yaml(PROJECT / "config/config.yaml")
    result = configuration.read(base, PROJECT)
    assert min(result.seeds) >= 1200  # seeds below were used to explore
    for claim in result.claims:
        tables = result.tables(claim)
        assert len(tables) == len(set(tables)) > 0


@pytest.mark.parametrize("preset", ["smoke", "paper", "images", "long"])
def test_the_projects_own_presets_pass(preset: str) -> None:
    merged = configuration.read_yaml(PROJECT / "config/config.yaml")
    update_config(merged, configuration.read_yaml(PROJECT / f"config/{preset}.yaml"))
    result = configuration.read(merged, PROJECT)
    assert result.preset == preset
    if preset == "images":
        names = [c["name"] for c in result.claims["merging"]["criteria"]]
        assert {"loss_unchanged", "loss_unchanged_mnist", "loss_unchanged_cifar10"} <= set(names)
        assert result.experiments["pair_mnist"]["gaussian"]["dataset"] == "mnist_pairs"


@pytest.mark.parametrize("name", ["all", "theory", "dataset", "figure_racing", "train_digits"])
def test_claims_have_no_name_of_a_rule(name: str) -> None:
    rules = [PROJECT / "Snakefile", *(PROJECT / "workflow/rules").glob("*.smk")]
    found = register(lambda claims: None)
    configuration.check_names(found, rules)
    with pytest.raises(SettingsError, match=rf"claims\.{name}: a rule .* has this name"):
        configuration.check_names(
            replace(found, claims={**found.claims, name: found.claims["racing"]}), rules
        )


def test_digits_are_as_many_as_scikit_learn_has():
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    assert pixels.shape[1] == digits_kind.PIXELS
    assert np.bincount(labels).tolist() == list(digits_kind.PER_CLASS)


BLOCK = {
    "model": "transformer",
    "tokens": 8,
    "embedding": 16,
    "heads": 4,
    "layer_norm": True,
    "skip": True,
}
FILTERS = {"model": "convolution", "channels": 3, "batch_norm": False}


def extension(**changes: Any) -> Change:
    return lambda config: config.update(extensions={"deep": {**EXTENSION, **changes}})


def test_extension_conditions_are_resolved() -> None:
    found = read(extension())
    assert found.extensions["deep"]["two"]["depth"] == 2
    assert found.extensions["deep"]["two"]["seeds"] == list(range(100, 110))
    assert found.datasets_of("deep") == ["digits"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"study": "astrology"}, "extensions.deep.study: 'astrology' is not one of"),
        ({"model": "residual"}, "conditions.one: skip is missing"),
        ({"model": "convolution"}, "conditions.one: channels is missing"),
        ({"dataset": "nope"}, "'nope' is none of clusters, digits"),
        ({"head": "gaussian", "alpha": 0.1}, "conditions.two.head: only for a perceptron"),
        ({"gain": {"incoming": 1.0}}, "extensions.deep.gain"),
        (
            {"batch_size": 200},
            "deep.conditions.one.batch_size: must be below n_train = 200 of 'digits'",
        ),
        (
            {"design": "spread", "design_steps": 5},
            "deep.conditions.one.design_steps: must be below max_steps = 5",
        ),
        ({"widht": 3}, "unknown key widht"),
        ({"study": "schedule"}, "needs constant"),
        ({"study": "pruning_at_init"}, "percents is missing"),
        ({"study": "sizes", "percents": [20]}, "head is missing"),
        (
            {"study": "optimizers"},
            "conditions.two: the study optimizers is of a perceptron of depth 1",
        ),
        ({"study": "schedule"}, "conditions.two: the study schedule is of a perceptron of depth 1"),
        (
            {**FILTERS, "channels": 1, "study": "initialization"},
            "conditions.one: the study initialization is of a perceptron of depth 1",
        ),
        ({"design": "spread"}, "design_steps is missing"),
        ({**BLOCK, "heads": 3}, "conditions.one.heads: 3 do not divide 16 features"),
        ({**BLOCK, "tokens": 7}, "conditions.one.tokens: 7 do not divide 64 inputs"),
        (FILTERS, "conditions.one.channels: 64 inputs are no square image of 3"),
        ({**FILTERS, "channels": 1, "width": 1}, "conditions.one.width: a convolution needs 2"),
        ({"width": 10**12}, "width: 1000000000000 is greater than the maximum"),
    ],
)
def test_bad_extensions_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words.replace("(", r"\(")):
        read(extension(**changes))


def test_extensions_and_experiments_have_different_names() -> None:
    with pytest.raises(SettingsError, match="an experiment has this name"):
        read(lambda config: config.update(extensions={"digits": EXTENSION}))


def of_extension(**changes: Any) -> str:
    register = yaml.safe_load(REGISTER)
    claim = register["claims"]["racing"]
    for criterion in claim["criteria"]:
        criterion |= {"table": "extension", "runs": "deep/one", "statistic": "rotation_mean"}
        criterion.pop("minus", None)
    return json.dumps({**register, "claims": {"racing": {**claim, **changes}}})


def test_criteria_read_extensions() -> None:
    assert read(extension(), of_extension()).tables("racing") == [("extension", "deep")]
    with pytest.raises(SettingsError, match="condition 'one' is none of three"):
        read(extension(conditions={"three": {"depth": 3}}), of_extension())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answer": "It is {ranks}."}, "answer and breaks come together"),
        ({"answer": "It is {rank}.", "breaks": "Never."}, r"\{rank\} is none of the criteria"),
        ({"answer": "It is {ranks.", "breaks": "Never."}, "racing.answer"),
    ],
)
def test_sentences_name_criteria(changes: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read(extension(), of_extension(**changes))


COPIES = {"other": {"dataset": "clusters", "experiments": {"digits": {}, "deep": {}}}}


def copied(**changes: Any) -> Change:
    """A configuration with an extension, and copies of it and of an experiment."""

    def change(config: dict[str, Any]) -> None:
        config["extensions"] = {"deep": EXTENSION}
        config["replicate"] = json.loads(json.dumps(COPIES))
        config["replicate"]["other"]["experiments"].update(changes)

    return change


def test_copies_on_another_data_set_change_what_they_say() -> None:
    found = read(copied(deep={"learning_rate": 3.0, "conditions": {"two": {"learning_rate": 2.0}}}))
    copy, original = found.extensions["deep_other"], found.extensions["deep"]
    assert {name: o["learning_rate"] for name, o in copy.items()} == {"one": 3.0, "two": 2.0}
    assert {o["dataset"] for o in copy.values()} == {"clusters"}
    assert {o["learning_rate"] for o in original.values()} == {0.1}
    assert {o["dataset"] for o in original.values()} == {"digits"}
    assert found.experiments["digits_other"]["lazy"]["alpha"] == 1.0
    assert found.experiments["digits_other"]["lazy"]["dataset"] == "clusters"
    assert found.datasets_of("deep_other") == ["clusters"]
    criteria = {c["name"]: c for c in found.claims["racing"]["criteria"]}
    assert list(criteria) == ["ranks", "shape", "lazy", "ranks_other", "shape_other", "lazy_other"]
    assert criteria["ranks_other"]["runs"] == "digits_other/gaussian"
    # What is compared with the experiment is compared with its copy, the rest stays.
    assert criteria["shape_other"]["runs"] == "shapes/teacher"
    assert criteria["shape_other"]["minus"] == "digits_other/balanced"
    assert criteria["lazy_other"]["control"] and criteria["lazy_other"]["threshold"] == 0.2


def test_criteria_are_asked_of_copies_of_extensions() -> None:
    found = read(copied(), claims=of_extension())
    runs = {c["name"]: c["runs"] for c in found.claims["racing"]["criteria"]}
    assert runs["ranks"] == "deep/one" and runs["ranks_other"] == "deep_other/one"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dep": {}}, r"replicate\.other\.experiments\.dep: is none of digits, shapes, deep"),
        (
            {"deep": {"conditions": {"three": {}}}},
            r"replicate\.other\.experiments\.deep\.conditions: 'three' is none of one, two",
        ),
        ({"deep": {"learning_rat": 1}}, r"extensions\.deep_other: unknown key learning_rat"),
        ({"digits": {"width": -1}}, r"experiments\.digits_other\.width"),
        (
            {"deep": {"conditions": 5}},
            r"replicate\.other\.experiments\.deep\.conditions",
        ),
        ({"deep": {"conditions": {"two": 5}}}, r"experiments\.deep\.conditions\.two"),
        (
            {"deep": {"conditions": {1: {}, "x": {}}}},
            r"replicate\.other\.experiments\.deep\.conditions",
        ),
        ({"digits": None}, r"replicate\.other\.experiments\.digits"),
    ],
)
def test_bad_copies_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read(copied(**changes))


def test_copies_have_names_of_their_own() -> None:
    def twice(config: dict[str, Any]) -> None:
        copied()(config)
        config["extensions"]["digits_other"] = EXTENSION

    with pytest.raises(SettingsError, match="digits_other exists already"):
        read(twice)
