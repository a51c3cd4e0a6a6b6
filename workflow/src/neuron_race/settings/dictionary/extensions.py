"""Statistics beyond one hidden layer and plain gradient descent, by study of an extension.

Each is computed by the module of ``neuron_race.studies`` that has the study's name.
"""

from dataclasses import replace

from neuron_race.settings.dictionary.statistic import (
    COUNT,
    REAL,
    Options,
    Part,
    Statistic,
    Table,
    cosine,
    count,
    positive,
    share,
)


def layers(options: Options) -> int:
    """Hidden layers of a condition's model."""
    return {"convolution": 2, "transformer": 1}.get(options["model"]) or int(options["depth"])


def _normalised(options: Options) -> bool:
    return bool(options.get("batch_norm", False))


LOSS = positive("loss_end", "Training loss at the end, over that at init.")
DROP = count(
    "drop_step", "Step at which 10 % of the initial loss is lost.", "max_steps", unit="steps"
)
WHOLE = (
    LOSS,
    DROP,
    share("accuracy", "Training samples that the final network gets right."),
    share("test_accuracy", "Test samples that the final network gets right."),
)
RANKS = "Rank correlation with the final norm product"
# Of one layer. What is good of the first ones is known, so that there is a worst layer.
JUDGED = (
    share("clusters_per_neuron", "Clusters at cosine .99, per active unit."),
    share(
        "effective_width", "How many clusters there are by their norm products, per active unit."
    ),
    cosine(
        "alignment",
        "Mean cosine between units and their pull at the drop, weighted by norm product.",
        equation="E3",
    ),
    cosine("rho_forecast", f"{RANKS}: the forecast's, active units.", equation="E5"),
    cosine("rho_forecast_largest", f"{RANKS}: the forecast's, largest cluster.", equation="E5"),
    cosine(
        "rho_local",
        f"{RANKS}: that of the race law with input and residual as at the end.",
        equation="E5",
    ),
    Statistic(
        "merge_loss_change",
        "Relative change of the training loss by the merge; undefined where it removes nothing.",
        REAL,
        -1,
        equation="E7",
        never="behind a batch normalisation, through which units can't be merged",
        undefined=_normalised,
    ),
    Statistic(
        "lowest_{kept}",
        "Share of the learned loss that is lost if the units of lowest norm product go.",
        equation="E8",
    ),
)
TOLD = (
    share("active", "Units that are open on at least one sample at the end."),
    share("rotation", "Mean size of the cosine between a unit's first and last weights."),
    cosine(
        "alignment_init",
        "Mean cosine between units and their pull at init, weighted by norm product.",
        equation="E3",
    ),
    share("top_share", "Share of all norm products in the upper fifth of the units, rounded."),
    share("winners", "How many units there are by their norm products, per unit."),
    cosine("rho_shuffled", f"{RANKS}: that of a forecast from shuffled labels, active units."),
    cosine("rho_shuffled_largest", "The same in the largest cluster."),
    cosine("rho_init", f"{RANKS}: that of the initial norm product, active units."),
    cosine("rho_init_largest", "The same in the largest cluster."),
    cosine(
        "rho_local_largest",
        f"{RANKS}: that of the race law as at the end, largest cluster.",
        equation="E5",
    ),
    Statistic("{cut}_{kept}", "Share of the learned loss that is lost if other units go."),
)
HEADS = (
    share("head_top_share", "Share of the largest attention head in all heads' norm products."),
    cosine("rho_heads", "Rank correlation of attention heads' forecast and final norm products."),
)
PARTS = {
    "kept": Part("units of the layer that are kept, in per cent", ("50", "20")),
    "cut": Part(
        "units that go: those of highest norm product, of lowest norm product as stored, of lowest "
        "contribution to what the layer adds, or random ones",
        ("highest", "raw", "contribution", "random"),
    ),
}


def _by_layer(options: Options) -> list[str]:
    return [str(1 + layer) for layer in range(layers(options))]


def _suffixed(statistics: tuple[Statistic, ...], part: str) -> tuple[Statistic, ...]:
    return tuple(replace(s, name=f"{s.name}_{{{part}}}") for s in statistics)


ARCHITECTURES = Table(
    about="Every hidden layer asked what one layer is asked of (`neuron_race.measures.layers`): "
    "studies of depth, residual paths, convolution and transformer.",
    files={"runs": "a run", "details": "a run and a hidden layer"},
    statistics=(
        *WHOLE,
        *_suffixed(JUDGED, "judged"),
        *_suffixed(TOLD, "layer"),
        *_suffixed(HEADS, "head"),
    ),
    parts={
        **PARTS,
        "judged": Part(
            "`mean` over the layers, the `worst` of them, or a layer's number, from 1 up to the "
            "model's depth",
            lambda options: ("mean", "worst", *_by_layer(options)),
        ),
        "layer": Part("the same without `worst`", lambda options: ("mean", *_by_layer(options))),
        "head": Part(
            "`mean` or `1`, the only layer, for a transformer only",
            lambda options: ("mean", "1") if options["model"] == "transformer" else (),
        ),
    },
)
NUMBER = Statistic("layer", "Number of the only hidden layer.", COUNT, 1, 1)
ONE_LAYER = (NUMBER, *WHOLE, *JUDGED, *TOLD)
OPTIMIZERS = Table(
    about="One hidden layer trained by other means than plain gradient descent.",
    files={"runs": "a run", "details": "a run and a step"},
    statistics=(
        *ONE_LAYER,
        share(
            "conservation_error",
            "Median over neurons of how far the change of their conserved "
            "quantity is from what the law allows.",
            equation="E2",
        ),
        positive(
            "imbalance",
            "Change of the conserved quantities, over the squared norms at the end.",
            equation="E2",
        ),
    ),
    parts=PARTS,
)
INITIALIZATION = Table(
    about="One hidden layer from designed initial directions, at equal compute.",
    files={"runs": "a run", "details": "a run and a step"},
    statistics=(
        *ONE_LAYER,
        count(
            "work_to_drop",
            "Steps to the drop, with those that the design took.",
            "max_steps",
            unit="steps",
        ),
        positive("log_work", "Natural logarithm of `work_to_drop`.", unit="log steps"),
        count("merged", "Clusters at cosine .99.", "width", unit="clusters"),
    ),
    parts=PARTS,
)
SCHEDULE = Table(
    about="One hidden layer under other learning-rate schedules, against the condition `constant`.",
    files={"runs": "a run", "details": "a run and a recorded step"},
    statistics=(
        LOSS,
        DROP,
        cosine(
            "rho_constant",
            "Rank correlation of final norm products with those of the constant "
            "rate from the same init.",
        ),
        cosine(
            "rho_other_init", "The same with those of the constant rate from the next run's init."
        ),
        share(
            "overlap", "Share of the winners (the upper fifth) in common with the constant rate."
        ),
        cosine("rho_init", "Rank correlation of final with initial norm products."),
        cosine("rho_drop", "Rank correlation of final norm products with those at the drop."),
        share("decided_at_drop", "Pairs of neurons in their final order at the drop."),
        share("decided_at_init", "Pairs of neurons in their final order at init."),
    ),
)


def _tickets(options: Options) -> list[str]:
    named = ("forecast", "shuffled", "magnitude", "snip", "grasp", "random", "losers", "lanes")
    every = ["", "_layers"] if layers(options) > 1 else [""]
    return [f"{arm}{suffix}" for suffix in every for arm in (*named, "synflow")]


def _percents(options: Options) -> list[str]:
    return [str(percent) for percent in options["percents"]]


PRUNING_AT_INIT = Table(
    about="Tickets of neurons chosen before training, each trained from its own init.",
    files={"runs": "a run", "details": "a run and a ticket"},
    statistics=(
        positive("loss_full_100", "Final loss of the whole network, over its initial loss."),
        positive("loss_{ticket}_{percent}", "Final loss of the ticket, over its initial loss."),
        positive(
            "course_full_100",
            "Loss of the whole network over its initial loss, mean over all steps.",
        ),
        positive(
            "course_{ticket}_{percent}", "The same of the ticket: low for fast and good training."
        ),
        share("test_full_100", "Test samples that the whole network gets right."),
        share("test_{ticket}_{percent}", "Test samples that the ticket gets right."),
    ),
    parts={
        "ticket": Part(
            "by what its neurons are chosen: `forecast`, `shuffled` (a forecast from shuffled "
            "labels), `magnitude`, `snip`, `grasp`, `synflow`, `random`, `losers` (the forecast's "
            "last), `lanes` (the forecast, from each lane in turn), over all layers at once or, "
            "for models of several layers and with `_layers` added, in each",
            _tickets,
        ),
        "percent": Part("neurons kept, in per cent: `percents` of the condition", _percents),
    },
)
SIZES = Table(
    about="One training for all sizes: neurons pruned after it, before it, and small networks "
    "trained from the start. Losses are over that of f = 0.",
    files={"runs": "a run", "details": "a run, an arm and a size"},
    statistics=(
        positive("loss_full_100", "Final training loss of the whole network."),
        positive("loss_{arm}_{percent}", "The same of a smaller network."),
        share("test_full_100", "Test samples that the whole network gets right."),
        share("test_{arm}_{percent}", "Test samples that a smaller network gets right."),
    ),
    parts={
        "arm": Part(
            "`after`: the largest norm products of the trained network; `before`: of the same init "
            "the neurons ahead in the forecast, then trained; `small`: a network of that size, "
            "trained from a Gaussian init of its own",
            ("after", "before", "small"),
        ),
        "percent": Part("neurons kept, in per cent: `percents` of the condition", _percents),
    },
)
STUDIES = {
    "architectures": ARCHITECTURES,
    "schedule": SCHEDULE,
    "initialization": INITIALIZATION,
    "optimizers": OPTIMIZERS,
    "pruning_at_init": PRUNING_AT_INIT,
    "sizes": SIZES,
}
