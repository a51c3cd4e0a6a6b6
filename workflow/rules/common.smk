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
    target="|".join(SETTINGS.extensions),


def memory(mb):
    """Memory of a job in MB, more with each attempt (`retries` in a profile)."""
    return lambda wildcards, attempt: mb * attempt


@functools.cache
def forecaster():
    """Costs of jobs, from those measured in a default run; None without the table of these."""
    table = ROOT / "docs/reference/costs.csv"
    if not table.exists():
        return None
    default = settings.read(settings.read_yaml(ROOT / "config/config.yaml"), ROOT)
    try:
        return planning.Forecaster(planning.read_measured(table), default)
    except storage.ResultError as error:
        raise WorkflowError(str(error)) from None


def runtime(rule, name):
    """Time limit of a job in minutes, from measured costs; `name` may hold wildcards."""
    return lambda wildcards: (
        forecaster().minutes(SETTINGS, rule, name.format(**dict(wildcards.items())))
        if forecaster()
        else 60
    )


def datasets_of(experiment):
    """The data sets that an experiment's conditions use."""
    return expand("results/datasets/{dataset}.npz", dataset=SETTINGS.datasets_of(experiment))


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
    return memory(max(2000, planning.memory_mb(SETTINGS, "train", experiment)))


def table_memory(rule):
    """Memory in MB of a job that measures the runs of an experiment."""
    return lambda wildcards, attempt: attempt * max(
        2000, planning.memory_mb(SETTINGS, rule, wildcards.experiment)
    )


def image_manifest(options):
    """Manifest of the fetched images that a data set is drawn from, if it is of that kind."""
    return [f"{IMAGE_CACHE}/{options['images']}/manifest.json"] if "images" in options else []


def tables_of(claim):
    """Tables of per-run statistics that a claim's criteria read."""
    return [f"results/{table}/{name}/runs.csv" for table, name in SETTINGS.tables(claim)]


def intermediates():
    """All files that jobs write on the way to verdicts, figures and pages, read off the rules."""

    def written(wildcards):
        waiting = ["results/scorecard.html", *(f"figures/{name}.csv" for name in FIGURES)]
        # Runs that no claim needs are made too.
        waiting += [path for experiment in SETTINGS.experiments for path in runs_of(experiment)]
        seen, found = set(waiting), set()
        while waiting:
            path = waiting.pop()
            if maker := producer(path):
                found.update(map(str, maker.expand_output(maker.get_wildcards(path))[0]))
            inputs = [needed for needed in behind(path)[1] if needed not in seen]
            seen.update(inputs)
            waiting += inputs
        return sorted(found)

    return written


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
        "progress",
        "checkpoints",
        "networks",
        "flow",
        "defined",
        "clusters",
        "merging",
        "pruning",
        "dynamics",
        "batched",
        "devices",
    ]
    shared += ["runs", "layers", "many", "deep", "extensions/architectures"]
    return modules(*shared, *(f"extensions/{s}" for s in studies - {"architectures"}))


def figure_modules(claim):
    """The style, the intervals it draws, and the claim's own plot module."""
    also = {"overparameterization": ["plots/capacity"]}.get(claim, [])
    if claim in SETTINGS.extensions:
        also = ["plots/layerwise"]
    return modules("statistics", "plots/style", f"plots/{claim}", *also)


def weight_ticket_data(protocol):
    """The data sets of the tasks of a protocol of weight tickets."""
    tasks = SETTINGS.weight_tickets[protocol].values()
    return expand("results/datasets/{dataset}.npz", dataset=[task["dataset"] for task in tasks])


def in_report(path, category, what, caption=None):
    """Mark an output for the report of `snakemake --report`."""
    return report(path, category=category, labels={"what": what}, caption=caption)


def caption_of(claim):
    """Caption of a claim's figure, written with its verdict; absolute, for Snakemake looks for
    captions beside the rules."""
    return os.path.abspath(f"results/captions/{claim}.rst")


# Modules between runs and tables.
MEASURES = ["defined", "clusters", "compression", "dynamics", "forecast"]
MEASURES += ["merging", "pruning", "tickets"]


def experiments_of(claim):
    """Experiments and extensions that a claim's criteria and figure rest on, each once."""
    names = [name for _, name in SETTINGS.tables(claim)]
    names += [Path(path).parts[1] for path in SETTINGS.claims[claim]["figure_tables"]]
    known = {**SETTINGS.experiments, **SETTINGS.extensions}
    return [name for name in dict.fromkeys(names) if name in known]


def sidecars_of(claim):
    """Sidecars of all runs that a claim rests on; those of extensions are not kept."""
    kept = [name for name in experiments_of(claim) if name in SETTINGS.experiments]
    return [path for name in kept for path in runs_of(name) if path.endswith(".json")]


def extension_options(claim):
    """Options of the runs of extensions that a claim rests on, by "target/condition"."""
    return {
        f"{name}/{condition}": options
        for name in experiments_of(claim)
        for condition, options in SETTINGS.extensions.get(name, {}).items()
    }


def data_provenance_of(claim):
    """Provenance of all data sets that a claim rests on."""
    names = [data for name in experiments_of(claim) for data in SETTINGS.datasets_of(name)]
    for table, protocol in SETTINGS.tables(claim):
        if table == "weights":
            names += [task["dataset"] for task in SETTINGS.weight_tickets[protocol].values()]
    return expand("results/datasets/{name}.json", name=dict.fromkeys(names))


def code_of(claim):
    """Modules that made a claim's tables and verdict, beside those that trained its runs."""
    own = modules("trace", "evidence", "statistics", "claims", *MEASURES)
    for name in experiments_of(claim):
        own += extension_modules(name) if name in SETTINGS.extensions else []
    return list(dict.fromkeys(own))


def archived(claim):
    """What the archive of a run holds of a claim."""
    return [*claim_files(claim), f"results/provenance/{claim}.json"]


NOTEBOOKS = os.path.relpath(ROOT / "workflow/notebooks")
# What lectures use beyond the engine and what it measures.
LECTURES = {
    "racing": ["flow", "forecast"],
    "lottery_ticket": ["flow", "forecast", "tickets"],
    "circularity": ["flow", "forecast"],
    "merging": ["merging", "compression"],
    "pruning": ["merging", "compression"],
    "regimes": ["merging", "compression"],
}


def lecture_inputs(claim):
    """What a claim's notebook reads, whether it is executed or edited."""
    engine = ["datasets", "images", "recipe", "runs", "networks", "span", "training"]
    shown = ["defined", "clusters", "pruning", "dynamics", "claims", "statistics"]
    shown += ["plots/style", "lecture"]
    return {
        "code": modules(*engine, *shown, *LECTURES.get(claim, [])),
        "source": f"{NOTEBOOKS}/{claim}.py",
        "notes": os.path.relpath(ROOT / "paper_notes.md"),
        "verdict": f"results/claims/{claim}.json",
        "evidence": f"results/evidence/{claim}.csv",
        "figure": f"figures/{claim}.png",
        "tables": figure_tables(claim),
    }


def assets(*names):
    """Templates, style sheets and scripts of the pages."""
    return [f"{PACKAGE}/pages/{name}" for name in names]


@functools.cache
def producer(path):
    """The rule that makes a file, or None."""
    if not path.startswith(("results/", "figures/")):
        return None
    return next((maker for maker in workflow.rules if maker.is_producer(path)), None)


@functools.cache
def behind(path):
    """Benchmark file of the job that makes a file, and the files that this job needs."""
    maker = producer(path)
    if maker is None:
        return None, []
    wildcards = maker.get_wildcards(path)
    inputs = dict.fromkeys(map(str, maker.expand_input(wildcards)[0]))
    return maker.expand_benchmark(wildcards), list(inputs)


def benchmarks_behind(paths):
    """Benchmark files of all jobs that files need, read off the rules themselves."""
    seen, waiting, found = set(paths), list(paths), set()
    while waiting:
        benchmark, inputs = behind(waiting.pop())
        found |= {str(benchmark)} if benchmark else set()
        waiting += [path for path in inputs if path not in seen]
        seen.update(inputs)
    return sorted(found)


def claim_files(claim):
    """What a claim's target asks for."""
    return [
        f"results/claims/{claim}.json",
        f"results/evidence/{claim}.csv",
        *multiext(f"figures/{claim}", ".pdf", ".png", ".csv"),
    ]


@functools.cache
def claim_costs():
    """Benchmark files of all jobs behind each claim."""
    return {claim: benchmarks_behind(claim_files(claim)) for claim in CLAIMS}


def explored(experiment):
    """Conditions of an experiment that the race explorer shows."""
    return SETTINGS.explorer["conditions"][experiment]


def explored_forecasts(experiment):
    """Forecasts of the shown conditions, if any of them can be forecast."""
    some = set(explored(experiment)) & set(SETTINGS.forecastable(experiment))
    return [f"results/forecasts/{experiment}.npz"] if some else []


def overlays():
    """Configuration files given on the command line, from the folder of the Snakefile."""
    return [os.path.relpath(path, ROOT) for path in workflow.overwrite_configfiles]
