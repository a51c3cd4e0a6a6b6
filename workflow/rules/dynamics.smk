# In: runs of an experiment; for the race, forecasts too.
# Out: results/dynamics/<experiment>/{runs,neurons,trajectory}.csv, results/race/<experiment>/...


# Alignment, gates, growth and clusters: per run, per neuron, per snapshot.
rule dynamics:
    input:
        runs=lambda w: runs_of(w.experiment),
    output:
        runs="results/dynamics/{experiment}/runs.csv",
        neurons="results/dynamics/{experiment}/neurons.csv",
        trajectory="results/dynamics/{experiment}/trajectory.csv",
    log:
        "results/logs/dynamics/{experiment}.log",
    benchmark:
        "results/benchmarks/dynamics/{experiment}.tsv"
    resources:
        mem_mb=table_memory("dynamics"),
        runtime=runtime("dynamics", "{experiment}"),
    params:
        measure="dynamics",
        uses=[f"{PACKAGE}/measures/dynamics.py"],
    script:
        "../scripts/measure.py"


# Forecasts against what happened.
rule race:
    input:
        runs=lambda w: runs_of(w.experiment, SETTINGS.forecastable(w.experiment)),
        neurons="results/dynamics/{experiment}/neurons.csv",
        forecasts="results/forecasts/{experiment}.npz",
    output:
        runs="results/race/{experiment}/runs.csv",
        neurons="results/race/{experiment}/neurons.csv",
    log:
        "results/logs/race/{experiment}.log",
    benchmark:
        "results/benchmarks/race/{experiment}.tsv"
    resources:
        mem_mb=table_memory("race"),
        runtime=runtime("race", "{experiment}"),
    params:
        conditions=lambda w: list(SETTINGS.forecastable(w.experiment)),
    script:
        "../scripts/race.py"
