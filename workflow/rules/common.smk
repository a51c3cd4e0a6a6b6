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
    condition="|".join(
        {name for conditions in SETTINGS.experiments.values() for name in conditions}
    ),
    protocol="|".join(SETTINGS.weight_tickets),


def memory(mb):
    """Memory of a job in MB, more with each attempt (`retries` in a profile)."""
    return lambda wildcards, attempt: mb * attempt


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


def trained_together(experiment):
    """Conditions that one job trains, or where each is a shard of its own, how to tell which."""
    conditions = SETTINGS.experiments[experiment]
    if SETTINGS.shard == "experiment":
        return conditions
    return lambda wildcards: {wildcards.condition: conditions[wildcards.condition]}


def training_memory(experiment):
    """Memory of a training job in MB: 2000, or what its largest condition needs."""
    return memory(max(2000, costs.memory_mb(SETTINGS, "train", experiment)))


def table_memory(rule):
    """Memory in MB of a job that measures the runs of an experiment."""
    return lambda wildcards, attempt: attempt * max(
        2000, costs.memory_mb(SETTINGS, rule, wildcards.experiment)
    )


def image_manifest(options):
    """Manifest of the fetched images that a data set is drawn from, if it is of that kind."""
    return [f"{IMAGE_CACHE}/{options['images']}/manifest.json"] if "images" in options else []


def tables_of(claim):
    """Tables of per-run statistics that a claim's criteria read."""
    return [f"results/{table}/{name}/runs.csv" for table, name in SETTINGS.tables(claim)]


# Tables that a rule writes beside that of runs.
BESIDE = {
    "dynamics": ["neurons", "trajectory"],
    "compression": ["merging", "pruning"],
    "race": ["neurons"],
    "tickets": ["tickets"],
    "weights": ["curves"],
}


def intermediates():
    """All data, runs, forecasts and tables that verdicts and figures rest on."""
    tables = dict.fromkeys(p for claim in CLAIMS for p in tables_of(claim) + figure_tables(claim))
    experiments = list(SETTINGS.experiments)
    raced = [name for name in experiments if f"results/race/{name}/runs.csv" in tables]
    made = [path for name in experiments for path in datasets_of(name) + runs_of(name)]
    made += [f"{os.path.dirname(path)}/provenance.json" for path in made if "/datasets/" in path]
    beside = [
        f"{os.path.dirname(path)}/{other}.csv"
        for path in tables
        for other in BESIDE.get(path.split("/")[1], [])
    ]
    forecasts = expand("results/forecasts/{name}.npz", name=raced)
    return list(dict.fromkeys([*made, *forecasts, *tables, *beside]))


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


def figure_modules(claim):
    """The style, the intervals it draws, and the claim's own plot module."""
    also = {"overparameterization": ["plots/capacity"]}.get(claim, [])
    return modules("statistics", "plots/style", f"plots/{claim}", *also)


def weight_ticket_data(protocol):
    """Data files of all seeds, for the tasks of a protocol of weight tickets."""
    return expand(
        "results/datasets/{dataset}/seed{seed}.npz",
        dataset=[task["dataset"] for task in SETTINGS.weight_tickets[protocol].values()],
        seed=SETTINGS.seeds,
    )
