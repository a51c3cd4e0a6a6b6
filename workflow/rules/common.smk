# What several rules files need: the package's modules as inputs, and wildcard constraints.

# Relative to the working directory: a folder that moved has nothing to do again.
PACKAGE = os.path.relpath(ROOT / "workflow/src/neuron_race")


# Snakemake does not see edits of imported modules, so rules name those that they really use.
def modules(*names):
    return [f"{PACKAGE}/{name}.py" for name in ("seeding", "storage", *names)]


wildcard_constraints:
    dataset="|".join(SETTINGS.datasets),
    experiment="|".join(SETTINGS.experiments),
    claim="|".join(CLAIMS),
    protocol="|".join(SETTINGS.weight_tickets),
    target="|".join(SETTINGS.extensions),


def datasets_of(experiment):
    """Data files of all seeds, for the data sets that an experiment's conditions use."""
    return expand(
        "results/datasets/{dataset}/seed{seed}.npz",
        dataset=SETTINGS.datasets_of(experiment),
        seed=SETTINGS.seeds,
    )


def runs_of(experiment, conditions=None):
    """Run files of an experiment's conditions (all by default), arrays and sidecars."""
    return expand(
        "results/runs/{experiment}/{condition}.{ending}",
        experiment=experiment,
        condition=SETTINGS.experiments[experiment] if conditions is None else conditions,
        ending=["npz", "json"],
    )


def image_manifest(options):
    """Manifest of the fetched images that a data set is drawn from, if it is of that kind."""
    return [f"{IMAGE_CACHE}/{options['images']}/manifest.json"] if "images" in options else []


def tables_of(claim):
    """Tables of per-run statistics that a claim's criteria read."""
    return [f"results/{table}/{name}/runs.csv" for table, name in SETTINGS.tables(claim)]


def measured_criteria(claim):
    """Criteria without thresholds: a changed threshold changes verdicts, not evidence."""
    judged = ("threshold", "direction", "meaning", "control", "confirmatory", "proportion")
    return [
        {key: value for key, value in criterion.items() if key not in judged}
        for criterion in SETTINGS.claims[claim]["criteria"]
    ]


def figure_tables(claim):
    """Tables that a claim's figure draws."""
    return [f"results/{path}" for path in SETTINGS.claims[claim]["figure_tables"]]


def extension_modules(target):
    """The layer that reads hidden units, the training of many runs, and the target's study."""
    studies = {options["study"] for options in SETTINGS.extensions[target].values()}
    shared = [
        "recipe",
        "networks",
        "flow",
        "clusters",
        "merging",
        "pruning",
        "dynamics",
        "training",
    ]
    shared += ["layers", "many", "deep", "extensions/architectures"]
    return modules(*shared, *(f"extensions/{s}" for s in studies - {"architectures"}))


def figure_modules(claim):
    """The style and the claim's own plot module."""
    also = {"overparameterization": ["plots/capacity"]}.get(claim, [])
    if claim in SETTINGS.extensions:
        also = ["plots/layerwise"]
    return modules("plots/style", f"plots/{claim}", *also)


def weight_ticket_data(protocol):
    """Data files of all seeds, for the tasks of a protocol of weight tickets."""
    return expand(
        "results/datasets/{dataset}/seed{seed}.npz",
        dataset=[task["dataset"] for task in SETTINGS.weight_tickets[protocol].values()],
        seed=SETTINGS.seeds,
    )
