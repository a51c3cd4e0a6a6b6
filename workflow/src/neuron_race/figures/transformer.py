"""Figure of the claim transformer: neurons of the MLP, with and without a path around it."""

from neuron_race.figures import layerwise, style

NAMES = {
    "no_skip": "no skip",
    "layer_norm": "layer norm",
    "skip": "skip",
    "lazy": "large init (control)",
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/transformer`` tables; returns the numbers drawn."""
    question = "Do neurons of a transformer's MLP race?"
    return layerwise.draw(tables, verdict, question, NAMES, "layer")
