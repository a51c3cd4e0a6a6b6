"""Which neurons a greedy oracle keeps; by scores, see :mod:`neuron_race.models.smaller`."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def greedy_order(
    contribution: Array, Y: Array, loss: Callable[[Array, Array], Array]
) -> NDArray[np.int64]:
    """Oracle: add neurons one at a time, each the one that lowers the training loss the most.

    Args:
        contribution: output of each neuron, (m, N, k).
        Y: targets (N, k).
        loss: maps outputs (..., N, k) and targets to losses (...).

    Returns:
        Neurons in the order in which they were chosen (m,).
    """
    left = list(range(len(contribution)))
    output = np.zeros_like(Y)
    order = []
    while left:
        best = left.pop(int(np.argmin(loss(output + contribution[left], Y))))
        output = output + contribution[best]
        order.append(best)
    return np.asarray(order, dtype=np.int64)
