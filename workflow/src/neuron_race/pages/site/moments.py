"""Where the race explorer opens for a claim: a run and a moment, as part of its address.

The top of ``explorer.js`` says what an address may hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from neuron_race.settings.resolved import sources

Run = Mapping[str, Any]
# What tells most of a criterion, by the table that it reads: moments, of which the first that a run
# has is shown, with what else is chosen. A start and an end every run has.
AT_DROP = (("drop", ""), ("end", ""))
AT_START = (("start", "&neuron=winner&colour=forecast"),)  # who wins is told before
TELLING = {
    "compression": (("end", "&colour=lane"),),  # what is merged or pruned is what is left
    "race": AT_START,
    "audit": AT_START,
    "late_winners": (("second", "&neuron=late"), *AT_DROP),
}


def fragment(criteria: Sequence[Run], shown: Mapping[str, Sequence[Run]]) -> str | None:
    """What follows the ``#``, for the first runs of a claim that are shown; None if none is.

    Args:
        criteria: the claim's, as registered.
        shown: ``experiment/condition`` -> descriptions of its runs
            (:func:`neuron_race.pages.trajectories.record`, with ``names``), the typical one first.
    """
    named = ((own["table"], runs) for own in criteria for _, runs in sources(own))
    found = next(((table, runs) for table, runs in named if runs in shown), None)
    if found is None:
        return None
    table, name = found
    for moment, more in TELLING.get(table, AT_DROP):
        for run in shown[name]:
            if moment in ("start", "end", *(phase["name"] for phase in run["phases"])):
                typical = any(one["name"] == "typical" for one in run["names"])
                seed = "" if typical else f"/{run['seed']}"
                return f"run={name}{seed}&t={moment}{more}"
    return None
