"""Predicted against measured: statistics of the laws, of conditions that a criterion asks for.

Computed by ``neuron_race.measures.laws`` and ``neuron_race.studies.delays``.
"""

from typing import Any

from neuron_race.settings.dictionary.statistic import (
    REAL,
    Options,
    Part,
    Statistic,
    Table,
    count,
    positive,
    share,
)


def _stops(options: Options) -> bool:
    return bool(options.get("loss_target")) or options["outputs"] > 1


EARLY = (
    "where runs stop at a loss, and wait there for one another; and with several outputs, whose "
    "heads turn after the drop"
)
CLOSED: dict[str, Any] = {
    "never": "with the logistic loss, with several outputs, and where runs stop at a loss",
    "undefined": lambda options: _stops(options) or options["loss"] != "squared",
}
LAWS = Table(
    about="What the laws predict of each run from its data and init, and what it did "
    "(`neuron_race.measures.laws`).",
    files={"runs": "a run"},
    statistics=(
        positive("drop", "Time of the loss drop.", unit="time"),
        positive("drop_predicted", "The same, predicted.", unit="time", equation="L5"),
        Statistic("drop_error", "Measured over predicted time, minus 1.", REAL, -1, equation="L5"),
        positive("drop_miss", "Size of this error.", equation="L5"),
        positive("drop_miss_mean", "Size of the error if the others' mean time is the prediction."),
        Statistic(
            "drop_error_shuffled",
            "Measured time over that predicted from permuted labels, the budget of steps at "
            "most, minus 1; of conditions of which it is asked.",
            REAL,
            -1,
        ),
        Statistic(
            "drop_gap",
            "Measured minus predicted time, in leads that a doubling of the scores brings.",
            unit="doublings",
            equation="L3",
        ),
        Statistic(
            "drop_from_start",
            "Time of the drop in such leads, plus log2 of width times squared init scale: the "
            "same for every width and scale by the law.",
            unit="doublings",
            equation="L3",
        ),
        Statistic(
            "pruned",
            "Loss added, a fifth of the neurons kept by norm product, as a share of what was "
            "learned.",
            equation="E8",
        ),
        Statistic(
            "pruned_predicted",
            "The same, predicted from the drawn init.",
            equation="L1",
            never=EARLY,
            undefined=_stops,
        ),
        Statistic(
            "pruned_error",
            "Measured minus predicted share.",
            equation="L1",
            never=EARLY,
            undefined=_stops,
        ),
        Statistic(
            "pruned_closed",
            "The share by the closed form, from head, width and dimension alone.",
            REAL,
            0,
            1,
            equation="L1",
            **CLOSED,
        ),
        Statistic(
            "pruned_error_closed",
            "Measured share minus that of the closed form.",
            equation="L1",
            **CLOSED,
        ),
        count(
            "groups",
            "Clusters at cosine .99 with at least 1 % of the largest one's norm products.",
            "width",
        ),
        positive("groups_predicted", "Groups by the number of axes, for clusters.", equation="L4"),
        Statistic(
            "groups_error", "Measured over predicted groups, minus 1.", REAL, -1, equation="L4"
        ),
        positive("groups_over_axes", "Groups over the axes, the fewest neurons that do the task."),
        share("auroc_head", "AUROC of the head's initial size for the final top fifth."),
        share("auroc_head_predicted", "The same for the top fifth forecast.", equation="L6"),
        Statistic(
            "auroc_head_error", "Measured minus predicted AUROC.", REAL, -1, 1, equation="L6"
        ),
    ),
)
DELAYS = Table(
    about="Tickets of a fifth of the neurons, chosen before training, trained alone until their "
    "loss drops (`neuron_race.studies.delays`).",
    files={"runs": "a run"},
    statistics=(
        Statistic(
            "delay_{ticket}", "Time of the ticket's drop minus the whole network's.", unit="time"
        ),
        Statistic("delay_predicted_{ticket}", "The same, predicted.", unit="time", equation="L2"),
        Statistic("delay_error_{ticket}", "Measured over predicted delay, minus 1.", equation="L2"),
        Statistic("ratio_{end}", "Delay over that of the random ticket.", equation="L2"),
        Statistic(
            "ratio_error_{end}",
            "This ratio over its closed form, minus 1.",
            equation="L2",
            never="where the head has none: `spread`, and with several outputs all but `gaussian`",
            undefined=lambda options: (
                options["head"] == "spread"
                or (options["outputs"] > 1 and options["head"] != "gaussian")
            ),
        ),
    ),
    parts={
        "ticket": Part("by predicted norm product, or random", ("winners", "random", "losers")),
        "end": Part("the two ends of the ranking", ("winners", "losers")),
    },
)
