"""What became of a network that was merged or pruned, in numbers and words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuron_race.models import smaller

Array = NDArray[np.float64]


def told(number: float, form: str) -> str:
    """A number in a format; a dash where it is undefined."""
    return "–" if np.isnan(number) else format(number, form)


@dataclass(frozen=True)
class LayerReport:
    """A layer before and after.

    Attributes:
        name: of the submodule that makes the units.
        units, kept: how many there were, and are.
        groups: how many of those kept stand for several that did the same.
        silent: how many units were closed on all the data.
        norm_product: c_j = |a_j| |w_j| before, (units,).
    """

    name: str
    units: int
    kept: int
    groups: int
    silent: int
    norm_product: Array

    def held_by(self, share: float) -> float:
        """Part of the summed norm products that the largest such share of the units holds."""
        return smaller.held(self.norm_product, share)


@dataclass(frozen=True)
class Report:
    """What merging or pruning did; ``print`` shows it as a table.

    Attributes:
        done: what was done, in words.
        layers: those changed, or looked at and left.
        refused: reason by name for each map whose units could not be read or taken out.
        bound: of each sample's change, (N,); infinite where the way to the output has parts whose
            stretch is not known. Rounding, of the order of 1e-6 of the output in single precision,
            comes on top.
        change: of each sample's output, (N,): length of the difference.
        size: length of each sample's output before, (N,).
        parameters: how many before and after.
    """

    done: str
    layers: tuple[LayerReport, ...]
    refused: dict[str, str]
    bound: Array
    change: Array
    size: Array
    parameters: tuple[int, int]

    @property
    def widths(self) -> dict[str, int]:
        """Units kept, by the layers' names."""
        return {layer.name: layer.kept for layer in self.layers}

    @property
    def relative_change(self) -> float:
        """Root mean square change of the output over its root mean square."""
        size = float(np.sqrt((self.size**2).mean()))
        return float(np.sqrt((self.change**2).mean())) / size if size > 0 else np.nan

    def first_line(self) -> str:
        """The upshot."""
        before = sum(layer.units for layer in self.layers)
        after = sum(layer.kept for layer in self.layers)
        if not self.layers:
            return (
                "Nothing here could be read: no hidden layer of ReLU units that can be taken out."
            )
        if after == before:
            return f"Nothing to take out ({self.done}): all {before} units stay, to the bit."
        weights, left = self.parameters
        silent = sum(layer.silent for layer in self.layers)
        idle = silent and not any(layer.groups for layer in self.layers)
        start = "No two units do the same; some never open on these data. " if idle else ""
        return (
            f"{start}{before} units became {after} ({self.done}); {weights:,} parameters became "
            f"{left:,}, {left / weights:.0%} of them."
        )

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [
            ("layer", "units", "kept", "groups", "silent", "top fifth holds")
        ]
        rows += [
            (
                layer.name,
                *(str(n) for n in (layer.units, layer.kept, layer.groups, layer.silent)),
                told(layer.held_by(0.2), ".0%"),
            )
            for layer in self.layers
        ]
        if not self.layers:
            return "\n".join([self.first_line(), *self._left()])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [self.first_line(), ""]
        for name, *cells in rows:
            numbers = (cell.rjust(w) for cell, w in zip(cells, widths[1:], strict=True))
            lines.append("  ".join([name.ljust(widths[0]), *numbers]))
        return "\n".join([*lines, "", self.told_change(), *self._left()])

    def _left(self) -> list[str]:
        return [f"Left as it is: {name}: {reason}." for name, reason in self.refused.items()]

    def told_change(self) -> str:
        """Change and bound in a sentence."""
        if not self.change.any() and not self.bound.any():
            return "The output stays as it is."
        largest, bound = float(self.change.max()), float(self.bound.max())
        limit = (
            f"by the bound at most {bound:.2g}, and rounding"
            if np.isfinite(bound)
            else "no bound at the output: parts on the way there have no known stretch"
        )
        return (
            f"The output moves by {told(self.relative_change, '.1%')} of its size (root mean "
            f"square), on no sample by more than {largest:.2g} of {np.median(self.size):.2g}; "
            f"{limit}."
        )
