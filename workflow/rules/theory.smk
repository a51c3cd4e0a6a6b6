# In: nothing; tasks and weights come from the seed below.
# Out: results/theory/{race,escape,limit,conservation,errors}.csv, figures/theory.{pdf,png,csv}.


# Closed form, numerical flow and trained network on common axes.
rule theory_tables:
    output:
        race="results/theory/race.csv",
        escape="results/theory/escape.csv",
        limit="results/theory/limit.csv",
        conservation="results/theory/conservation.csv",
        errors="results/theory/errors.csv",
    log:
        "results/logs/theory/tables.log",
    benchmark:
        "results/benchmarks/theory/tables.tsv"
    resources:
        mem_mb=memory(1000),
    params:
        seed=7,
        uses=[f"{PACKAGE}/data/kinds/clusters.py"],
    script:
        "../scripts/theory.py"


# Draw them.
rule theory:
    input:
        tables=rules.theory_tables.output,
    output:
        multiext("figures/theory", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/theory/figure.log",
    benchmark:
        "results/benchmarks/theory/figure.tsv"
    params:
        uses=[f"{PACKAGE}/figures/theory.py"],
        told={},
    script:
        "../scripts/overview_figure.py"
