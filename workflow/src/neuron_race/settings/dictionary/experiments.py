"""Statistics of networks with one hidden layer: what jobs write of an experiment's conditions.

Each is computed by the module that its table names; tests compare these declarations with what is
written, and with the constants of these modules.
"""

import math

from neuron_race.settings.dictionary.statistic import (
    REAL,
    Options,
    Part,
    Statistic,
    Table,
    cosine,
    count,
    points,
    positive,
    share,
    zero_or_one,
)

DROPS = (0.05, 0.1, 0.2)  # fractions of the initial loss, unless the condition says others
RESOLUTION = math.log10(2.0**-52)  # of a number: a change of less counts as one of this size


def drops(options: Options) -> list[str]:
    """Fractions of the initial loss that a condition tells of, in per cent."""
    return [f"{round(100 * drop):02d}" for drop in options.get("drops", DROPS)]


def _several(options: Options) -> bool:
    return bool(options["outputs"] > 1)


DYNAMICS = Table(
    about="What each network did, read off its training (`neuron_race.measures.dynamics`).",
    files={
        "runs": "a run",
        "neurons": "a neuron of a run",
        "trajectory": "a recorded step of a run",
    },
    statistics=(
        count("steps", "Steps trained.", "max_steps", unit="steps"),
        positive("loss_init", "Training loss at init.", unit="loss"),
        positive("loss_end", "Training loss at the end.", unit="loss"),
        positive("loss_end_relative", "Training loss at the end, over that at init."),
        zero_or_one("fitted", "Whether the loss ended at 5 % of the initial loss or below."),
        share("accuracy", "Training samples that the final network gets right."),
        share("test_accuracy", "Test samples that the final network gets right."),
        count(
            "active",
            "Neurons that are open on at least one sample at the end.",
            "width",
            unit="neurons",
        ),
        share("rotation", "Mean size of the cosine between a neuron's first and last weights."),
        count(
            "largest_cluster",
            "Neurons in the largest cluster at cosine .99.",
            "width",
            unit="neurons",
        ),
        Statistic(
            "stable_rank",
            "Stable rank of the final weights, each row of its norm product.",
            REAL,
            1,
            "width",
        ),
        Statistic(
            "effective_width",
            "How many clusters there are, counted by their norm products.",
            REAL,
            1,
            "width",
        ),
        Statistic(
            "lower_half_share",
            "Share of all norm products in the lower half of the neurons.",
            REAL,
            0,
            0.5,
        ),
        zero_or_one("dropped", "Whether 10 % of the initial loss was lost within the budget."),
        count(
            "clusters_{cosine}",
            "Clusters of active neurons at this cosine.",
            "width",
            unit="clusters",
        ),
        share("clusters_per_neuron_{cosine}", "Clusters at this cosine, per active neuron."),
        positive(
            "t_drop_{drop}",
            "Time at which this part of the initial loss is lost, step times learning rate.",
            unit="flow time",
            equation="E6",
        ),
        count(
            "step_drop_{drop}",
            "Step at which it is lost.",
            "max_steps",
            unit="steps",
            equation="E6",
        ),
        cosine(
            "alignment_at_drop_{drop}",
            "Mean cosine between neurons and their pull at that time, weighted by norm product.",
            equation="E3",
        ),
        cosine("alignment_at_init", "The same at init.", equation="E3"),
        cosine("alignment_peak", "The same where it is highest.", equation="E3"),
        share("gate_patterns_least", "Fewest distinct gate patterns, over those at init."),
        cosine(
            "rho_alignment_all_peak",
            "Highest rank correlation of alignment with final norm product, active neurons.",
        ),
        cosine(
            "rho_alignment_all_half",
            "The same correlation where half of the initial loss is lost.",
        ),
        positive("plateau", "Loss half-way to the drop, over the initial loss."),
        positive("fallen", "Loss at three times the time to the drop, over the initial loss."),
        Statistic(
            "late_growth",
            "Growth rate of the leaders at three times the time to the drop, over that on the "
            "plateau.",
            equation="E4",
        ),
        positive("gate_patterns_kept", "Distinct gate patterns at the drop, over those at init."),
        share("gates_changed", "Gates that differ from init at the drop."),
        share("against_at_init", "Neurons that point against their pull at init."),
        share("turned_by_drop", "Of these, neurons that point along their pull at the drop."),
        positive(
            "growth_error",
            "Median error of the growth law on the plateau, over the mean growth.",
            equation="E4",
        ),
        positive(
            "growth_error_permuted",
            "The same with the alignments of neurons exchanged.",
            equation="E4",
        ),
        Statistic(
            "second_group_rise",
            "Rise of the second group's growth rate after the drop, over the first group's rate.",
            never="with several outputs, which have no sign to tell groups by",
            undefined=_several,
        ),
        cosine(
            "rho_alignment_{early}",
            "Rank correlation of early alignment with final norm product, largest cluster.",
            equation="E5",
        ),
        cosine(
            "rho_alignment_all_{early}",
            "The same correlation over all active neurons.",
            equation="E5",
        ),
    ),
    parts={
        "cosine": Part("smallest cosine within a cluster, its decimals", ("95", "99", "999")),
        "drop": Part(
            "part of the initial loss that is lost, in per cent: `drops` of the condition (`05`, "
            "`10`, `20` unless it says others)",
            drops,
        ),
        "early": Part(
            "when alignment is read, in per cent of the time to the drop",
            ("000", "005", "010", "025", "050", "100"),
        ),
    },
)
RANKS = "Rank correlation with the final norm product"
RACE = Table(
    about="Forecasts from init against what happened, for conditions that can be forecast "
    "(`neuron_race.theory.forecast`).",
    files={"runs": "a run", "neurons": "a neuron of a run, with its forecast"},
    statistics=(
        cosine("rho_forecast{among}", f"{RANKS}: the forecast's.", equation="E5"),
        cosine(
            "rho_forecast_shuffled{among}", f"{RANKS}: that of a forecast from shuffled labels."
        ),
        cosine(
            "rho_race_score{among}", f"{RANKS}: that of the closed form at init.", equation="E5"
        ),
        cosine("rho_norm_a_init{among}", f"{RANKS}: that of the head's initial norm."),
        cosine(
            "rho_cos_delta_010{among}",
            f"{RANKS}: that of the alignment at 10 % of the time to the drop.",
            equation="E5",
        ),
        cosine(
            "partial_alignment{among}",
            "The same for this alignment, given the head's initial norm.",
            equation="E5",
        ),
        cosine(
            "partial_head{among}", "The same for the head's initial norm, given this alignment."
        ),
        cosine(
            "partial_forecast{among}",
            "The same for the forecast, given the head's initial norm.",
            equation="E5",
        ),
        cosine(
            "partial_forecast_shuffled{among}", "The same for the forecast from shuffled labels."
        ),
        share(
            "auroc_{score}",
            "Chance that a winner (the upper fifth) has a higher score than another neuron.",
        ),
        positive(
            "forecast_step_ratio", "Step at which the forecast network drops, over the real one's."
        ),
        positive(
            "closed_form_cost",
            "Gradients that the closed form takes (one), over those of the run up to its drop.",
            equation="E5",
        ),
    ),
    parts={
        "among": Part(
            "neurons that are ranked: those of the largest cluster, or all active ones with",
            ("", "_all"),
        ),
        "score": Part(
            "what is known before training",
            ("forecast", "forecast_shuffled", "race_score", "norm_product_init", "norm_a_init"),
        ),
    },
)


def _arms(options: Options) -> tuple[str, ...]:
    greedy = () if _several(options) else ("greedy",)  # which tries all neurons at each step
    return ("lowest_first", "highest_first", "stratified", *greedy, "merge_then_prune")


COMPRESSION = Table(
    about="What final networks lose by merging and pruning (`neuron_race.measures.compression`).",
    files={
        "runs": "a run",
        "merging": "a run and a rule of merging",
        "pruning": "a run, an arm and a fraction of neurons kept",
    },
    statistics=(
        positive("full_loss", "Training loss of the whole network.", unit="loss"),
        share("full_accuracy", "Training samples that it gets right."),
        share("full_test_accuracy", "Test samples that it gets right."),
        share("merged_per_neuron", "Neurons left by the merge, per neuron."),
        Statistic(
            "{rule}_loss_change",
            "Relative change of the training loss; undefined where the merge removes nothing.",
            REAL,
            -1,
            equation="E7",
        ),
        points("{rule}_test_change", "Change of the test accuracy; undefined likewise."),
        positive(
            "merge_bound_used",
            "Largest change of an output by the merge, over its bound.",
            equation="E7",
        ),
        points(
            "{arm}_accuracy_change", "Change of the training accuracy, a fifth of the neurons kept."
        ),
        points("{arm}_test_change", "Change of the test accuracy, a fifth kept."),
        Statistic(
            "{arm}_loss_share",
            "Loss added, a fifth kept, as a share of what the output zero would add.",
            equation="E8",
        ),
        points(
            "{arm}_area",
            "Area between the arm's training accuracy and that of random pruning, "
            "over the fraction kept.",
        ),
        Statistic(
            "{arm}_loss_area",
            "Area between the loss of random pruning and the arm's, over "
            "the fraction kept and the loss of the output zero.",
        ),
        points(
            "random_accuracy_change",
            "Change of the training accuracy by random pruning, a fifth kept.",
        ),
        points("random_test_change", "Change of the test accuracy likewise."),
        Statistic("random_loss_share", "Loss added by random pruning, as above."),
        Statistic(
            "random_area",
            "Zero: random pruning against itself.",
            REAL,
            0,
            0,
            unit="percentage points",
        ),
        Statistic("random_loss_area", "Zero likewise.", REAL, 0, 0),
    ),
    parts={
        "rule": Part(
            "how clusters become neurons, two of them wrongly",
            ("merge", "naive_average", "shuffled_membership"),
        ),
        "arm": Part(
            "which neurons go: `lowest_first` and `highest_first`, by norm product; `stratified`, "
            "the lowest of each cluster; `merge_then_prune`, the lowest after merging; `greedy`, "
            "for one output only, all but those that an oracle adds first",
            _arms,
        ),
    },
)
AUDIT = Table(
    about="What moves a forecast, of conditions that a criterion asks for "
    "(`neuron_race.theory.forecast`).",
    files={"runs": "a run"},
    statistics=(
        positive(
            "forecast_changed",
            "Largest relative change of the forecast if all that came after step 0 is noise.",
        ),
        positive(
            "budget_changed", "Largest relative change of the forecast by another budget of steps."
        ),
        positive(
            "init_changed",
            "Median relative change of the forecast if initial weights change by 1 %.",
        ),
        positive("leak_changed", "What the same noise does to a forecast that peeks at the drop."),
        Statistic(
            "init_changed_log10",
            "Order of magnitude of `init_changed`.",
            REAL,
            RESOLUTION,
            unit="powers of ten",
        ),
        Statistic(
            "leak_changed_log10",
            "Order of magnitude of `leak_changed`.",
            REAL,
            RESOLUTION,
            unit="powers of ten",
        ),
    ),
)
FIGURE_1 = Table(
    about="Cosines between total weight vectors of the first run of each condition, ordered by "
    "final cluster.",
    files={"cosines": "a neuron at init, drop or end; a column for each other neuron"},
)
