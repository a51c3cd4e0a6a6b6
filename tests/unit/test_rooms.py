"""The package's folders: what each may import, and that it says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import neuron_race

PACKAGE = Path(neuron_race.__file__).parent
# In the order of the flow; each may import from those before it.
ROOMS = [
    *("common", "data", "models", "training", "settings", "theory", "measures", "studies"),
    *("evidence", "figures", "pages", "own", "operations"),
]


def imported(path: Path) -> Iterator[str]:
    """Folders of the package that a module imports from, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide where they go"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("neuron_race."):
                yield name.split(".")[1]


def test_all_folders_are_in_the_flow() -> None:
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert found == set(ROOMS)
    assert not [path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    said = (neuron_race.__doc__ or "").partition("those before it:")[2]
    at = [said.replace("\n", " ").index(f" {room}") for room in ROOMS]
    assert at == sorted(at)


def test_the_tests_have_the_same_folders() -> None:
    """What a test of a room imports tells of that room, or the test is in the wrong one."""
    found = {path.parent.name for path in Path(__file__).parent.glob("*/test_*.py")}
    assert found == set(ROOMS)
    for room in ROOMS:
        for path in (Path(__file__).parent / room).glob("test_*.py"):
            assert room in imported(path), path


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_up_the_flow_only(room: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(room) + 1]}
    wrong = {
        f"{path.relative_to(PACKAGE)} imports from {other}"
        for path in (PACKAGE / room).rglob("*.py")
        for other in imported(path)
        if other not in allowed
    }
    assert not wrong
    doc = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
    assert doc and "May import" in doc


def test_the_package_knows_nothing_of_the_workflow() -> None:
    """But the check of its command line, which reads profiles as Snakemake does."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "commandline.py":
            assert "import snakemake" not in text and "from snakemake" not in text, path


def test_functions_and_modules_are_short() -> None:
    """No function above 60 lines, docstring included, and no module above 400."""
    root = PACKAGE.parents[2]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for folder in ("workflow", "benchmarks"):
        for path in (root / folder).rglob("*.py"):
            text, name = path.read_text(encoding="utf-8"), path.relative_to(root)
            assert len(text.splitlines()) <= 400, name
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, functions) and node.end_lineno is not None:
                    assert node.end_lineno - node.lineno < 60, f"{name}: {node.name}"
