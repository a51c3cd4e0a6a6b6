# In: verdicts, figures, tables, and the sidecars of runs and data sets.
# Out: results/provenance/<claim>.json, results/crate.zip; on the terminal, what all of it cost.


# What made a verdict and its figure, back to the data's sources.
rule provenance:
    input:
        verdict="results/claims/{claim}.json",
        figures=multiext("figures/{claim}", ".pdf", ".png", ".csv"),
        tables=lambda w: tables_of(w.claim),
        runs=lambda w: sidecars_of(w.claim),
        datasets=lambda w: expand("results/datasets/{name}.json", name=data_of(w.claim)),
        registration=os.path.relpath(ROOT / registration.FILE),
    output:
        "results/provenance/{claim}.json",
    log:
        "results/logs/provenance/{claim}.log",
    benchmark:
        "results/benchmarks/provenance/{claim}.tsv"
    params:
        seeds=SETTINGS.seeds,
        code=lambda w: code_behind(f"results/claims/{w.claim}.json"),
        settled=lambda w: settled(w.claim),
    script:
        "../scripts/provenance.py"


# The whole run as a research object, to archive: `snakemake crate`.
rule crate:
    input:
        own_register(),
        # An edit of what is packed, were it README alone, makes another archive.
        parts=lambda w: packed_parts(),
        results=["results/claims.csv", "results/claims.md"],
        claims=[path for claim in CLAIMS for path in archived(claim)],
    output:
        "results/crate.zip",
    log:
        "results/logs/crate.log",
    localrule: True
    params:
        root=str(ROOT),
        preset=SETTINGS.preset,
        overlay=OVERLAY,
        changes=CHANGES,
    script:
        "../scripts/crate.py"


# What the jobs so far have cost, per rule and per claim: `snakemake --cores 1 cost`.
rule cost:
    log:
        "results/logs/cost.log",
    localrule: True
    params:
        needs=lambda w: claim_costs(),
    script:
        "../scripts/cost.py"


# Finish the run, then delete its trained networks: `snakemake --cores all slim`.
rule slim:
    input:
        lambda w: [
            path for path in inputs_of((workflow.get_rule("all"), ())) if not path.endswith(".npz")
        ],
    log:
        "results/logs/slim.log",
    localrule: True
    script:
        "../scripts/slim.py"


# When verdicts are to be expected on two cores: `snakemake --cores 1 timetable`.
rule timetable:
    log:
        "results/logs/timetable.log",
    localrule: True
    params:
        cores=2,
        expected=lambda w: timetable(2),
    script:
        "../scripts/timetable.py"


# Which share of a run's CPU-seconds an edit of a module redoes: `snakemake --cores 1 reruns`.
rule reruns:
    log:
        "results/logs/reruns.log",
    localrule: True
    params:
        redone=lambda w: redone(),
        measured=os.path.relpath(ROOT / "docs/reference/costs.csv"),
    script:
        "../scripts/reruns.py"
