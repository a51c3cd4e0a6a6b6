"""Tickets: statistics of parts of networks, retrained from their own start or from another one.

Computed by ``neuron_race.studies.tickets`` and ``neuron_race.studies.weight_tickets``.
"""

import math

from neuron_race.settings.dictionary.statistic import (
    REAL,
    Part,
    Statistic,
    Table,
    points,
    positive,
    share,
)

# Tickets with the start of the whole network, and with another one.
OWN = ("winners", "stratified", "forecast", "random", "losers")
FOREIGN = ("redrawn", "sign_flipped")
TO_THE_END = ("winners", "forecast", "random")  # of the budget, beyond their drop
OTHER = ("reinitialised", "random_mask", "full")  # arms beside the winning tickets of weights
TICKETS = Table(
    about="A fifth of the neurons retrained from their own init, and exchanged starts, of "
    "conditions that a criterion asks for (`neuron_race.studies.tickets`).",
    files={"runs": "a run", "tickets": "a run and an arm"},
    statistics=(
        Statistic(
            "delay_{ticket}", "Time to the drop over that of the whole network, minus 1.", REAL, -1
        ),
        Statistic(
            "delay_error_{own}",
            "Measured minus predicted delay, over the whole network's time to the drop.",
            equation="E9",
        ),
        Statistic(
            "delay_error_{foreign}",
            "The same, for which there is no prediction.",
            equation="E9",
            never="always: their start is not the whole network's",
            undefined=lambda options: True,
        ),
        positive(
            "loss_{trained}", "Final loss of the ticket, over the whole network's initial loss."
        ),
        share(
            "exchanged_{what}",
            "Pairs of winner and loser whose ranks are exchanged if their starts are.",
        ),
    ),
    parts={
        "ticket": Part(
            "which neurons are retrained",
            (*OWN, *FOREIGN),
        ),
        "trained": Part("those trained beyond their drop", TO_THE_END),
        "own": Part("those with the start of the whole network", OWN),
        "foreign": Part("those with another start", FOREIGN),
        "what": Part(
            "what of the start is exchanged, between extremes or between random pairs",
            ("direction", "head", "direction_random", "head_random"),
        ),
    },
)
WEIGHTS = Table(
    about="Tickets of single weights by iterative magnitude pruning, means over rounds at which 3 "
    "to 25 % of the weights are left (`neuron_race.studies.weight_tickets`).",
    files={"runs": "a run", "curves": "a run, a round and an arm"},
    statistics=(
        Statistic("accuracy_{arm}", "Test accuracy.", REAL, 0, 100, unit="per cent"),
        positive("loss_{arm}", "Training loss at the end.", unit="loss"),
        points("winning_minus_{other}", "Test accuracy of the winning tickets minus the arm's."),
        Statistic(
            "speed_gain_{other}",
            "One minus steps of the winning tickets to the loss target, over the arm's.",
            REAL,
            -math.inf,
            1,
        ),
    ),
    parts={
        "arm": Part(
            "winning tickets, their controls, and the whole network",
            ("winning", *OTHER),
        ),
        "other": Part("arms beside the winning tickets", OTHER),
    },
)
