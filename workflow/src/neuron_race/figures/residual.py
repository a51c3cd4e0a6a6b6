"""Figure of the claim residual: blocks with and without skip paths, block by block."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import layerwise

NAMES = {
    "plain": "no skip",
    "plain_longer": "no skip, longer",
    "skip": "skip",
    "inverse_sqrt": "skip, 1/√L",
    "fixup": "skip, Fixup",
    "lazy": "large init (control)",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/residual`` tables; returns the numbers drawn."""
    return layerwise.draw(tables, verdict, "Does the race survive skip paths?", NAMES, "block")
