"""What core claims are about, at each moment at which weights were kept, as a tidy table."""

import numpy as np
import pandas as pd

from neuron_race.measures.judged import Judged
from neuron_race.training.runs import Trained


def tables(trained: Trained) -> dict[str, pd.DataFrame]:
    """Tidy table ``runs`` of a condition: one row per run, a column per statistic and moment.

    A moment is named by the percentage of the initial loss that is lost by then, or ``end``; its
    statistics are undefined where the loss never got there.
    """
    events = trained.recipe.events[1:]  # at init nothing is to be judged
    rows = []
    for s, seed in enumerate(trained.start.seed):
        row: dict[str, float] = {"seed": int(seed)}
        for event in events:
            found = _at(trained, s, event)
            row |= {f"{name}_{event.removeprefix('drop_')}": found[name] for name in found}
        rows.append(row)
    return {"runs": pd.DataFrame(rows)}


def _at(trained: Trained, s: int, event: str) -> dict[str, float]:
    made, at = trained.runs, trained.event(event)
    step, drop = (int(made.event_step[s, i]) for i in (at, trained.event("drop_10")))
    one = Judged(trained, s, made.measured["cos_delta"][s], drop, at if step >= 0 else -1)
    found = {"step": float(step), "alignment": one.alignment(), **one.statistics()}
    return found if step >= 0 else dict.fromkeys(found, np.nan)
