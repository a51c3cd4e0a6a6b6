"""Settings that fit a user's own data, and the register that applies to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuron_race.common import storage
from neuron_race.data.kind import DatasetError
from neuron_race.data.kinds import file
from neuron_race.pages import trial as page
from neuron_race.settings import configuration, reading
from neuron_race.studies import trial
from neuron_race.theory import forecast
from neuron_race.training import conditions

ROOT = Path(__file__).resolve().parents[3]


def spirals(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Two arms around the origin, symmetric: without a bias hardly a network can tell them."""
    t, y = np.sqrt(rng.uniform(0.05, 1, n)) * 3 * np.pi, rng.integers(0, 2, n)
    return np.c_[t * np.cos(t + np.pi * y), t * np.sin(t + np.pi * y)], y


def overlapping(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    y = rng.integers(0, 2, n)
    return rng.standard_normal((n, 6)) + 0.5 * y[:, None], y


def unequal(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    y = (np.arange(n) < n // 20).astype(int)
    return rng.standard_normal((n, 6)) + 1.5 * y[:, None], y


def noise(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.standard_normal((n, 12)), rng.integers(0, 2, n)


TASKS = {"spirals": spirals, "overlapping": overlapping, "unequal": unequal, "random": noise}


@pytest.fixture
def narrow() -> dict[str, Any]:
    """Default settings with few neurons."""
    settings = reading.read_yaml(ROOT / "config/config.yaml")
    settings["experiments"]["pair"]["width"] = 40
    return settings


def fitted(folder: Path, settings: dict[str, Any], X: Any, y: Any) -> trial.Fitted:
    np.savez(folder / "mine.npz", X=X, y=y)
    return trial.Fitted(folder / "mine.npz", None, settings, runs=2)


@pytest.mark.parametrize("task", TASKS)
def test_no_run_lacks_steps_for_its_drop_nor_diverges(
    tmp_path: Path, narrow: dict[str, Any], task: str
) -> None:
    own = fitted(tmp_path, narrow, *TASKS[task](150, np.random.default_rng(0)))
    for name in ("gaussian", "balanced", "lazy", "residual_frozen"):
        options = {**own.shared, **own.experiment["conditions"][name]}
        options |= {"seeds": own.seeds, "device": "cpu", "dataset": trial.NAME}
        start = conditions.begin(trial.EXPERIMENT, options, own.data)
        runs = conditions.run(start, options)
        drop = runs.event_step[:, 2]
        assert (drop >= 0).all() and runs.step[-1] >= 3 * drop.max()
        if name in own.drops:
            # L5 is exact where gates have settled by the drop; where they have not, nearly so.
            assert np.allclose(own.drops[name], drop, rtol=0.5)


def test_overlay_and_register_are_settings_that_are_taken(
    tmp_path: Path, narrow: dict[str, Any]
) -> None:
    own = fitted(tmp_path, narrow, *overlapping(80, np.random.default_rng(1)))
    storage.write_json(tmp_path / "claims.yaml", own.register(ROOT / "config/claims"))
    default = reading.read_yaml(ROOT / "config/config.yaml")
    overlay = own.overlay(tmp_path / "claims.yaml")
    settings = configuration.read(reading.override(default, overlay), ROOT)
    assert set(settings.claims) == set(trial.IN_REGISTER)
    for claim in trial.CLAIMS:
        assert {name for _, name in settings.tables(claim)} == {"pair"}
    assert settings.seeds == [100, 101] and settings.datasets["own"]["n_train"] == 53


def test_three_classes_lose_what_is_defined_for_one_output_only(
    tmp_path: Path, narrow: dict[str, Any]
) -> None:
    rng = np.random.default_rng(2)
    which = np.arange(90) % 3
    X = rng.standard_normal((90, 5)) + 2 * np.eye(5)[which]
    own = fitted(tmp_path, narrow, X, np.eye(3)[which])
    storage.write_json(tmp_path / "claims.yaml", own.register(ROOT / "config/claims"))
    default = reading.read_yaml(ROOT / "config/config.yaml")
    overlay = own.overlay(tmp_path / "claims.yaml")
    settings = configuration.read(reading.override(default, overlay), ROOT)
    assert own.drops == {} and own.shared["loss"] == "logistic"
    assert settings.claims["merging"]["criteria"]


def test_a_rate_is_below_that_at_which_a_lazy_network_diverges(
    tmp_path: Path, narrow: dict[str, Any]
) -> None:
    own = fitted(tmp_path, narrow, *overlapping(80, np.random.default_rng(1)))
    options = {**own.shared, "alpha": 1.0, "seeds": own.seeds, "device": "cpu"}
    start = conditions.begin(trial.EXPERIMENT, options, own.data)
    rate = trial.rate(start, "squared")
    options |= {"max_steps": 300, "after_drop": 1000}
    assert conditions.run(start, {**options, "learning_rate": rate}).loss[:, -1].max() < 0.5
    with pytest.raises(ArithmeticError, match="diverged"):
        conditions.run(start, {**options, "learning_rate": 5 * rate})


def test_too_few_samples_are_refused(tmp_path: Path, narrow: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="20 samples; at least 30 are needed"):
        fitted(tmp_path, narrow, *overlapping(20, np.random.default_rng(1)))


def test_an_input_that_drowns_the_others_is_named() -> None:
    X, y = overlapping(80, np.random.default_rng(1))
    assert trial.large_column(file.Table(X, y, ("0", "1"), ())) == ""
    X[:, 2] *= 100
    told = trial.large_column(file.Table(X, y, ("0", "1"), ()))
    assert told.startswith("Input number 3 has 100 % of the variance")
    told = trial.large_column(file.Table(X, y, ("0", "1"), tuple("abcdef")))
    assert told.startswith("Input c has")


def test_undefined_statistics_are_told_with_their_cause() -> None:
    row = {"name": "a_b", "n_runs": 5, "n_undefined": 2, "confirmatory": True}
    (line,) = page.missing([{"claim": "racing", "criteria": [row, {**row, "n_undefined": 0}]}])
    assert line.startswith("racing, a b: undefined in 2 of 5 runs.")


def test_a_forecast_that_never_drops_is_undefined_and_stops_no_other(
    tmp_path: Path, narrow: dict[str, Any]
) -> None:
    own = fitted(tmp_path, narrow, *spirals(300, np.random.default_rng(0)))
    options = {**own.shared, "bias": False, "seeds": own.seeds, "device": "cpu"}
    options |= {"learning_rate": 0.4, "max_steps": 20_000}
    start = conditions.begin(trial.EXPERIMENT, options, own.data)
    # The second run's targets take turns along one arm: no single direction loses them a fiftieth.
    start.Y[1] = np.where(np.argsort(np.argsort(start.X[1][:, :1], axis=0), axis=0) % 2, 1.0, -1.0)
    found = forecast.forecast(start, options, trial.EXPERIMENT)
    assert found["step"][0] > 0 and found["step"][1] == -1
    assert np.isfinite(found["norm_product"][0]).all() and np.isnan(found["norm_product"][1]).all()
