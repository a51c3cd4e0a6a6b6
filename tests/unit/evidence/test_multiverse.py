"""The multiverse: how universes are drawn, trained, asked, and taken together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from declared import check

from neuron_race.common.words import told
from neuron_race.evidence import multiverse as summary
from neuron_race.figures import multiverse as figure
from neuron_race.figures import style
from neuron_race.measures import compression, dynamics, race
from neuron_race.operations import planning
from neuron_race.settings import configuration, dictionary, multiverse, reading
from neuron_race.settings.reading import SettingsError
from neuron_race.studies import multiverse as study
from neuron_race.studies.trained import multiverse as trained
from neuron_race.theory.forecast import forecast
from neuron_race.theory.stability import stable_rate
from neuron_race.training import conditions

ROOT = Path(__file__).parents[3]
CONFIG = reading.read_yaml(ROOT / "config/config.yaml")
SMALL = {"width": [20, 24], "samples": [40, 60], "alpha": [1e-3, 1e-2], "rate": [0.3, 0.5]}
ONE = {"bias": False, "centring": True, "cosine": 0.95, "drop": 0.1, "head": "gaussian"}
ONE |= {"loss": "squared", "moment": "end", "data": "digits"}


def section(**changes: Any) -> dict[str, Any]:
    """A multiverse of small networks."""
    decisions = {
        name: {**decision, "options": SMALL.get(name, decision["options"]), "paper": None}
        for name, decision in CONFIG["multiverse"]["decisions"].items()
    }
    return {**CONFIG["multiverse"], "seed": 50, "decisions": decisions, **changes}


def only(**options: Any) -> list[dict[str, Any]]:
    """The one universe with these options of decisions."""
    chosen = {name: own[0] for name, own in SMALL.items()} | ONE | options
    decisions = {name: {"options": [option], "paper": None} for name, option in chosen.items()}
    # Whatever is judged, the same events are recorded.
    decisions["drop"] = {"options": [0.05, 0.1, 0.2], "paper": None}
    decisions["moment"] = {"options": [*{0.05: 0, chosen["moment"]: 0}], "paper": None}
    (universe,) = multiverse.Universes(section(universes=1, decisions=decisions), "cpu")
    for name in ("drop", "moment"):
        universe["judged"][name] = chosen[name]
        universe["decisions"][name] = told(chosen[name])
    return [universe]


def asked(universes: list[dict[str, Any]], folder: Path) -> pd.DataFrame:
    """The table of universes that are trained in a folder."""
    return study.table(universes, trained.train(universes, {}, folder, "it"), {})


# --- Drawing ------------------------------------------------------------------------------------


def test_a_universe_does_not_depend_on_how_many_there_are() -> None:
    few, many = (multiverse.Universes(section(universes=n), "cpu") for n in (6, 200))
    assert list(few) == many[:6] and [many[6], many[-1]] == [many[6:][0], many[199:][0]]
    seeds = [seed for universe in many for seed in universe["options"]["seeds"]]
    assert seeds == list(range(50, 450))
    for universe in many:
        assert len({tuple(pair) for pair in universe["classes"]}) == 2
    for name, decision in section()["decisions"].items():
        counts = pd.Series([u["decisions"][name] for u in many]).value_counts()
        assert set(counts.index) == set(map(told, decision["options"]))
        assert counts.min() > 0.6 * 200 / len(counts)


def test_the_draw_of_a_decision_leaves_others_alone() -> None:
    before = multiverse.Universes(section(universes=30), "cpu")
    changed = section()["decisions"] | {"loss": {"options": ["logistic"], "paper": None}}
    after = multiverse.Universes(section(universes=30, decisions=changed), "cpu")
    for one, other in zip(before, after, strict=True):
        assert one["decisions"] | {"loss": "logistic"} == other["decisions"]


def test_shards_hold_all_universes_in_their_order_and_nothing_that_is_judged() -> None:
    found = multiverse.Universes(section(universes=7), "cpu")
    shards = [multiverse.shard(found, number, 3) for number in range(3)]
    assert [u for own in shards for u in own] == list(found)
    assert sorted(map(len, shards)) == [2, 2, 3]
    trained = [u for own in shards for u in multiverse.to_train(own)]
    assert not {"judged", "decisions"} & {key for u in trained for key in u}
    with pytest.raises(SettingsError, match=r"multiverse.shards: no shard 3, for there are 0 to 2"):
        multiverse.shard(found, 3, 3)


def test_more_shards_of_the_same_size_leave_the_others_as_they_were() -> None:
    few, many = (multiverse.Universes(section(universes=n), "cpu") for n in (6, 30))
    for number in range(2):
        assert multiverse.shard(few, number, 2) == multiverse.shard(many, number, 10)


def test_a_shard_makes_no_universe_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    one = multiverse.Universes._one
    monkeypatch.setattr(multiverse.Universes, "_one", lambda s, n: made.append(n) or one(s, n))
    found = multiverse.Universes(section(universes=1_000_000), "cpu")
    multiverse.shard(found, 7, 100_000)
    assert made == list(range(70, 80))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("decisions: {los: {options: [a]}}", "unknown key los; allowed are alpha, .*, width"),
        ("decisions: {loss: {options: [huber]}}", r"'huber' is not one of \['squared', 'logistic'"),
        ("decisions: {loss: {paper: hinge}}", "'hinge' is none of squared, logistic"),
        ("decisions: {data: {options: [cifar]}}", "data: 'cifar' is none of digits"),
        ("decisions: {moment: {options: [begin]}}", "'begin' is neither end nor a fraction"),
        ("decisions: {drop: {options: [0.1, 0.101]}}", "differ when rounded to whole per cents"),
        ("decisions: {samples: {options: [200, 400]}}", "n_train: .* has 360 images of classes"),
        ("criteria: {rho_alignment: few}", "'few' is no criterion of racing, which has alignment_"),
        ("tasks: 46", "digits has 45 pairs of classes"),
        ("shards: 201", "shards: 201 for 200 universes"),
        ("data: {digits: {images: mnist}}", "images: for data of kind images, and for no others"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(change: str, words: str) -> None:
    config = reading.merged([ROOT / "config/config.yaml"], [f"multiverse={{{change}}}"])
    with pytest.raises(SettingsError, match=words):
        configuration.read(config, ROOT)


@pytest.mark.parametrize(("width", "measured"), [(1024, 368), (4096, 762), (8192, 1344)])
def test_memory_is_asked_for_all_pairs_of_the_widest_network(width: int, measured: int) -> None:
    change = f"multiverse={{decisions: {{width: {{options: [100, {width}], paper: null}}}}}}"
    config = reading.merged([ROOT / "config/config.yaml"], [change])
    asked = planning.shard_mb(configuration.read(config, ROOT))
    assert measured < asked < measured + 700


# --- Training and asking ------------------------------------------------------------------------

OTHERS = {
    **{name: options[1] for name, options in SMALL.items()},
    **{"bias": True, "centring": False, "cosine": 0.999, "drop": 0.2, "head": "balanced"},
    **{"loss": "logistic", "moment": 0.05},
}


def test_all_decisions_are_changed_here() -> None:
    assert set(OTHERS) | {"data"} == set(CONFIG["multiverse"]["decisions"])
    assert set(OTHERS) == {*multiverse.SAMPLED, *multiverse.TRAINED, *multiverse.JUDGED}


@pytest.mark.parametrize("name", OTHERS)
def test_each_decision_reaches_what_it_decides(tmp_path: Path, name: str) -> None:
    one, other = only(), only(**{name: OTHERS[name]})
    first, second = (
        trained.train(u, {}, tmp_path / str(i), "") for i, u in enumerate((one, other))
    )
    same = all(np.array_equal(first[key], second[key]) for key in first)
    assert same == (name in multiverse.JUDGED)
    before, after = (study.table(*pair, {}) for pair in ((one, first), (other, second)))
    statistics = [*dictionary.MULTIVERSE.columns({})]
    assert not before[statistics].equals(after[statistics])
    assert (after[name] == told(OTHERS[name])).all() and (before[name] != after[name]).all()


def test_statistics_are_those_of_the_tables(tmp_path: Path) -> None:
    """At the same cosine, drop and end: weights are kept in single precision."""
    universes = only(cosine=0.99)
    found = asked(universes, tmp_path)
    (universe,) = universes
    start = trained.begin(universe, {})
    options = universe["options"] | {"learning_rate": found["learning_rate"][0]}
    runs = study.Trained(start, conditions.run(start, options), options)
    whole, smaller = dynamics.tables(runs), compression.tables(runs)["runs"]
    raced = race.tables(runs, whole["neurons"], forecast(start, options, "it"))["runs"]
    expected = {
        "clusters_per_neuron": whole["runs"]["clusters_per_neuron_99"],
        "alignment_at_drop": whole["runs"]["alignment_at_drop_10"],
        "rho_alignment": whole["runs"]["rho_alignment_010"],
        "rho_race_score": raced["rho_race_score"],
        "merged_per_neuron": smaller["merged_per_neuron"],
        "merge_then_prune_loss_share": smaller["merge_then_prune_loss_share"],
        "lowest_first_loss_share": smaller["lowest_first_loss_share"],
        "auroc_beyond_head": raced["auroc_race_score"] - raced["auroc_norm_a_init"],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    assert (found["steps"] == np.ceil(10 * found["drop_step"].max())).all()
    check(
        found.drop(columns=["universe", "task", *universe["decisions"]]), dictionary.MULTIVERSE, {}
    )


def test_what_is_trained_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    universes = multiverse.Universes(section(universes=3), "cpu")
    whole = trained.train(universes, {}, tmp_path, "it")
    (tmp_path / "1.npz").unlink()
    calls = []
    train = trained._one
    monkeypatch.setattr(trained, "_one", lambda u, i: calls.append(u["universe"]) or train(u, i))
    again = trained.train(universes, {}, tmp_path, "it")
    assert calls == [1] and list(again) == list(whole)
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_rate_at_which_the_loss_explodes_is_halved_and_told(tmp_path: Path) -> None:
    rows = asked(only(rate=40.0), tmp_path)
    assert (rows["halvings"] > 0).all()
    universe = only(rate=40.0)[0]
    rates = [stable_rate(X, "squared") for X in trained.begin(universe, {}).X]
    np.testing.assert_allclose(rows["learning_rate"], 40 * min(rates) / 2 ** rows["halvings"])


def test_a_loss_that_is_not_reached_is_judged_at_the_end(tmp_path: Path) -> None:
    rows = asked(only(moment=0.0001), tmp_path)
    assert (rows["reached"] == 0).all() and rows["clusters_per_neuron"].notna().all()


def test_the_stable_rate_is_that_of_the_largest_eigenvalue() -> None:
    X = np.diag([2.0, 1.0]) * np.sqrt(2)  # second moment diag(4, 1)
    assert stable_rate(X, "squared") == pytest.approx(0.5)
    assert stable_rate(X, "logistic") == pytest.approx(2.0)


# --- Taking together ----------------------------------------------------------------------------

CRITERION = {"claim": "racing", "statistic": "rank", "threshold": 0.5, "direction": "above"}
DECISIONS = {
    "head": {"options": ["a", "b"], "paper": "a", "known": "here"},
    "bias": {"options": [False, True], "paper": None, "known": "nowhere"},
}


def table(values: list[float]) -> pd.DataFrame:
    """Four universes of two tasks."""
    options = {"head": list("aabb"), "bias": ["no", "yes"] * 2}
    runs = {"universe": np.repeat(range(4), 2), "rank": values}
    return pd.DataFrame(runs | {name: np.repeat(own, 2) for name, own in options.items()})


def test_a_universe_is_the_mean_of_its_tasks_and_undefined_ones_do_not_hold() -> None:
    runs = table([0.9, 0.3, 0.4, 0.5, 0.8, 0.8, np.nan, 1.0])
    found = summary.universes(runs, DECISIONS, [CRITERION])
    np.testing.assert_allclose(found["rank"], [0.6, 0.45, 0.8, np.nan])
    (row,) = summary.claims(found, [CRITERION]).to_dict("records")
    assert (row["share"], row["undefined"], row["universes"]) == (0.5, 1, 4)
    assert (row["share_low"], row["share_high"]) == pytest.approx((0.0676, 0.9324), abs=1e-4)


def test_importance_is_the_share_of_variance_explained() -> None:
    found = summary.universes(table([0, 0, 0.1, 0.1, 1, 1, 1.1, 1.1]), DECISIONS, [CRITERION])
    # Between squares 1 of 1.01; (n - 1)/(n - k) = 3/2.
    assert summary.importance(found["rank"], found["head"]) == pytest.approx(1 - 0.01 / 1.01 * 1.5)
    assert summary.importance(found["rank"], found["bias"]) == 0
    assert np.isnan(summary.importance(found["rank"] * 0, found["head"]))
    rows = summary.options(found, DECISIONS, [CRITERION]).set_index(["decision", "option"])
    assert rows.loc[("head", "b"), ["mean", "share", "universes"]].tolist() == [1.05, 1.0, 2]
    assert rows["of_the_paper"].tolist() == [True, False, False, False]
    lines = summary.sentences(summary.claims(found, [CRITERION]), rows.reset_index())
    assert lines == [
        "racing, rank: above 0.5 in 50 % of 4 universes (7 to 93 %); "
        "variance explained by head 99 %"
    ]


def test_a_statistic_without_a_threshold_is_drawn_and_told(tmp_path: Path) -> None:
    bare = CRITERION | {"threshold": None, "direction": None}
    found = summary.universes(table([0.1] * 4 + [0.7] * 4), DECISIONS, [bare])
    claims, options = (
        make(*a)
        for make, a in (
            (summary.claims, (found, [bare])),
            (summary.options, (found, DECISIONS, [bare])),
        )
    )
    assert "mean 0.4 (no threshold)" in summary.sentences(claims, options)[0]
    style.apply()
    drawn, numbers = figure.draw(found, claims, options, "smoke")
    assert "preset smoke" in drawn.get_supxlabel()
    style.save(drawn, tmp_path / "a.pdf", tmp_path / "a.png")
    assert numbers["value"].tolist() == [0.1, 0.1, 0.7, 0.7]
