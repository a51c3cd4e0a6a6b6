"""Runs for one question: can a single training serve all sizes of a network?

Of each size that is to be served: the same init pruned by the forecast and then trained, and a
network of that size from an init of its own. What is pruned after training needs no run of its own.
"""

from collections.abc import Mapping
from typing import Any

import torch

from neuron_race.models import smaller
from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Arrays, Data, Parameters
from neuron_race.studies.trained.pruning_at_init import narrow
from neuron_race.training import any_model

FULL = "100/full"


def size(options: Mapping[str, Any], percent: int) -> int:
    """Neurons kept of a condition's width."""
    return smaller.number_kept(percent / 100, options["width"])


def train(target: str, name: str, options: Mapping[str, Any], data: Data) -> Arrays:
    """The arrays of a condition's run file.

    ``100/full/<parameter>``: final weights (S, ...) of the whole network; for each percentage of
    neurons, the same of ``<percent>/before``, pruned before training, and ``<percent>/small``,
    which starts at that size with a Gaussian head.
    """
    start = networks.begin(target, options, data)
    ahead = any_model.forecast(start.model, start.weights, start.given.X, start.given.Y, start.plan)
    arrays = _ends(FULL, start, f"{target}/{name}")
    for percent in options["percents"]:
        own = {**options, "width": size(options, percent), "head": "gaussian"}
        small = networks.begin(f"{target} {percent}", own, data)
        arrays |= _ends(f"{percent}/small", small, f"{target}/{name}")
        pruned = largest(start, start.weights, ahead, own["width"])
        before = networks.Start(small.model, small.given, pruned, small.plan)
        arrays |= _ends(f"{percent}/before", before, f"{target}/{name}")
    return arrays


def _ends(path: str, start: networks.Start, label: str) -> Arrays:
    end = networks.run(start, f"{label}/{path}").end
    return {f"{path}/{key}": value.numpy(force=True) for key, value in end.items()}


def largest(start: networks.Start, of: Parameters, by: Parameters, width: int) -> Parameters:
    """Of each run, the neurons of ``of`` whose norm products in ``by`` are largest."""
    own = []
    for run in range(len(start.given.seeds)):
        (score,) = networks.norm_products(start.model, by, run)
        masks = [smaller.keep_largest(score, width)]
        own.append(narrow(any_model.one(of, run), start.model.units, masks, width))
    return {key: torch.stack([weights[key] for weights in own]) for key in of}
