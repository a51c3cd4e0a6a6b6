"""Figure of the claim residual: blocks with and without skip paths, block by block."""

from neuron_race.figures import layerwise, style

NAMES = {
    "plain": "no skip",
    "plain_longer": "no skip, longer",
    "skip": "skip",
    "inverse_sqrt": "skip, 1/√L",
    "fixup": "skip, Fixup",
    "lazy": "large init (control)",
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``extension/residual`` tables; returns the numbers drawn."""
    return layerwise.draw(tables, verdict, "Does the race survive skip paths?", NAMES, "block")
