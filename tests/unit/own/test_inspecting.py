"""The command `neuron-race inspect`: what it says and refuses, and that it executes nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_models import Perceptron, double
from safetensors.torch import load_file, save_file
from torch import nn

from neuron_race.own import commandline, inspecting, smaller
from neuron_race.own.chains import UnreadableError

MODELS = """
import torch
from pathlib import Path
from own_models import Perceptron, filters

def net():
    return Perceptron([12, 6])

def one():
    return torch.nn.Sequential(torch.nn.Linear(5, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1))

def failing():
    raise KeyError("lost")

def leaving():
    raise SystemExit("bye")

def text():
    return "net"
"""


class Trap:
    """Executed by whoever unpickles it."""

    def __reduce__(self) -> Any:
        return Path("trapped").touch, ()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, and where the command is called: weights, data, a module of models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    Path("my_models.py").write_text(MODELS)
    torch.manual_seed(1)
    model = Perceptron([12, 6])
    save_file(model.state_dict(), "net.safetensors")
    torch.save(model.state_dict(), "net.pt")
    double(model, ("hidden.0", "hidden.1"), 2, 7, 3.0)
    save_file(model.state_dict(), "twins.safetensors")
    X = np.random.default_rng(1).standard_normal((200, 5)).astype(np.float32)
    np.savez("data.npz", X=X, y=np.arange(200) % 3)
    np.savez("inputs.npz", X=X)
    return tmp_path


def inspect(*given: str) -> int:
    return commandline.main(["inspect", *given])


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt"])
def test_where_there_is_nothing_to_merge_the_first_line_says_so(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inspect(name, "--model", "my_models:net", "--data", "data.npz") == 0
    said = capsys.readouterr()
    assert said.out.startswith("There is nothing to merge: no two") and not said.err
    page = (folder / "network.html").read_text(encoding="utf-8")
    assert said.out.splitlines()[0] in page
    assert "://" not in page and "<script" not in page
    assert page.count("<tbody>") == 2 and "hidden.1" in page and "accuracy" in page
    assert "\n &#34;parameters&#34;: {" in page  # provenance, a line for each entry
    assert "one hidden layer of plain ReLU units and one output" in page


def test_twins_are_told_with_what_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("twins.safetensors", "--model", "my_models:net", "--data", "inputs.npz")
    assert inspect(*given, "--out", "twins.html") == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("1 of 18 units do what others do")
    assert "neuron_race.merge(model, data)" in second
    page = (folder / "twins.html").read_text(encoding="utf-8")
    assert '<th scope="col">accuracy' not in page  # no labels were given


def test_the_law_stands_beside_a_network_of_one_layer_and_output(folder: Path) -> None:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 1))
    save_file(model.state_dict(), "one.safetensors")
    assert inspect("one.safetensors", "--model", "my_models:one", "--data", "inputs.npz") == 0
    page = (folder / "network.html").read_text(encoding="utf-8")
    assert "Gaussian init of both layers" in page and "<td>65 %</td>" in page


def test_shares_of_nothing_are_undefined(folder: Path) -> None:
    nothing = {k: torch.zeros_like(v) for k, v in load_file("net.safetensors").items()}
    save_file(nothing, "nothing.safetensors")
    assert inspect("nothing.safetensors", "--model", "my_models:net", "--data", "inputs.npz") == 0
    page = (folder / "network.html").read_text(encoding="utf-8")
    assert page.count("<td>–</td></tr>") == 2 and "<td>– %</td>" in page
    assert "nan" not in page.lower().split("<footer>")[0].split("</style>")[1]


@pytest.mark.parametrize(
    "parts",
    [
        (nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6, 1)),
        (nn.Flatten(), nn.Linear(9, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1)),
        (nn.Flatten(), nn.Linear(9, 6), nn.LeakyReLU(0.5), nn.Linear(6, 1)),
        (nn.Flatten(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 2)),
    ],
)
def test_networks_that_the_law_is_not_of_get_none(parts: tuple[nn.Module, ...]) -> None:
    torch.manual_seed(3)
    model = nn.Sequential(*parts).eval()
    report = smaller.merge(model, torch.randn(20, 1, 3, 3))[1]
    assert len(report.layers) == 1 and inspecting.law(model, report) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("gone.pt", "my_models:net", "data.npz"), "gone.pt: no such file"),
        (("net.pt", "my_models", "data.npz"), "module:function is needed"),
        (("net.pt", "no_such:net", "data.npz"), "No module named 'no_such'"),
        (("net.pt", "my_models:gone", "data.npz"), "has no attribute 'gone'"),
        (("net.pt", "my_models:failing", "data.npz"), "KeyError: 'lost'"),
        (("net.pt", "my_models:text", "data.npz"), "returns str, no torch.nn.Module"),
        (("net.pt", "my_models:one", "data.npz"), "does not fit the model"),
        (("net.pt", "my_models:net", "gone.npz"), "gone.npz: no such file"),
        (("net.pt", "my_models:net", "net.pt"), "an array X"),
        (("net.pt", "my_models:net", "my_models.py"), "not a readable .npz"),
        (("net.pt", "my_models:net", "nan.npz"), "NaN"),
        (("net.pt", "my_models:net", "labels.npz"), "3 whole numbers"),
        (("net.pt", "my_models:net", "wide.npz"), "do not pass the model"),
        (("trap.pt", "my_models:net", "data.npz"), "loading it would execute"),
        (("list.pt", "my_models:net", "data.npz"), "as state_dict() gives; it has list"),
        (("whole.pt", "my_models:net", "data.npz"), "as state_dict() gives; it has model, epoch"),
        (("empty.pt", "my_models:net", "data.npz"), "not a readable file of weights (EOFError)"),
        (("nan.safetensors", "my_models:net", "data.npz"), "output is NaN or infinite"),
        (("net.pt", "my_models:leaving", "data.npz"), "SystemExit: bye"),
        (("net.pt", "my_models:net", "words.npz"), "X must be real numbers, got <U"),
        (("net.pt", "my_models:net", "from_one.npz"), "y are 1 to 3; the model's outputs stand"),
        (("my_models.py", "my_models:net", "data.npz"), "my_models.py"),
        (("broken.safetensors", "my_models:net", "data.npz"), "not a readable file of weights"),
    ],
)
def test_bad_input_is_refused_in_words_and_nothing_is_executed(
    given: tuple[str, str, str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save([1, 2], "list.pt")
    torch.save({"model": {"a": torch.zeros(1)}, "epoch": 3}, "whole.pt")
    Path("empty.pt").touch()
    torch.save(Trap(), "trap.pt")
    broken = {k: v * np.nan for k, v in load_file("net.safetensors").items()}
    save_file(broken, "nan.safetensors")
    Path("broken.safetensors").write_bytes(b"weights")
    np.savez("nan.npz", X=np.full((3, 5), np.nan))
    np.savez("words.npz", X=np.full((3, 5), "one"))
    np.savez("from_one.npz", X=np.zeros((3, 5), dtype=np.float32), y=[1, 2, 3])
    np.savez("labels.npz", X=np.zeros((3, 5)), y=np.zeros((2,), dtype=int))
    np.savez("wide.npz", X=np.zeros((3, 9), dtype=np.float32))
    weights, model, data = given
    assert inspect(weights, "--model", model, "--data", data) == 2
    said = capsys.readouterr()
    assert words in said.err and "Traceback" not in said.err and not said.out
    assert said.err.startswith("neuron-race: ")
    assert not Path("trapped").exists() and not Path("network.html").exists()


def test_data_of_objects_are_not_unpickled(folder: Path) -> None:
    np.savez("objects.npz", X=np.array([[Trap()], [Trap()]], dtype=object))
    with pytest.raises(UnreadableError, match="not a readable"):
        inspecting.read_data(Path("objects.npz"))
    assert not Path("trapped").exists()


def test_numbers_of_the_other_byte_order_are_read(folder: Path) -> None:
    X = np.arange(10.0).reshape(2, 5)
    np.savez("swapped.npz", X=X.astype(X.dtype.newbyteorder("S")))
    np.testing.assert_array_equal(inspecting.read_data(Path("swapped.npz"))[0].numpy(), X)


def test_help_needs_no_torch() -> None:
    code = "import sys; from neuron_race.own import commandline; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
