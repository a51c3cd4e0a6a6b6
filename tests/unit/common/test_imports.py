"""Optional parts of libraries that are left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import neuron_race
from neuron_race.common import devices, imports


def test_without_hides_a_module_and_brings_it_back() -> None:
    import json

    with pytest.raises(ImportError), imports.without("json", "colorsys"):
        import json
    import colorsys

    assert sys.modules["json"] is json and sys.modules["colorsys"] is colorsys


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("settings.configuration", ["rfc3987_syntax", "torch", "pandas", "matplotlib"]),
        ("pages.notebooks", ["rfc3987_syntax", "torch", "pandas", "matplotlib"]),
        ("figures.style", ["ipywidgets", "torch"]),
        ("evidence.claims", ["torch", "matplotlib", "rfc3987_syntax"]),
        ("evidence.collect", ["torch", "matplotlib", "scipy"]),
        ("training.runs", ["torch", "matplotlib", "scipy", "pandas"]),
        ("evidence.trace", ["torch", "matplotlib", "scipy", "pandas"]),
        ("training.engine", ["matplotlib", "pandas", "torch"]),
        ("theory.forecast", ["matplotlib", "torch"]),
    ],
)
def test_modules_import_nothing_slow_that_they_do_not_need(module: str, absent: list[str]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, neuron_race.{module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(absent) & set(said.stdout.split())


ONE_LAYER = """
import sys
import numpy as np
from neuron_race.training import engine
from neuron_race.training.recipe import Recipe
rng = np.random.default_rng(0)
arrays = [rng.normal(size=shape) for shape in ((1, 8, 3), (1, 8, 1), (1, 4, 3), (1, 4, 1))]
made = engine.train(*arrays, Recipe(max_steps=2), "auto")
assert made.engine == "compiled" and "torch" not in sys.modules
"""


@pytest.mark.skipif(devices.driver(), reason="a driver of a GPU, which torch is asked about")
def test_one_hidden_layer_trains_without_torch() -> None:
    subprocess.run([sys.executable, "-c", ONE_LAYER], check=True)


PLAIN = """
import sys
from test_many import SEEDS, data, deep, any_model, small
model = small("convolution")
start = deep.initial(model, "test", SEEDS, 1.0)
any_model.train(model, start, *data(), any_model.Plan(max_steps=2))
assert "torch._dynamo" not in sys.modules
any_model.train(model, start, *data(), any_model.Plan(optimizer="adam", max_steps=2))
assert "torch._dynamo" in sys.modules  # or there would be nothing to avoid
"""


def test_plain_steps_of_any_model_do_without_the_compiler() -> None:
    paths = [str(Path(__file__).parents[1] / "training"), os.getenv("PYTHONPATH", "")]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", PLAIN], env=environment, check=True)


def test_an_edit_of_equal_size_and_date_runs(tmp_path: Path) -> None:
    """Python would take the compiled module of before."""
    package = tmp_path / "neuron_race"
    package.mkdir()
    (package / "__init__.py").write_text(Path(neuron_race.__file__).read_text())
    said = []
    for value in "12":
        (package / "part.py").write_text(f"VALUE = {value}\n")
        os.utime(package / "part.py", (1e9, 1e9))
        done = subprocess.run(
            [sys.executable, "-c", "from neuron_race import part; print(part.VALUE)"],
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.strip())
    assert said == ["1", "2"] and list(package.glob("__pycache__/part.*"))
