"""Single-hidden-layer ReLU networks f(x) = sum_j a_j relu(w_j . x): initialisation and output.

A bias is a constant feature 1 appended to the inputs, so ``w_j`` includes it.
"""

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.seeds import stream

Array = NDArray[np.float64]
HEADS = ("balanced", "gaussian", "pytorch", "spread")
SPREAD = 0.75  # of the logarithm of a neuron's own scale, with the head `spread`


def initialise(
    name: str, seed: int, width: int, dim: int, outputs: int, head: str, alpha: float
) -> tuple[Array, Array]:
    """Draw the weights of one network.

    One base draw, named by ``(name, seed)``, serves every head and scale: conditions are paired.

    Args:
        name: experiment that names the random stream.
        seed: init seed.
        width: number of hidden neurons m.
        dim: input dimension d (with the bias feature, if there is one).
        outputs: output dimension k.
        head: law of the outgoing weights before scaling. ``gaussian``: entries N(0, 1/k),
            independent of the incoming weights, which are N(0, 1/d); ``balanced``: the gaussian
            directions with ``|a_j| = |w_j|``, so that Q_j = 0 (E2); ``pytorch``: the default of
            ``torch.nn.Linear``, uniform on ±1/sqrt(fan-in), in both layers; ``spread``: gaussian,
            with both layers of each neuron times exp(.75 z), z standard normal.
        alpha: init scale, multiplies both layers.

    Returns:
        ``W (m, d)`` and ``A (m, k)``.

    Raises:
        ValueError: unknown head.
    """
    W = stream(name, seed, "incoming").standard_normal((width, dim))
    A = stream(name, seed, "outgoing").standard_normal((width, outputs))
    if head == "pytorch":
        from scipy.special import ndtr  # slow to import, and most jobs that read runs do without

        W, A = ((2 * ndtr(Z) - 1) / np.sqrt(fan) for Z, fan in ((W, dim), (A, width)))
    elif head in HEADS:
        W, A = W / np.sqrt(dim), A / np.sqrt(outputs)
        if head == "spread":
            own = np.exp(SPREAD * stream(name, seed, "spread").standard_normal((width, 1)))
            W, A = own * W, own * A
        if head == "balanced":
            A *= np.linalg.norm(W, axis=1, keepdims=True) / np.linalg.norm(A, axis=1, keepdims=True)
    else:
        raise ValueError(f"head: {head!r} is none of {', '.join(HEADS)}")
    return alpha * W, alpha * A


def forward(X: Array, W: Array, A: Array) -> Array:
    """Output f(X) of shape (..., N, k), for inputs (..., N, d), weights (..., m, d), (..., m, k).

    Columns of ``W`` beyond those of ``X`` belong to directions orthogonal to the data.
    """
    return hidden(X, W) @ A


def hidden(X: Array, W: Array) -> Array:
    """Activations (..., N, m) of the neurons, for the same inputs and weights."""
    W = W[..., : X.shape[-1]]
    return np.maximum(X @ np.swapaxes(W, -1, -2), 0.0)


def loss(F: Array, Y: Array, kind: str) -> Array:
    """Mean loss over samples, shape (...): 1/2 squared error, or logistic.

    The logistic loss takes targets ±1 for one output and one-hot targets (softmax) for several.
    """
    if kind == "squared":
        return 0.5 * ((Y - F) ** 2).sum(axis=-1).mean(axis=-1)
    if F.shape[-1] == 1:
        return np.logaddexp(0.0, -Y * F)[..., 0].mean(axis=-1)
    top = F.max(axis=-1, keepdims=True)
    log_normaliser = np.log(np.exp(F - top).sum(axis=-1)) + top[..., 0]
    return (log_normaliser - (Y * F).sum(axis=-1)).mean(axis=-1)


def accuracy(F: Array, Y: Array) -> Array:
    """Fraction of samples with the right sign (k = 1) or the right largest output, shape (...)."""
    if F.shape[-1] == 1:
        return (F * Y > 0)[..., 0].mean(axis=-1)
    return (F.argmax(axis=-1) == Y.argmax(axis=-1)).mean(axis=-1)
