"""The multiverse: statistics of each task of a universe.

Computed by ``neuron_race.studies.multiverse``.
"""

from neuron_race.settings.dictionary.statistic import (
    Statistic,
    Table,
    cosine,
    count,
    positive,
    share,
    zero_or_one,
)

# The claim that each statistic is of.
CLAIMED = {
    "clusters_per_neuron": "mutual_alignment",
    "alignment_at_drop": "mutual_alignment",
    "rho_alignment": "racing",
    "rho_race_score": "racing",
    "merged_per_neuron": "merging",
    "merge_then_prune_loss_share": "merging",
    "lowest_first_loss_share": "pruning",
    "auroc_beyond_head": "lottery_ticket",
}
MULTIVERSE = Table(
    about="Decisions that the paper leaves open, drawn at random "
    "([docs/multiverse.md](multiverse.md), `neuron_race.studies.multiverse`). Each row has the "
    "universe, the seed, the task (a pair of classes) and the option of each decision, too; no "
    "criterion reads the table. Clusters, drop and time of judgement are those of the universe.",
    files={
        "runs": "a task of a universe",
        "universes": "a universe",
        "claims": "a statistic",
        "decisions": "an option of a decision, for a statistic",
    },
    statistics=(
        positive("learning_rate", "Learning rate that was trained with."),
        count("halvings", "How often it was halved, for the loss exploded."),
        count("steps", "Steps of training."),
        count("drop_step", "Step of the drop."),
        zero_or_one("reached", "Whether the loss to be judged at was reached; else it is the end."),
        share("clusters_per_neuron", "Clusters over active neurons."),
        cosine(
            "alignment_at_drop",
            "Mean cosine between neurons and their pull at the drop, weighted by norm product.",
        ),
        cosine(
            "rho_alignment",
            "Rank correlation of alignment at 10 % of the time to the drop with norm product, "
            "largest cluster.",
        ),
        cosine(
            "rho_race_score",
            "Rank correlation of the closed form at init with norm product, largest cluster.",
            equation="E5",
        ),
        share("merged_per_neuron", "Neurons left after merging, over neurons before."),
        Statistic(
            "merge_then_prune_loss_share",
            "Loss added, over what was learned, by merging and then pruning to 20 %.",
        ),
        Statistic(
            "lowest_first_loss_share",
            "Loss added, over what was learned, by pruning the lowest norm products, to 20 %.",
        ),
        cosine(
            "auroc_beyond_head",
            "AUROC of the top fifth of norm products from the closed form, minus that from the "
            "head's initial size.",
            equation="E5",
        ),
    ),
)
