"""Losses and their residuals, in torch; in NumPy they are in
:mod:`neuron_race.theory.equations`."""

import torch

Tensor = torch.Tensor


def residual(F: Tensor, Y: Tensor, kind: str) -> Tensor:
    """Residual r = -dl/df, shape of ``F (S, N, k)``; logistic with k > 1 is softmax."""
    if kind == "squared":
        return Y - F
    if F.shape[-1] == 1:
        return Y * torch.sigmoid(-Y * F)
    return Y - torch.softmax(F, dim=-1)


def mean_loss(F: Tensor, Y: Tensor, kind: str) -> Tensor:
    """Mean loss of each run (S,)."""
    if kind == "squared":
        return (Y - F).square().sum(dim=(1, 2)) / (2 * F.shape[1])
    if F.shape[-1] == 1:
        return -torch.nn.functional.logsigmoid(Y * F).sum(dim=(1, 2)) / F.shape[1]
    return -(Y * torch.log_softmax(F, dim=-1)).sum(dim=(1, 2)) / F.shape[1]
