"""Figure of the claim convolution: filters as neurons, with and without batch norm."""

from neuron_race.figures import layerwise, style

NAMES = {
    "small": "small init",
    "batch_norm": "batch norm (control)",
    "lazy": "large init (control)",
}

LOST = "share lost of\nwhat was learned"
HALF = (
    ("lowest_50", "Lowest norm first, half kept", LOST),
    ("random_50", "Random half kept (control)", LOST),
)
PANELS = (*layerwise.PANELS[:-2], *HALF, *layerwise.PANELS[-2:])


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/convolution`` tables; returns the numbers drawn."""
    question = "Do filters race like neurons?"
    return layerwise.draw(tables, verdict, question, NAMES, "layer of filters", PANELS)
