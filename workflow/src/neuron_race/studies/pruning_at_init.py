"""Tickets of neurons before training, compared: how well and how fast they learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import ratio
from neuron_race.models import shallow
from neuron_race.studies.architectures import Data, Runs
from neuron_race.studies.trained import networks

Array = NDArray[Any]


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Compare all tickets.

    ``details``: one row per run and ticket. ``runs``: of each arm and per cent of neurons kept
    ``loss_<arm>_<percent>`` (final loss over initial), ``course_<arm>_<percent>`` (relative loss,
    mean over all steps: low for fast and good training), ``test_<arm>_<percent>`` (accuracy).
    Arms with ``_layers`` keep the same fraction in each layer. The arm ``lanes`` is the forecast,
    stratified: the first of each lane, then the second of each. Tickets are undefined where the
    full network never dropped, where nothing was pruned, and where the arm has no finite scores.
    """
    rows, details = [], []
    for name, options in conditions.items():
        own = tickets(networks.begin(target, options, data).given, runs[name])
        wide = own.pivot(
            index="seed", columns=["arm", "percent"], values=["loss", "course", "test"]
        )
        wide.columns = [f"{what}_{arm}_{percent}" for what, arm, percent in wide.columns]
        rows.append(wide.reset_index().assign(condition=name))
        details.append(own.assign(condition=name))
    return {"runs": pd.concat(rows), "details": pd.concat(details)}


def tickets(given: networks.Problem, arrays: Mapping[str, Array]) -> pd.DataFrame:
    """One row per run and ticket of a condition."""
    found = []
    for path in (name.rpartition("/")[0] for name in arrays if name.endswith("/loss")):
        percent, arm = path.split("/")
        loss, drop_step, outputs, whole = (
            arrays[f"{path}/{name}"] for name in ("loss", "drop_step", "outputs", "whole")
        )
        relative = ratio(loss, loss[:, :1])
        no_score = arrays.get(f"no_score/{arm.removesuffix('_layers')}", np.False_)
        found.append(
            pd.DataFrame(
                {
                    "seed": given.seeds,
                    "arm": arm,
                    "percent": int(percent),
                    "loss": relative[:, -1],
                    "course": relative.mean(axis=1),
                    "drop_step": drop_step,
                    "gone": whole | no_score,
                    "test": shallow.accuracy(outputs, given.Y_test.numpy()),
                }
            )
        )
    table = pd.concat(found, ignore_index=True)
    never = table.loc[(table["arm"] == "full") & (table["drop_step"] < 0), "seed"]
    gone = table.pop("gone") | (table["seed"].isin(never) & (table["arm"] != "full"))
    table.loc[gone, ["loss", "course", "drop_step", "test"]] = np.nan
    return table
