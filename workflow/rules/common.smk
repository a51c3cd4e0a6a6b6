# What several rules files need: names of files and wildcard constraints.

# Relative to the working directory: a folder that moved has nothing to do again.
PACKAGE = os.path.relpath(ROOT / "workflow/src/neuron_race")


# Settings under the names of a registration.
REGISTERED = registration.resolved(SETTINGS)


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
    default = configuration.read(reading.read_yaml(ROOT / "config/config.yaml"), ROOT)
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


def planned_seconds():
    """CPU-seconds that jobs to be run are planned to take, by their benchmark files."""
    files = [str(job.benchmark) for job in workflow.dag.needrun_jobs() if job.benchmark]
    if not forecaster():
        return dict.fromkeys(files, 1.0)
    return {path: forecaster().cost(SETTINGS, *planning.job(path)).seconds for path in files}


def datasets_of(experiment):
    """The data sets that an experiment's conditions use."""
    return expand("results/datasets/{dataset}.npz", dataset=SETTINGS.datasets_of(experiment))


def runs_of(experiment, conditions=None):
    """Run files of an experiment's or extension's conditions (all by default), with sidecars."""
    trained = {**SETTINGS.experiments, **SETTINGS.extensions}
    return expand(
        "results/runs/{experiment}/{condition}.{ending}",
        experiment=experiment,
        condition=trained[experiment] if conditions is None else conditions,
        ending=["npz", "json"],
    )


def trained_together(experiment):
    """Conditions that one job trains, or where each is a shard of its own, how to tell which."""
    conditions = SETTINGS.experiments[experiment]
    if SETTINGS.shard == "experiment":
        return conditions
    return lambda wildcards: {wildcards.condition: conditions[wildcards.condition]}


def table_memory(rule):
    """Memory in MB of a job that measures the runs of an experiment: 2000, or what it needs."""
    return lambda wildcards, attempt: attempt * max(
        2000, planning.memory_mb(SETTINGS, rule, wildcards.experiment)
    )


def image_manifest(options):
    """Manifest of the fetched images that a data set is drawn from, if it is of that kind."""
    return [f"{IMAGE_CACHE}/{options['images']}/manifest.json"] if "images" in options else []


def own_file(options):
    """The user's file that a data set is drawn from, if it is of that kind."""
    return [os.path.expanduser(options["path"])] if options["kind"] == "file" else []


def data_modules(options):
    """Modules that make a data set: of its kind and, if it has one, of its loader."""
    entry = config["images"].get(options.get("images"))
    loader = [f"{PACKAGE}/data/loaders/{entry['loader']}.py"] if entry else []
    return [f"{PACKAGE}/data/kinds/{options['kind']}.py", *loader]


def tables_of(claim):
    """Tables of per-run statistics that a claim's criteria read."""
    return [f"results/{table}/{name}/runs.csv" for table, name in SETTINGS.tables(claim)]


def intermediates():
    """All files that jobs write on the way to verdicts, figures and pages, read off the rules."""
    ends = ["results/site/index.html", *(f"figures/{name}.csv" for name in FIGURES)]
    # Runs that no claim needs are made too.
    trained = [*SETTINGS.experiments, *SETTINGS.extensions]
    ends += [path for experiment in trained for path in runs_of(experiment)]
    return lambda wildcards: sorted(
        slim.left(
            {
                str(output)
                for maker, values in jobs_behind(ends)
                for output in maker.expand_output(dict(values))[0]
            }
        )
    )


def measured_criteria(claim):
    """Criteria without thresholds: a changed threshold changes verdicts, not evidence."""
    judged = ("threshold", "direction", "meaning", "control", "confirmatory", "proportion")
    return [
        {key: value for key, value in criterion.items() if key not in judged}
        for criterion in SETTINGS.asked(claim)
    ]


def figure_tables(claim):
    """Tables that a claim's figure draws."""
    return [f"results/{path}" for path in SETTINGS.claims[claim]["figure_tables"]]


def study_of(target):
    """Name of the modules that train and measure a target beyond one hidden layer."""
    (name,) = {options["study"] for options in SETTINGS.extensions[target].values()}
    return name


def weight_ticket_data(protocol):
    """The data sets of the tasks of a protocol of weight tickets."""
    tasks = SETTINGS.weight_tickets[protocol].values()
    return expand("results/datasets/{dataset}.npz", dataset=[task["dataset"] for task in tasks])


def experiments_of(claim):
    """Experiments and extensions that a claim's criteria and figure rest on, each once."""
    names = [name for _, name in SETTINGS.tables(claim)]
    names += [Path(path).parts[1] for path in SETTINGS.claims[claim]["figure_tables"]]
    known = {**SETTINGS.experiments, **SETTINGS.extensions}
    return [name for name in dict.fromkeys(names) if name in known]


def sidecars_of(claim):
    """Sidecars of all runs that a claim rests on."""
    return [
        path for name in experiments_of(claim) for path in runs_of(name) if path.endswith(".json")
    ]


def protocols_of(claim):
    """Protocols of weight tickets that a claim's criteria rest on."""
    return [name for table, name in SETTINGS.tables(claim) if table == "weights"]


def data_of(claim):
    """Data sets that a claim rests on, each once."""
    names = [data for name in experiments_of(claim) for data in SETTINGS.datasets_of(name)]
    for protocol in protocols_of(claim):
        names += [task["dataset"] for task in SETTINGS.weight_tickets[protocol].values()]
    return list(dict.fromkeys(names))


def changes_of(claim):
    """Settings that differ from the preset's, of those that may change a claim's verdict."""
    names, data = experiments_of(claim), data_of(claim)
    return changes.concerning(
        CHANGES,
        {
            "experiments": names,
            "extensions": names,
            "weight_tickets": protocols_of(claim),
            "datasets": data,
            "images": [
                SETTINGS.datasets[d]["images"] for d in data if "images" in SETTINGS.datasets[d]
            ],
        },
    )


def settled(claim):
    """What a claim's verdict rests on beside code, by the names of a registration -> checksum."""
    names = [*experiments_of(claim), *protocols_of(claim)]
    own = [f"claim {claim}", *(f"data {name}" for name in data_of(claim))]
    lock = "envs/requirements.lock"
    return {lock: freshness.checksum(ROOT / lock)} | {
        key: value
        for key, value in REGISTERED.items()
        if key in own or any(key.startswith(f"run {name}/") for name in names)
    }


@functools.cache
def packed_parts():
    """Files of the workflow that the archive of a run packs."""
    from neuron_race.operations import crate  # slow to import, and of no use to other targets

    return [os.path.relpath(path) for path in (ROOT / "Snakefile", *crate.parts(ROOT))]


def own_register():
    """Files of a register that is not of config/, which an archive packs beside the settings."""
    path = (ROOT / config["claims"]).resolve()
    if path.is_relative_to(ROOT / "config"):
        return []
    return [os.path.relpath(file) for file in register.files(path)]


def archived(claim):
    """What the archive of a run holds of a claim."""
    return [*claim_files(claim), f"results/provenance/{claim}.json"]


NOTEBOOKS = os.path.relpath(ROOT / "workflow/notebooks")


def lecture_inputs(claim):
    """What a claim's notebook reads, whether it is executed or edited."""
    return {
        "source": f"{NOTEBOOKS}/{claim}.py",
        "notes": os.path.relpath(ROOT / "paper_notes.md"),
        "verdict": f"results/claims/{claim}.json",
        "evidence": f"results/evidence/{claim}.csv",
        "figure": f"figures/{claim}.png",
        "tables": figure_tables(claim),
        "live": "results/lectures/data.json",
    }


def neighbours(claim):
    """Names and titles of the claims before and after one in the story, None at its ends."""
    at = CLAIMS.index(claim)
    beside = [CLAIMS[k] if 0 <= k < len(CLAIMS) else None for k in (at - 1, at + 1)]
    return [name and [name, SETTINGS.claims[name]["title"]] for name in beside]


def preset_words(part=""):
    """The preset's name, and whether any setting of this part, or of all, is another."""
    own = {key: value for key, value in CHANGES.items() if key.startswith(part)}
    return phrases.preset({"preset": SETTINGS.preset, "changes": own})


def assets(*names):
    """Templates, style sheets and scripts of the pages."""
    return [f"{PACKAGE}/pages/{name}" for name in names]


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
    return {claim: benchmarks_of(jobs_behind(claim_files(claim))) for claim in CLAIMS}


# Of the site: templates, and documents of the project that are pages of it.
SITE_ASSETS = [f"{name}.md" for name in ("index", "claim", "overview", "datasets", "watch")]
SITE_ASSETS += ["scripts.md", "api.md", "run.md", "cells.html", "site.css", "site.js"]
DOCUMENTS = ["paper_notes.md", "CONTRIBUTING.md", "config/README.md", "docs/with-the-paper.md"]
DOCUMENTS += [
    f"docs/{name}.md"
    for name in (
        "findings",
        "history",
        "multiverse",
        "own-network",
        "readings",
        "running",
        "statistics",
    )
]
EXPLORED = list(SETTINGS.explorer["conditions"])


@functools.cache
def site_origins():
    """Where each criterion's number comes from: claim -> criterion -> see settings.origins."""
    found = {claim: origins.origins(SETTINGS, claim) for claim in CLAIMS}
    for own in (origin for by_name in found.values() for origin in by_name.values()):
        own["script"] = Path(str(job_of(own["table"])[0].script)).name
    return found


def site_scripts():
    """Scripts that write the tables that criteria read."""
    own = {origin["script"] for by_name in site_origins().values() for origin in by_name.values()}
    return [os.path.relpath(ROOT / "workflow/scripts" / name) for name in sorted(own)]


def site_modules():
    """Modules whose docstrings are pages of the site."""
    return [f"{PACKAGE}/{module.replace('.', '/')}.py" for room in API.values() for module in room]


def described_data():
    """Options of each data set, with what its kind is about."""
    found = {}
    for name, options in SETTINGS.datasets.items():
        about = importlib.import_module(f"neuron_race.data.kinds.{options['kind']}").__doc__
        found[name] = {"about": " ".join(about.split("\n\n")[0].split()), **options}
    return found


def explored(experiment):
    """Conditions of an experiment that the race explorer shows."""
    return SETTINGS.explorer["conditions"][experiment]


def explored_kinds(experiment):
    """Kinds of the data sets of the conditions that the race explorer shows."""
    datasets = [SETTINGS.experiments[experiment][c]["dataset"] for c in explored(experiment)]
    return [SETTINGS.datasets[name]["kind"] for name in datasets]


def explored_forecasts(experiment):
    """Forecasts of the shown conditions, if any of them can be forecast."""
    some = set(explored(experiment)) & set(SETTINGS.forecastable(experiment))
    return [f"results/forecasts/{experiment}.npz"] if some else []


def given():
    """Configuration given on the command line, as words of a command in the Snakefile's folder."""
    files = [os.path.relpath(path, ROOT) for path in workflow.overwrite_configfiles]
    values = [shlex.quote(f"{k}={v}") for k, v in workflow.config_settings.config.items()]
    return [
        *(["--configfile", *map(shlex.quote, files)] if files else []),
        *(["--config", *values] if values else []),
    ]
