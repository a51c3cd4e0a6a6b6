# In: tidy tables and the verdict; plots never see runs, so that a restyle never retrains.
# Out: figures/<claim>.{pdf,png} and, beside them, the numbers drawn: figures/<claim>.csv.


rule figure:
    input:
        code=lambda w: figure_modules(w.claim),
        tables=lambda w: figure_tables(w.claim),
        verdict="results/claims/{claim}.json",
    output:
        pdf="figures/{claim}.pdf",
        png="figures/{claim}.png",
        csv="figures/{claim}.csv",
    log:
        "results/logs/figure/{claim}.log",
    benchmark:
        "results/benchmarks/figure/{claim}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    script:
        "../scripts/figure.py"


# Criteria on all image pairs side by side; asked for where the configuration has `replicate`.
rule replication:
    input:
        code=modules("statistics", "plots/style", "plots/replication"),
        scores="results/claims.csv",
    output:
        pdf="figures/replication.pdf",
        png="figures/replication.png",
        csv="figures/replication.csv",
    log:
        "results/logs/figure/replication.log",
    benchmark:
        "results/benchmarks/figure/replication.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        copies=list(config.get("replicate", {})),
    script:
        "../scripts/replication_figure.py"
