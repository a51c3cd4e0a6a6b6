# In: the data sets of an experiment; then its runs.
# Out: results/predictions/<experiment>.json, results/{laws,delays}/<experiment>/runs.csv.


# What the laws say before training: no run is an input.
rule predict:
    input:
        data=lambda w: datasets_of(w.experiment),
    output:
        "results/predictions/{experiment}.json",
    log:
        "results/logs/predict/{experiment}.log",
    benchmark:
        "results/benchmarks/predict/{experiment}.tsv"
    resources:
        mem_mb=table_memory("predict"),
        runtime=runtime("predict", "{experiment}"),
    params:
        experiment="{experiment}",
        conditions=lambda w: SETTINGS.predicted(w.experiment),
        datasets=lambda w: {
            name: SETTINGS.datasets[name] for name in SETTINGS.datasets_of(w.experiment)
        },
        tickets=lambda w: SETTINGS.conditions_read("delays", w.experiment),
        shuffled=lambda w: SETTINGS.conditions_read("laws", w.experiment, "drop_error_shuffled"),
    script:
        "../scripts/predict.py"


# Predicted against measured, run by run; for delays, tickets are trained until they drop.
COMPARED = {
    "laws": "results/laws/{experiment}/runs.csv",
    "delays": "results/delays/{experiment}/runs.csv",
}
for compared, table_of_runs in COMPARED.items():

    rule:
        name:
            f"compare_{compared}"
        input:
            runs=lambda w, table=compared: runs_of(
                w.experiment, SETTINGS.conditions_read(table, w.experiment)
            ),
            predictions="results/predictions/{experiment}.json",
        output:
            runs=table_of_runs,
        log:
            f"results/logs/{compared}/{{experiment}}.log",
        benchmark:
            f"results/benchmarks/{compared}/{{experiment}}.tsv"
        resources:
            mem_mb=table_memory(compared),
            runtime=runtime(compared, "{experiment}"),
        params:
            table=compared,
            conditions=lambda w, table=compared: SETTINGS.conditions_read(table, w.experiment),
        script:
            "../scripts/laws.py"
