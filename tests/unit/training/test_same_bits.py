"""The same bits from vectors of 64, 32 and 16 bytes, which flags of the compiler force.

Where a processor has no vectors of 64 bytes, those of 32 and 16 are compared.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_runs import problem
from test_stacked import MODELS

from neuron_race.common import instructions
from neuron_race.models import deep
from neuron_race.training import any_model, compiled_engine, compiled_passes
from neuron_race.training.recipe import FREEZE

Array = NDArray[Any]
OTHERS = {"32 bytes": ("-march=x86-64-v3",), "16 bytes": ("-march=x86-64-v3", "-DBYTES=16")}
# Samples, inputs, neurons, outputs: within a vector and a tile, and beyond (two chunks of blocks).
SIZES = [(1, 1, 1, 1), (7, 13, 9, 2), (97, 25, 70, 1), (200, 54, 300, 3), (1500, 7, 130, 10)]


pytestmark = pytest.mark.skipif(
    not instructions.available("avx2", "fma", "bmi2"), reason="the processor is no x86-64-v3"
)


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, libraries are those of another width."""

    def force() -> None:
        native = [flag for flag in compiled_engine.FLAGS if flag != "-march=native"]
        assert len(native) == len(compiled_engine.FLAGS) - 1
        monkeypatch.setattr(compiled_engine, "FLAGS", (*native, *OTHERS[request.param]))
        for module in (compiled_engine, compiled_passes):
            monkeypatch.setattr(module, "library", module.library.__wrapped__)

    return force


def test_vectors_are_as_wide_as_this_test_says(other: Callable[[], None]) -> None:
    before = compiled_engine.build()
    other()
    assert compiled_engine.build() != before


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_one_hidden_layer(other: Callable[[], None], loss: str, precision: str) -> None:
    def trained() -> list[Array]:
        found: list[Array] = []
        for (N, d, m, k), freeze in cases:
            kind: dict[str, Any] = {"N": N, "d": d, "m": m, "k": k, "loss": loss}
            arrays = [np.stack(Z) for Z in zip(*(problem(s, **kind) for s in (0, 1)), strict=True)]
            words = np.random.default_rng(0).integers(2**62, size=N)
            how: dict[str, Any] = {
                "loss": loss,
                "freeze": freeze,
                "learning_rate": 0.02,
                "precision": precision,
            }
            net = compiled_engine.Networks(*arrays, words, threads=2, **how)
            losses, _ = net.advance(40, np.empty((2, 0)), np.full(2, np.inf))
            W, A = net.weights()
            assert np.isfinite(losses).all()
            assert m == 1 or np.abs(W - arrays[2]).max() > 1e-4
            found += [losses, W, A, *net.gradients(), *net.gates()]
        return found

    cases: list[tuple[Any, tuple[str, ...]]] = [(size, ()) for size in SIZES]
    cases += [(SIZES[2], freeze) for freeze in [*((name,) for name in FREEZE), FREEZE]]
    here = trained()
    other()
    for ours, theirs in zip(here, trained(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("precision", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", MODELS)
def test_beyond_one_hidden_layer(
    other: Callable[[], None], name: str, precision: torch.dtype
) -> None:
    def passed() -> list[torch.Tensor]:
        found = []
        for N, loss, outputs in ((150, "squared", 1), (11, "logistic", 1), (33, "logistic", 3)):
            rng, model = np.random.default_rng(4), MODELS[name](outputs)
            start = deep.initial(model, "test", [0, 1], 1.0, precision)
            X = torch.as_tensor(rng.standard_normal((2, N, dim)), dtype=precision)
            Y = torch.eye(3)[rng.integers(3, size=(2, N))] if outputs == 3 else X[..., :1].sign()
            losses, F, slopes = any_model.gradients(model, loss)(start, X, Y.to(X))
            assert all(slope.any() for slope in slopes.values())
            found += [z.clone() for z in (losses, F, *slopes.values())]
        return found

    dim = 48 if "coloured" in name else 16
    here = passed()
    other()
    for ours, theirs in zip(here, passed(), strict=True):
        assert torch.equal(ours, theirs)


REPORT = """
import json
import numpy._core._multiarray_umath as umath, scipy.linalg, threadpoolctl, torch
wide = [name for name in umath.__cpu_dispatch__ if "V4" in name or "512" in name]
pools = threadpoolctl.threadpool_info()
print(json.dumps({
    "openblas": sorted({p["architecture"] for p in pools if p["internal_api"] == "openblas"}),
    "numpy": [name for name in wide if umath.__cpu_features__[name]],
    "torch": torch.backends.cpu.get_cpu_capability(),
}))
"""


def test_libraries_use_the_same_code_in_every_job() -> None:
    def found() -> dict[str, Any]:
        command = [sys.executable, "-c", REPORT]
        read: dict[str, Any] = json.loads(subprocess.check_output(command))
        return read

    with mock.patch.dict(os.environ):
        for name in instructions.SETTINGS:
            os.environ.pop(name, None)
        instructions.settle()
        assert found() == {"openblas": ["Haswell"], "numpy": [], "torch": "AVX2"}
        os.environ["ATEN_CPU_CAPABILITY"] = "default"
        instructions.settle()  # what is said already stands
        assert found()["torch"] == "DEFAULT"
    snakefile = Path(__file__).parents[3].joinpath("Snakefile").read_text(encoding="utf-8")
    assert snakefile.count("\ninstructions.settle()\n") == 1  # it starts all jobs
