# In: runs of an experiment whose weights are kept at several moments.
# Out: results/moments/<experiment>/runs.csv, figures/moments.{pdf,png,csv}.

MOMENTS = "moments/moments/runs.csv"  # the table that is drawn


# What core claims are about, at each moment.
rule moments:
    input:
        runs=lambda w: runs_of(w.experiment),
    output:
        runs="results/moments/{experiment}/runs.csv",
    log:
        "results/logs/moments/{experiment}.log",
    benchmark:
        "results/benchmarks/moments/{experiment}.tsv"
    resources:
        mem_mb=table_memory("moments"),
        runtime=runtime("moments", "{experiment}"),
    params:
        measure="moments",
        uses=[f"{PACKAGE}/measures/moments.py"],
    script:
        "../scripts/measure.py"


# The same against training time.
rule moments_figure:
    input:
        f"results/{MOMENTS}",
    output:
        multiext("figures/moments", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/figure/moments.log",
    benchmark:
        "results/benchmarks/figure/moments.tsv"
    params:
        criteria=SETTINGS.multiverse["criteria"],
        drops=SETTINGS.experiments["moments"]["gaussian"]["drops"],
        table=MOMENTS,
        tasks=SETTINGS.tasks_measured([MOMENTS]),
        preset=preset_words(),
    script:
        "../scripts/moments_figure.py"
