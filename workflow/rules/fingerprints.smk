# In: the rules, settings, code and source files, the measured costs.
# Out: for each job what it is made of, and its fingerprint (see neuron_race.common.freshness), as the parameter
# `made_of`; a request to run again those whose records have another; its priority.


@functools.cache
def makers():
    """Rules by what they make: to ask each of them for each file would take longer than the rest."""
    return OutputIndex(workflow.rules)


@functools.cache
def job_of(path):
    """The job that makes a file, as its rule and its wildcards in pairs, or None."""
    if not path.startswith(("results/", "figures/", f"{IMAGE_CACHE}/")):
        return None
    for maker in makers().match_producers(path):
        return maker, tuple(sorted(maker.get_wildcards(path).items()))
    return None


@functools.cache
def inputs_of(job):
    """Input files of a job."""
    maker, values = job
    return list(dict.fromkeys(map(str, maker.expand_input(dict(values))[0])))


def needed(paths):
    """These files and all that are needed to make them, from the first job on."""
    found, waiting = dict.fromkeys(paths), list(paths)
    while waiting:
        job = job_of(waiting.pop())
        more = [path for path in (inputs_of(job) if job else []) if path not in found]
        found.update(dict.fromkeys(more))
        waiting += more
    return list(found)


def jobs_behind(paths):
    """All jobs that files need, each once."""
    return list(dict.fromkeys(job for path in needed(paths) if (job := job_of(path))))


def jobs_of_all():
    """All jobs of a whole run."""
    return jobs_behind(inputs_of((workflow.get_rule("all"), ())))


def benchmark_of(job):
    """Benchmark file of a job, or None."""
    maker, values = job
    return str(maker.expand_benchmark(dict(values))) if maker.benchmark else None


def benchmarks_of(jobs):
    """Benchmark files of jobs, of those that have one."""
    return sorted({benchmark_of(job) for job in jobs} - {None})


@functools.cache
def made_of(job):
    """What a job is made of, and its fingerprint, known before anything runs."""
    maker, values = job[0], Wildcards(fromdict=dict(job[1]))
    told = {
        key: value(values) if callable(value) else value
        for key, value in maker.params.items()
        if key != "made_of"
    }
    records, sources, images = {}, {}, {}
    for path in inputs_of(job):
        if earlier := job_of(path):
            before = made_of(earlier)
            # Images have checksums of their own, and may be another folder's.
            known = images if path.startswith(f"{IMAGE_CACHE}/") else records
            known[before["record"]] = before["fingerprint"]
        elif path.startswith(("results/", "figures/")):
            raise freshness.StaleError(f"{maker.name} needs {path}, which no rule makes")
        else:
            sources[freshness.name_of(path)] = freshness.checksum(path)
    script = ROOT / "workflow/scripts" / Path(str(maker.script)).name
    return freshness.made_of(
        freshness.code(script, *(Path(path).resolve() for path in told.get("uses", []))),
        {"wildcards": dict(job[1]), "images": images, **told},
        records,
        sources,
        str(
            Path("results/records", *Path(maker.expand_log(values)[0]).parts[2:]).with_suffix(
                ".json"
            )
        ),
    )


def asked_again(job):
    """No input, but a request: Snakemake shall run a job whose record is of something else.

    Its own records tell it so, too, unless they are lost (`.snakemake` deleted), put aside
    (`--cleanup-metadata`) or not looked at (`--rerun-triggers mtime`).
    """
    # While fingerprints are computed there is no graph yet, or this job's is under way.
    if workflow.is_main_process and workflow._dag is not None and job not in ASKED:
        ASKED.add(job)
        outputs = set(map(str, job[0].expand_output(dict(job[1]))[0]))
        made = made_of(job)
        if outputs and not freshness.known(made):
            workflow.dag.forcefiles.update(filter(os.path.exists, outputs))
    return []


ASKED = set()


def add_fingerprint(maker):
    """Tell a rule's jobs what they are made of, and ask for those again whose records differ."""

    def job(wildcards):
        return maker, tuple(sorted(wildcards.items()))

    maker.set_params(made_of=lambda wildcards: made_of(job(wildcards)))
    maker.set_input(lambda wildcards: asked_again(job(wildcards)))


def seconds_of(job):
    """Forecast cost of a job; of one without a benchmark, nothing."""
    if not (path := benchmark_of(job)) or not forecaster():
        return 0.0
    return forecaster().cost(SETTINGS, *planning.job(path)).seconds


@functools.cache
def priorities():
    """Priority of each job behind a verdict."""
    needs = {claim: jobs_behind([f"results/claims/{claim}.json"]) for claim in CLAIMS}
    return order.priorities(needs, functools.cache(seconds_of))


def put_in_order(maker):
    """Give a rule's jobs their priorities, which only the process that schedules needs."""

    def priority(wildcards):
        return priorities().get((maker, tuple(sorted(wildcards.items()))), 0)

    if workflow.is_main_process:
        maker.priority = priority


def timetable(cores):
    """When each verdict is expected, in seconds from the start, on a number of cores."""
    before = {job: {job_of(path) for path in inputs_of(job)} - {None} for job in jobs_of_all()}
    ended = order.simulate(before, functools.cache(seconds_of), priorities(), cores)
    verdicts = {claim: ended[job_of(f"results/claims/{claim}.json")] for claim in CLAIMS}
    return {"verdicts": verdicts, "end": max(ended.values())}


def code_behind(path):
    """Code of all jobs that a file was made by: name -> checksum."""
    jobs = jobs_behind([path])
    return dict(sorted({k: v for job in jobs for k, v in made_of(job)["code"].items()}.items()))


def redone():
    """What an edit redoes: name of a file of code -> benchmark files of all jobs of a whole run
    that use it or come after one that does."""
    jobs = {job: made_of(job) for job in jobs_of_all() if job[0].script}
    readers = {}
    for job, made in jobs.items():
        for record in made["records"]:
            readers.setdefault(record, []).append(job)
    found = {}
    for name in sorted({name for made in jobs.values() for name in made["code"]}):
        waiting = [job for job, made in jobs.items() if name in made["code"]]
        reached = set(waiting)
        while waiting:
            more = set(readers.get(jobs[waiting.pop()]["record"], [])) - reached
            reached |= more
            waiting += more
        found[name] = benchmarks_of(reached)
    return found
