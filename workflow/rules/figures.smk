# In: tidy tables and the verdict; plots never see runs, so that a restyle never retrains.
# Out: figures/<claim>.{pdf,png} and, beside them, the numbers drawn: figures/<claim>.csv.


# A rule each, so that logs and costs name the figure.
for claim in CLAIMS:

    rule:
        name:
            f"figure_{claim}"
        input:
            tables=figure_tables(claim),
            verdict=f"results/claims/{claim}.json",
        output:
            multiext(f"figures/{claim}", pdf=".pdf", png=".png", csv=".csv"),
        log:
            f"results/logs/figure/{claim}.log",
        benchmark:
            f"results/benchmarks/figure/{claim}.tsv"
        resources:
            runtime=10,
        params:
            uses=[f"{PACKAGE}/figures/{claim}.py"],
            tasks=SETTINGS.tasks_drawn(claim),
        script:
            "../scripts/figure.py"


# Criteria against nulls: what is left when a part of the theory is taken away.
rule nulls:
    input:
        table="results/nulls.csv",
    output:
        multiext("figures/nulls", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/figure/nulls.log",
    benchmark:
        "results/benchmarks/figure/nulls.tsv"
    params:
        uses=[f"{PACKAGE}/figures/nulls.py"],
        told={"preset": preset_words()},
    script:
        "../scripts/overview_figure.py"


# Criteria over tasks: where each lies, their mean, and where a new one would.
rule tasks:
    input:
        scores="results/claims.csv",
        evidence=expand("results/evidence/{claim}.csv", claim=CLAIMS),
    output:
        multiext("figures/tasks", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/figure/tasks.log",
    benchmark:
        "results/benchmarks/figure/tasks.tsv"
    params:
        uses=[f"{PACKAGE}/figures/tasks.py"],
        told={},
    script:
        "../scripts/overview_figure.py"


# Criteria on all image pairs side by side; asked for where the configuration has `replicate`.
rule replication:
    input:
        scores="results/claims.csv",
    output:
        multiext("figures/replication", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/figure/replication.log",
    benchmark:
        "results/benchmarks/figure/replication.tsv"
    params:
        uses=[f"{PACKAGE}/figures/replication.py"],
        told={
            "copies": list(config.get("replicate", {})),
            "original": SETTINGS.experiments["pair"]["gaussian"]["dataset"],
        },
    script:
        "../scripts/overview_figure.py"
