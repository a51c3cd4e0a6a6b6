"""Figure of the claim transformer: neurons of the MLP, with and without a path around it."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import layerwise

NAMES = {
    "no_skip": "no skip",
    "layer_norm": "no skip, layer norm",
    "skip": "skip",
    "lazy": "no skip, large init",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/transformer`` tables; returns the numbers drawn."""
    return layerwise.draw(tables["extension/transformer/details.csv"], verdict, NAMES)
