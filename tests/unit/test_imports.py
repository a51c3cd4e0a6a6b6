"""Optional parts of libraries that are left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuron_race import imports


def test_without_hides_a_module_and_brings_it_back() -> None:
    import json

    with pytest.raises(ImportError), imports.without("json", "colorsys"):
        import json
    import colorsys

    assert sys.modules["json"] is json and sys.modules["colorsys"] is colorsys


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("settings", ["rfc3987_syntax", "torch", "pandas", "matplotlib"]),
        ("notebooks", ["rfc3987_syntax", "torch", "pandas", "matplotlib"]),
        ("plots.style", ["ipywidgets", "torch"]),
        ("claims", ["torch", "matplotlib", "rfc3987_syntax"]),
        ("evidence", ["torch", "matplotlib", "scipy"]),
        ("runs", ["torch", "matplotlib", "scipy", "pandas"]),
        ("trace", ["torch", "matplotlib", "scipy", "pandas"]),
        ("training", ["matplotlib", "seaborn", "pandas", "torch._dynamo"]),
        ("forecast", ["matplotlib", "seaborn", "torch._dynamo"]),
    ],
)
def test_modules_import_nothing_slow_that_they_do_not_need(module: str, absent: list[str]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, neuron_race.{module}; print(*sys.modules)"],
        env={"PYTHONPATH": str(Path(imports.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(absent) & set(said.stdout.split())


PLAIN = """
import sys
from test_many import SEEDS, data, deep, many, small
model = small("convolution")
start = deep.initial(model, "test", SEEDS, 1.0)
many.train(model, start, *data(), many.Plan(max_steps=2))
assert "torch._dynamo" not in sys.modules
many.train(model, start, *data(), many.Plan(optimizer="adam", max_steps=2))
assert "torch._dynamo" in sys.modules  # or there would be nothing to avoid
"""


def test_plain_steps_of_any_model_do_without_the_compiler() -> None:
    paths = [str(Path(imports.__file__).parents[1]), str(Path(__file__).parent)]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", PLAIN], env=environment, check=True)
