"""Figure of the claim convolution: filters as neurons, with and without batch normalisation."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import layerwise

NAMES = {
    "small": "small init",
    "batch_norm": "batch norm",
    "lazy": "large init",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/convolution`` tables; returns the numbers drawn."""
    return layerwise.draw(
        tables["extension/convolution/details.csv"], verdict, NAMES, ("lazy", "batch_norm")
    )
