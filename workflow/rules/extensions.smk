# In: the data sets that an extension's conditions use.
# Out: results/runs/<target>/<condition>.npz and .json; results/extension/<target>/{runs,details}.csv.


# Train all conditions of a target beyond one hidden layer in one job; see rules train_<experiment>.
for target in SETTINGS.extensions:

    rule:
        name:
            f"train_{target}"
        input:
            data=datasets_of(target),
        output:
            runs_of(target),
        log:
            f"results/logs/train_study/{target}.log",
        benchmark:
            f"results/benchmarks/train_study/{target}.tsv"
        resources:
            mem_mb=memory(2000),
            runtime=runtime("train_study", target),
        params:
            target=target,
            study=study_of(target),
            uses=[f"{PACKAGE}/studies/trained/{study_of(target)}.py"],
            conditions=SETTINGS.extensions[target],
        script:
            "../scripts/train_study.py"


# What its runs show, layer by layer or ticket by ticket.
rule extension:
    input:
        runs=lambda w: runs_of(w.target),
        data=lambda w: datasets_of(w.target),
    output:
        runs="results/extension/{target}/runs.csv",
        details="results/extension/{target}/details.csv",
    log:
        "results/logs/extension/{target}.log",
    benchmark:
        "results/benchmarks/extension/{target}.tsv"
    resources:
        mem_mb=memory(2000),
        runtime=runtime("extension", "{target}"),
    params:
        target="{target}",
        study=lambda w: study_of(w.target),
        uses=lambda w: [f"{PACKAGE}/studies/{study_of(w.target)}.py"],
        conditions=lambda w: SETTINGS.extensions[w.target],
    script:
        "../scripts/measure_study.py"
