"""The package as others install it: what a wheel holds, and that it works away from the project."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow/src/neuron_race"
USED = """
import sys
sys.path.insert(0, sys.argv[1])
import neuron_race
from neuron_race.pages import page
from neuron_race.settings import configuration, schema
from neuron_race.training import compiled_engine
assert neuron_race.__file__.startswith(sys.argv[1])
assert schema.of("config")["properties"] and (page.HERE / "page.css").exists()
print(compiled_engine.SOURCE.read_text()[:2])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, made without a network by the backend that the lock has."""
    folder = tmp_path_factory.mktemp("wheel")
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *how, str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_a_wheel_holds_all_files_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    own = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert own <= names and {"neuron_race/py.typed", "neuron_race/training/kernel.c"} <= own


def test_an_installed_package_finds_its_files(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", USED, str(tmp_path / "site")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "/*"
