"""Can one training serve all sizes? Pruned after it, pruned before, and small from the start."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from neuron_race.common.defined import ratio
from neuron_race.models import deep, shallow
from neuron_race.models.losses import mean_loss
from neuron_race.studies.architectures import Data, Runs
from neuron_race.studies.trained import networks, sizes
from neuron_race.studies.trained.networks import Parameters
from neuron_race.training import any_model


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Compare the arms at each size.

    ``details``: one row per run, arm and percentage of neurons: ``loss``, the final training loss
    over that of f = 0, and ``test``, the accuracy. ``runs``: the same as ``loss_<arm>_<percent>``
    and ``test_<arm>_<percent>``; ``full`` at 100 is the whole network.
    """
    rows = []
    for name, options in conditions.items():
        start = networks.begin(target, options, data)
        full = networks.stored(runs[name], sizes.FULL)
        ends = {("full", 100): full}
        for percent in options["percents"]:
            ends["after", percent] = sizes.largest(start, full, full, sizes.size(options, percent))
            for arm in ("before", "small"):
                ends[arm, percent] = networks.stored(runs[name], f"{percent}/{arm}")
        for (arm, percent), weights in ends.items():
            own = _judged(start, options, weights)
            rows.append(own.assign(arm=arm, percent=percent, condition=name))
    details = pd.concat(rows, ignore_index=True)
    wide = details.pivot(
        index=["condition", "seed"], columns=["arm", "percent"], values=["loss", "test"]
    )
    wide.columns = [f"{what}_{arm}_{percent}" for what, arm, percent in wide.columns]
    return {"runs": wide.reset_index(), "details": details}


def _judged(start: networks.Start, options: Mapping[str, Any], weights: Parameters) -> pd.DataFrame:
    """Loss over that of f = 0, and test accuracy, of each run."""
    given = start.given
    width = weights["head.weight"].shape[2]
    model = deep.build({**options, "width": width}, given.X.shape[2], given.Y.shape[2])
    loss = mean_loss(any_model.outputs(model, weights, given.X), given.Y, given.loss)
    zero = mean_loss(torch.zeros_like(given.Y), given.Y, given.loss)
    F = any_model.outputs(model, weights, given.X_test)
    test = shallow.accuracy(F.numpy(), given.Y_test.numpy())
    return pd.DataFrame(
        {"seed": given.seeds, "loss": ratio(loss.numpy(), zero.numpy()), "test": test}
    )
