"""Figure of the claim depth: one to five hidden layers, layer by layer."""

from neuron_race.figures import layerwise, style

NAMES = {
    **{f"depth{n}": f"{n} hidden" for n in range(1, 6)},
    "fitted": "3, trained on",
    "lazy": "3, large init (control)",
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/depth`` tables; returns the numbers drawn."""
    return layerwise.draw(tables, verdict, "Does every hidden layer race?", NAMES)
