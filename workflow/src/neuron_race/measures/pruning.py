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


def greedy_order_squared(contribution: Array, Y: Array) -> NDArray[np.int64]:
    """The same for the squared loss, which inner products of the contributions tell.

    Adding g_j to the output f changes half of the squared error by |g_j|^2/2 - g_j . (Y - f).
    """
    flat = contribution.reshape(len(contribution), -1)
    products = flat @ flat.T
    change = np.diag(products) / 2 - flat @ Y.ravel()
    order = np.empty(len(flat), dtype=np.int64)
    for place in range(len(order)):
        order[place] = best = np.argmin(change)
        change = change + products[best]
        change[best] = np.inf
    return order
