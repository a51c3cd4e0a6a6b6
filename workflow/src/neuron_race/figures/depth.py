"""Figure of the claim depth: one to five hidden layers, layer by layer."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from neuron_race.figures import layerwise

NAMES = {
    **{f"depth{n}": f"{n} hidden" for n in range(1, 6)},
    "fitted": "3, trained on",
    "lazy": "3, large init (control)",
}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``extension/depth`` tables; returns the numbers drawn."""
    return layerwise.draw(tables, verdict, "Does every hidden layer race?", NAMES)
