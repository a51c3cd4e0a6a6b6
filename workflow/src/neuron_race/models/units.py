"""Where hidden units sit in a PyTorch model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """Where a layer of hidden units sits in a model, by names of submodules.

    Attributes:
        incoming: ``nn.Linear`` or ``nn.Conv2d`` whose outputs are the preactivations.
        outgoing: ``nn.Linear`` or ``nn.Conv2d`` (stride 1) that reads the units. A linear map after
            filters is taken to read their mean over positions.
        normalisation: ``nn.BatchNorm2d`` between incoming map and ReLU, if there is one.
    """

    incoming: str
    outgoing: str
    normalisation: str | None = None
