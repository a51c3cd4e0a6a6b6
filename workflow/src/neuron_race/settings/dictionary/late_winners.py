"""Late winners: statistics of conditions that a criterion asks for.

Computed by ``neuron_race.studies.late_winners``.
"""

from neuron_race.settings.dictionary.statistic import (
    Part,
    Statistic,
    Table,
    positive,
    share,
    zero_or_one,
)

DECADES = "powers of ten"
LATE_WINNERS = Table(
    about="Neurons that the forecast from init leaves behind, and what they do with other gates "
    "(`neuron_race.studies.late_winners`). Candidates: the five behind that grow fastest where the "
    "residual is frozen at four times the drop. The outcome is at 24 times the drop.",
    files={"runs": "a run"},
    statistics=(
        zero_or_one(
            "late_winner",
            "Whether the neuron of highest norm product is outside the forecast's top fifth.",
        ),
        zero_or_one("late_winner_earlier", "The same at 12 times the drop."),
        zero_or_one("late_winner_end", "The same at the end of training."),
        zero_or_one("from_bottom", "Whether it was in the lower half at the drop, too."),
        share("late_share", "Share of all norm products outside the forecast's top fifth."),
        share("late_share_end", "The same at the end of training."),
        positive(
            "replay_error",
            "Largest difference of a candidate's replay with its own gates from the run.",
            unit=DECADES,
        ),
        Statistic(
            "lent",
            "Mean lift of losers, equal in sign and norm product at the drop, by the gates of a "
            "candidate in place of their own.",
            unit=DECADES,
        ),
        Statistic(
            "closed_loop",
            "Lift of the loser nearest to the first candidate by its gates, where the network is "
            "trained on from the drop, so that the residual answers.",
            unit=DECADES,
        ),
        Statistic(
            "closed_beyond_replay",
            "The same, minus the lift of that loser along the recorded residual.",
            unit=DECADES,
        ),
        Statistic("foreign", "The same by the gates of another loser.", unit=DECADES),
        Statistic(
            "sham", "Candidates with their own gates over those held for a step.", unit=DECADES
        ),
        Statistic(
            "held_{dose}",
            "Candidates with their own gates over those with gates held from then on.",
            unit=DECADES,
        ),
        Statistic(
            "lead",
            "Growth log c of candidates over those losers', residual frozen at four drops.",
            equation="E4",
        ),
        zero_or_one(
            "lent_as_forecast",
            "Whether lent gates lift by .3 powers of ten just where this lead is at least .4.",
        ),
        zero_or_one(
            "foreign_as_forecast",
            "The same of the gates of another loser: right wherever no lead is forecast.",
        ),
        share(
            "auroc_second",
            "AUROC of growth with that residual frozen for the growth that followed.",
        ),
        share("auroc_first", "The same of the forecast from init."),
        share("false_positives", "Candidates that end outside the top fifth."),
        share("turned", "Of the neurons against their pull at init, those that turned to growth."),
        share("died", "Of the same, those that closed on all samples first."),
        share("stayed", "Of the same, those that did neither."),
    ),
    parts={"dose": Part("multiple of the drop from which gates are held", ("drop", "2x", "4x"))},
)
