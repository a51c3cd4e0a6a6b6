"""Settings as people write them on a command line."""

from pathlib import Path
from typing import Any

import pytest

from neuron_race.common.validation import SettingsError
from neuron_race.settings import assignments, reading

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = reading.read_yaml(ROOT / "config/config.yaml")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("experiments.pair.alpha=1e-3", {"experiments": {"pair": {"alpha": 1e-3}}}),
        (
            "seeds.first=7  seeds.count=5 device=cpu",
            {"seeds": {"first": 7, "count": 5}, "device": "cpu"},
        ),
        ("datasets.digits.classes=[4, 9]", {"datasets": {"digits": {"classes": [4, 9]}}}),
        # Keys that may be there, though nothing is set.
        ("experiments.pair.bias=true", {"experiments": {"pair": {"bias": True}}}),
        ("seeds.list=[1, 2]", {"seeds": {"list": [1, 2]}}),
        (
            "experiments.pair.conditions.lazy.after_drop=20",
            {"experiments": {"pair": {"conditions": {"lazy": {"after_drop": 20}}}}},
        ),
    ],
)
def test_settings_become_an_overlay(text: str, wanted: dict[str, Any]) -> None:
    assert assignments.overlay(text, DEFAULT) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experiments.pair.alfa=1", r"experiments\.pair: 'alfa' is none of .*nearest: alpha"),
        ("experiment.pair.alpha=1", "top level: 'experiment' is none of .*nearest: experiments"),
        ("experiments.pairs.alpha=1", "experiments: 'pairs' is none of .*nearest: pair"),
        ("experiments.pair.alpha.x=1", r"experiments\.pair\.alpha is 0\.0001, which has no 'x'"),
        ("seeds", "'seeds': write key=value"),
        ("seeds.count=", "'seeds.count=': write key=value"),
        ("seeds.count=1 seeds.count=2", r"seeds\.count is given twice"),
        ("seeds.count=[1", "SET: seeds.count: can't be read"),
        ("seeds.count=010", "octal"),
    ],
)
def test_what_is_no_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        assignments.overlay(text, DEFAULT)
