"""Figure of the claim transformer: neurons of the MLP, with and without a path around it."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import layerwise

NAMES = {
    "no_skip": "no skip",
    "layer_norm": "layer norm",
    "skip": "skip",
    "lazy": "large init (control)",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/transformer`` tables; returns the numbers drawn."""
    question = "Do neurons of a transformer's MLP race?"
    return layerwise.draw(tables, verdict, question, NAMES, "layer")
