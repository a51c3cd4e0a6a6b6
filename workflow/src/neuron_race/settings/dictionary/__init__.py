"""The dictionary of statistics: what each table of runs has to say, before anything runs.

It is read with the settings, and stands apart from the modules that compute the statistics: those
take seconds to import, and a better word for a statistic must not train anything again. Tests hold
it against what these modules write. ``docs/statistics.md`` is made of it.
"""

from neuron_race.data import kind
from neuron_race.settings.dictionary import experiments, late_winners, laws, moments, tickets
from neuron_race.settings.dictionary.extensions import STUDIES
from neuron_race.settings.dictionary.multiverse import MULTIVERSE
from neuron_race.settings.dictionary.statistic import Options, Part, Statistic, Table

# Of experiments; :data:`MULTIVERSE` is of none, and no criterion reads it.
TABLES = {
    "dynamics": experiments.DYNAMICS,
    "race": experiments.RACE,
    "compression": experiments.COMPRESSION,
    "moments": moments.MOMENTS,
    "tickets": tickets.TICKETS,
    "audit": experiments.AUDIT,
    "laws": laws.LAWS,
    "delays": laws.DELAYS,
    "late_winners": late_winners.LATE_WINNERS,
    "figure_1": experiments.FIGURE_1,
    "weights": tickets.WEIGHTS,
}

__all__ = [
    "MULTIVERSE",
    "STUDIES",
    "TABLES",
    "Options",
    "Part",
    "Statistic",
    "Table",
    "outputs",
    "table",
]
# Tables made only of conditions that a criterion reads from them.
SELECTIVE = ("tickets", "audit", "laws", "delays", "late_winners")


def table(name: str, options: Options) -> Table:
    """A table of a condition; that of an extension depends on its study."""
    return STUDIES[options["study"]] if name == "extension" else TABLES[name]


def outputs(dataset: Options) -> int:
    """Outputs that a data set asks for: one, or one for each class of three or more."""
    return kind.of(dataset["kind"]).outputs(dataset)
