# In: the data sets that an extension's conditions use.
# Out: results/extension/<target>/{runs,details}.csv.


# Train and measure all conditions of a target beyond one hidden layer: one job, start-up paid once.
rule extension:
    input:
        data=lambda w: datasets_of(w.target),
    output:
        runs="results/extension/{target}/runs.csv",
        details="results/extension/{target}/details.csv",
    log:
        "results/logs/extension/{target}.log",
    benchmark:
        "results/benchmarks/extension/{target}.tsv"
    # Long, and nothing waits for it but its own verdict: late, it would run alone at the end.
    priority: 1
    conda:
        "../../envs/neuron_race.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=runtime("extension", "{target}"),
    params:
        target="{target}",
        uses=lambda w: studies(w.target),
        conditions=lambda w: SETTINGS.extensions[w.target],
    script:
        "../scripts/extension.py"
