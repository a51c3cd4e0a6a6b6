"""How far long work is, told now and then on standard error."""

import sys
import time

import numpy as np
from numpy.typing import NDArray

EVERY = 10.0  # seconds


class Progress:
    """Tells step, loss and seconds of a training, at most once in ten seconds.

    Args:
        label: what is trained; nothing is told if empty.
        steps: the step budget.
    """

    def __init__(self, label: str, steps: int):
        self.label, self.steps = label, steps
        self.began = self.told = time.monotonic()

    def tell(self, step: int, losses: NDArray[np.float64]) -> None:
        """Tell that a step is reached, and the mean of the runs' losses, if it is time to."""
        if not self.label or time.monotonic() - self.told <= EVERY:
            return
        self.told = time.monotonic()
        print(
            f"{self.label}: step {step}/{self.steps}, loss {losses.mean():.4g}, "
            f"{self.told - self.began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
