"""Designed initial weights against standard draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.common.defined import ratio
from neuron_race.studies import architectures
from neuron_race.studies.architectures import Data, Runs
from neuron_race.studies.trained import initialization, networks


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Statistics of the layer as in :mod:`architectures`, and the compute up to the drop.

    Adds ``work_to_drop`` (steps to the drop, those of the design included), ``log_work``, and
    ``merged`` (number of clusters). The two and the final loss are undefined where a run never
    dropped, lest designs be compared by what they were given. ``details``: loss against work.
    """
    rows, details = [], []
    for name, options in conditions.items():
        spent = initialization.spent(options)
        start = initialization.begin(target, options, data)
        trained = networks.recall(start, runs[name])
        history, given = trained.history, start.given
        own = architectures.rows(trained, target)
        own["work_to_drop"] = own["drop_step"] + spent
        own["log_work"] = np.log(own["work_to_drop"])
        own["merged"] = own["clusters_per_neuron"] * own["active"] * options["width"]
        own.loc[own["drop_step"].isna(), ["merged", "loss_end"]] = np.nan
        rows.append(own.assign(condition=name))
        loss = ratio(history.loss, history.loss[:, :1])
        details += [
            {"seed": seed, "condition": name, "work": spent + step, "loss": loss[run, step]}
            for run, seed in enumerate(given.seeds)
            for step in range(0, loss.shape[1], max(1, loss.shape[1] // 80))
        ]
    return {"runs": pd.concat(rows), "details": pd.DataFrame(details)}
