"""What is asked of the networks of each universe: one number or two for each core claim."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import average
from neuron_race.data.loader import Images
from neuron_race.measures.judged import Judged
from neuron_race.studies.trained.multiverse import begin, kept_events
from neuron_race.training.recipe import snapshot_at
from neuron_race.training.runs import Runs, Trained

Array = NDArray[Any]
Universe = Mapping[str, Any]


def table(
    universes: Iterable[Universe], arrays: Mapping[str, Array], images: Mapping[str, Images]
) -> pd.DataFrame:
    """One row for each task of each universe.

    Args:
        universes: with what they are asked.
        arrays: of all of them, see :func:`neuron_race.studies.trained.multiverse.train`.
        images: fetched ones, by name.
    """
    rows, by_universe = [], defaultdict[str, dict[str, Array]](dict)
    for name, array in arrays.items():
        number, _, key = name.partition(".")
        by_universe[number][key] = array
    for universe in universes:
        own = by_universe[str(universe["universe"])]
        trained = restored(universe, own, images)
        for s, pair in enumerate(universe["classes"]):
            rows.append(
                {
                    "universe": universe["universe"],
                    "seed": universe["options"]["seeds"][s],
                    "task": "-".join(map(str, pair)),
                    **universe["decisions"],
                    "learning_rate": float(own["learning_rate"]),
                    "halvings": int(own["halvings"]),
                    "steps": int(own["step"][-1]),
                    **_asked(trained, s, own, universe["judged"]),
                }
            )
    return pd.DataFrame(rows)


def restored(universe: Universe, own: Mapping[str, Array], images: Mapping[str, Images]) -> Trained:
    """A universe's runs as trained, with weights at the events at which they were kept."""
    start, options = begin(universe, images), universe["options"]
    events = kept_events(universe)
    S, E = own["event_step"].shape
    W_events, A_events = (np.full((S, E, *own[name].shape[2:]), np.nan) for name in ("W", "A"))
    W_events[:, events], A_events[:, events] = own["W"], own["A"]
    step, loss, event_step = (own[key] for key in ("step", "loss", "event_step"))
    runs = Runs(step, loss, event_step, W_events, A_events)
    return Trained(start, runs, {**options, "learning_rate": float(own["learning_rate"])})


def _asked(
    trained: Trained, s: int, own: Mapping[str, Array], judged: Universe
) -> dict[str, float]:
    """One task, asked as its universe says."""
    events, reached = trained.recipe.events, trained.runs.event_step[s]

    def event(lost: float) -> int:
        return trained.event(f"drop_{round(100 * lost):02d}")

    drop = int(reached[event(judged["drop"])])
    at = len(events) - 1 if judged["moment"] == "end" else event(1 - judged["moment"])
    there = bool(reached[at] >= 0)
    one = Judged(trained, s, own["cos_delta"][s], drop, at if there else -1, judged["cosine"])
    then = snapshot_at(trained.runs.step, max(drop, 0))  # no weights need be kept of the drop
    aligned = average(own["cos_delta"][s, then], weights=own["norm_product"][s, then])
    return {
        "drop_step": drop if drop >= 0 else np.nan,
        "reached": float(there),
        "alignment_at_drop": float(aligned) if drop >= 0 else np.nan,
        **one.statistics(),
    }
