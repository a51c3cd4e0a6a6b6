"""Where tensors are computed with."""

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def driver() -> bool:
    """Whether this machine may have a device that torch calls ``cuda``: a driver of one is there.

    Told without torch, whose import takes a second.
    """
    if Path("/dev/kfd").exists():  # AMD's
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def choose_device(wanted: str = "auto") -> "torch.device":
    """``cpu``, ``cuda``, or ``auto``: CUDA where there is one.

    Raises:
        ValueError: CUDA asked for and absent.
    """
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: cuda was asked for, but torch finds no CUDA device here")
    cuda = wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if cuda else "cpu")
