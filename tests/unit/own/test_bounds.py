"""How far the rest of a network stretches distances: never more than is said."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx, nn
from torch.nn import functional as F

from neuron_race.own import bounds

Size = tuple[int, int]
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3))


class Calls(nn.Module):
    """A function as a part of a network."""

    def __init__(self, function: Any, *given: Any, **named: Any):
        super().__init__()
        self.function, self.given, self.named = function, given, named

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.given, **self.named)


def said(part: nn.Module) -> float:
    """The bound of a part, alone between reader and output."""
    model = nn.Sequential(nn.Identity(), part)
    nodes = [n for n in fx.Tracer().trace(model).nodes if n.op not in ("placeholder", "output")]
    return bounds.stretch(model, nodes[1:])


def stretched(part: nn.Module, side: int = 7) -> float:
    """Largest singular value of a part's Jacobian at a random input of two channels."""
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(part, x).reshape(-1, x.numel())
    return float(torch.linalg.matrix_norm(jacobian, 2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**20), SIZES, SIZES, SIZES, st.integers(0, 3), st.booleans())
def test_a_convolution_stretches_no_more_than_is_said(
    seed: int, kernel: Size, stride: Size, dilation: Size, padding: int, alike: bool
) -> None:
    torch.manual_seed(seed)
    part = nn.Conv2d(2, 3, kernel, stride, padding, dilation, dtype=torch.float64)
    with torch.no_grad():
        part.weight.fill_(1.0) if alike else part.weight.normal_()  # alike: all taps add up
    assert stretched(part) <= said(part) * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**20), SIZES, SIZES, SIZES, st.booleans())
def test_pooling_stretches_no_more_than_is_said(
    seed: int, kernel: Size, stride: Size, dilation: Size, functional: bool
) -> None:
    torch.manual_seed(seed)
    taken: nn.Module = nn.MaxPool2d(kernel, stride, 0, dilation)
    mean: nn.Module = nn.AvgPool2d(kernel, stride)
    if functional:
        taken = Calls(F.max_pool2d, kernel, stride, dilation=dilation)
        mean = Calls(F.avg_pool2d, list(kernel), stride)
    for part in (taken, mean):
        assert stretched(part) <= said(part) * (1 + 1e-9) < math.inf


def test_dilation_shares_its_steps_with_the_stride() -> None:
    ones = nn.Conv2d(1, 1, 3, stride=2, dilation=2, bias=False)
    nn.init.ones_(ones.weight)
    assert said(ones) == pytest.approx(9.0)
    assert said(nn.MaxPool2d(3, 2, dilation=2)) == pytest.approx(3.0)
    assert said(nn.MaxPool2d(3, 2)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "part",
    [
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.AvgPool2d(2, divisor_override=1),
        Calls(F.avg_pool2d, 2, divisor_override=1),
        Calls(lambda x: F.avg_pool2d(x, x.size(2))),
        nn.GELU(),
    ],
)
def test_what_is_not_known_has_no_bound(part: nn.Module) -> None:
    assert said(part) == math.inf
