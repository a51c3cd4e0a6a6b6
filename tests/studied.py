"""Targets beyond one hidden layer in tests: trained, kept in files, read, and measured."""

import importlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from neuron_race.common import storage
from neuron_race.studies import architectures
from neuron_race.studies.trained import networks

Conditions = Mapping[str, Mapping[str, Any]]


def tables(study: str, conditions: Conditions, data: Any, target: str = "test") -> Any:
    """Tables of a study, from run files as the workflow's jobs hand them on."""
    training = importlib.import_module(f"neuron_race.studies.trained.{study}")
    measuring = importlib.import_module(f"neuron_race.studies.{study}")
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in conditions.items():
            path = Path(folder) / f"{name}.npz"
            storage.write_arrays(path, training.train(target, name, options, data))
            runs[name] = storage.read_arrays(path)
    return measuring.tables(target, conditions, data, runs)


def trained(options: Mapping[str, Any], data: Any, name: str = "x") -> networks.Trained:
    """Runs of one condition."""
    start = networks.begin("test", options, data)
    return networks.recall(start, networks.train("test", name, options, data))


def rows(options: Mapping[str, Any], data: Any) -> pd.DataFrame:
    """One row per run and hidden layer of one condition."""
    return architectures.rows(trained(options, data), "test")
