# In: runs of an experiment.
# Out: results/compression/<experiment>/{runs,merging,pruning}.csv.


# Merge by each rule, prune by each arm.
rule compression:
    input:
        runs=lambda w: runs_of(w.experiment),
    output:
        runs="results/compression/{experiment}/runs.csv",
        merging="results/compression/{experiment}/merging.csv",
        pruning="results/compression/{experiment}/pruning.csv",
    log:
        "results/logs/compression/{experiment}.log",
    benchmark:
        "results/benchmarks/compression/{experiment}.tsv"
    resources:
        mem_mb=table_memory("compression"),
        runtime=runtime("compression", "{experiment}"),
    params:
        measure="compression",
        uses=[f"{PACKAGE}/measures/compression.py"],
    script:
        "../scripts/measure.py"
