"""Fixtures for tests of all folders."""

import os

from neuron_race.common import instructions

instructions.settle()  # as for jobs, and before anything imports NumPy: figures have the same bytes

import pytest
import torch
from smoke_run import finished, project, smoke

__all__ = ["device", "finished", "project", "smoke"]
# What computes on a GPU is compared with the same independent computation as on the CPU.
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """A device that training is tested on."""
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes test, none waits for another, and short files fill what is left.

    The first file lets the smoke run be made; those that do without it follow, then the others.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        waiting = [i.path for i in items if "smoke" in getattr(i, "fixturenames", ())]
        items.sort(
            key=lambda item: (
                "unit" in item.path.parts,
                item.path not in waiting[:1],
                item.path in waiting,
            )
        )
