"""Moments of training: what core claims are about at each of them.

Computed by ``neuron_race.measures.moments``.
"""

from neuron_race.settings.dictionary.experiments import drops
from neuron_race.settings.dictionary.statistic import (
    Options,
    Part,
    Statistic,
    Table,
    cosine,
    count,
    share,
)


def _moments(options: Options) -> tuple[str, ...]:
    return (*drops(options), "end")


MOMENTS = Table(
    about="What core claims are about, of the networks as they were at several moments of their "
    "training (`neuron_race.measures.moments`). The drop is at 10 %.",
    files={"runs": "a run"},
    statistics=(
        count("step_{moment}", "Step of the moment.", "max_steps", unit="steps"),
        cosine(
            "alignment_{moment}",
            "Mean cosine between neurons and their pull then, weighted by norm product.",
        ),
        share("clusters_per_neuron_{moment}", "Clusters at cosine .99 over active neurons."),
        cosine(
            "rho_alignment_{moment}",
            "Rank correlation of alignment at 10 % of the time to the drop with norm product "
            "then, largest cluster.",
        ),
        cosine(
            "rho_race_score_{moment}",
            "Rank correlation of the closed form at init with norm product then, largest cluster.",
            equation="E5",
        ),
        cosine(
            "auroc_beyond_head_{moment}",
            "AUROC of the top fifth of norm products then from the closed form, minus that from "
            "the head's initial size.",
            equation="E5",
        ),
        share("merged_per_neuron_{moment}", "Neurons left after merging, over neurons before."),
        Statistic(
            "merge_then_prune_loss_share_{moment}",
            "Loss added, over what was learned by then, by merging and then pruning to 20 %.",
        ),
        Statistic(
            "lowest_first_loss_share_{moment}",
            "Loss added, over what was learned by then, by pruning to 20 %, lowest norm products "
            "first.",
        ),
    ),
    parts={
        "moment": Part("percentage of the initial loss that is lost by then, or `end`", _moments)
    },
)
