"""What a column of a table of runs is: its kind, range and meaning, known before anything runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from string import Formatter
from typing import Any

# All options of a condition, and ``outputs``, the number of outputs that its data ask for.
Options = Mapping[str, Any]
ZERO_OR_ONE, COUNT, SHARE, REAL = "0 or 1", "count", "share", "real"
KINDS = (ZERO_OR_ONE, COUNT, SHARE, REAL)


@dataclass(frozen=True)
class Statistic:
    """A column of one number per run, or a pattern of such columns.

    Attributes:
        name: of the column; a part in braces stands for each value of the table's :class:`Part`.
        meaning: one plain sentence.
        kind: one of :data:`KINDS`: 0 or 1 in each run (a proportion over runs), a whole number, a
            share in [0, 1], or any real number.
        low: no value is below.
        high: no value is above; the name of an option stands for what the condition says.
        unit: empty for a pure number.
        equation: of ``paper_notes.md``, if there is one.
        never: where the column is there and always undefined, in words.
        undefined: whether it is, by the condition's options.
    """

    name: str
    meaning: str
    kind: str = REAL
    low: float = -math.inf
    high: float | str = math.inf
    unit: str = ""
    equation: str = ""
    never: str = ""
    undefined: Callable[[Options], bool] = lambda options: False

    def range(self, options: Options) -> tuple[float, float]:
        """Lowest and highest possible value in a condition, infinite where there is no bound."""
        return self.low, options[self.high] if isinstance(self.high, str) else self.high


def zero_or_one(name: str, meaning: str, **rest: Any) -> Statistic:
    """A statistic that is 0 or 1 in each run."""
    return Statistic(name, meaning, ZERO_OR_ONE, 0, 1, **rest)


def count(name: str, meaning: str, high: float | str = math.inf, **rest: Any) -> Statistic:
    """A whole number, at least 0."""
    return Statistic(name, meaning, COUNT, 0, high, **rest)


def share(name: str, meaning: str, **rest: Any) -> Statistic:
    """A part of a whole, from 0 to 1."""
    return Statistic(name, meaning, SHARE, 0, 1, **rest)


def cosine(name: str, meaning: str, **rest: Any) -> Statistic:
    """A cosine or a correlation, from -1 to 1."""
    return Statistic(name, meaning, REAL, -1, 1, **rest)


def positive(name: str, meaning: str, **rest: Any) -> Statistic:
    """A real number, at least 0."""
    return Statistic(name, meaning, REAL, 0, **rest)


def points(name: str, meaning: str, **rest: Any) -> Statistic:
    """A difference of two percentages."""
    return Statistic(name, meaning, REAL, -100, 100, unit="percentage points", **rest)


@dataclass(frozen=True)
class Part:
    """What a part in braces of a column's name stands for.

    Attributes:
        meaning: in words, with the values if they depend on settings.
        values: its values, or what gives them from a condition's options; none if the columns are
            not there.
    """

    meaning: str
    values: Sequence[str] | Callable[[Options], Sequence[str]]

    def of(self, options: Options) -> Sequence[str]:
        """The values in a condition."""
        return self.values(options) if callable(self.values) else self.values


@dataclass(frozen=True)
class Table:
    """Files that a job writes about the conditions of an experiment.

    Attributes:
        about: what they tell, in one plain sentence.
        files: CSV files by name, each with what a row of it is; criteria read ``runs`` alone.
        statistics: columns of ``runs``, beside ``seed`` and ``condition``.
        parts: of their names.
    """

    about: str
    files: Mapping[str, str]
    statistics: tuple[Statistic, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)

    def _values(self, name: str, options: Options) -> dict[str, Sequence[str]]:
        """Values of each part of a name; a part that occurs twice has one value."""
        used = [part for _, part, _, _ in Formatter().parse(name) if part is not None]
        return {part: self.parts[part].of(options) for part in used}

    def columns(self, options: Options) -> dict[str, Statistic]:
        """Columns that a condition has, by name."""
        found = {}
        for statistic in self.statistics:
            values = self._values(statistic.name, options)
            for chosen in product(*values.values()):
                own = dict(zip(values, chosen, strict=True))
                found[statistic.name.format(**own)] = statistic
        return found

    def listed(self, options: Options) -> list[str]:
        """The same in short: values of a part in braces, as in ``clusters_{95,99}``."""
        found = []
        for statistic in self.statistics:
            values = self._values(statistic.name, options)
            if all(values.values()):
                short = {
                    part: own[0] if len(own) == 1 else f"{{{','.join(own)}}}"
                    for part, own in values.items()
                }
                found.append(statistic.name.format(**short))
        return found
