"""The largest learning rate at which a small network is stable, from its inputs alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Largest second derivative of the loss by the output.
BEND = {"squared": 1.0, "logistic": 0.25}


def stable_rate(X: Array, loss: str) -> float:
    """Rate 1/(b sqrt(L)), L the largest eigenvalue of the inputs' second moment.

    Neurons of one direction v, together of norm product c and balanced, have on the samples on
    which they are open the output f = c v . x, with derivatives sqrt(c) x by w and sqrt(c) v . x by
    a. So the Gauss-Newton curvature of the loss is at most 2 c b L, where b is the largest second
    derivative by the output (1, or for the logistic loss 1/4). Along the top eigenvector targets of
    size 1 are fitted with c of at most 1/sqrt(L): the curvature is then 2 b sqrt(L), and gradient
    descent is stable up to two over it. Weaker directions are fitted by a larger c, so that rates
    in use should be below this one by some factor.

    Args:
        X: inputs (N, d), with the constant feature of a bias.
        loss: ``squared`` or ``logistic``.
    """
    return float(1 / (BEND[loss] * np.sqrt(np.linalg.eigvalsh(X.T @ X / len(X))[-1])))
