# In: verdicts, figures, tables, and the sidecars of runs and data sets.
# Out: results/provenance/<claim>.json, results/crate.zip.


# What made a verdict and its figure, back to the data's sources.
rule provenance:
    input:
        code=modules("trace", "evidence", "statistics", "claims", *MEASURES),
        verdict="results/claims/{claim}.json",
        figures=multiext("figures/{claim}", ".pdf", ".png", ".csv"),
        tables=lambda w: tables_of(w.claim),
        runs=lambda w: sidecars_of(w.claim),
        datasets=lambda w: data_provenance_of(w.claim),
    output:
        in_report("results/provenance/{claim}.json", "{claim}", "what made it"),
    log:
        "results/logs/provenance/{claim}.log",
    benchmark:
        "results/benchmarks/provenance/{claim}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        seeds=SETTINGS.seeds,
    script:
        "../scripts/provenance.py"


# The whole run as a research object, to archive: `snakemake crate`.
rule crate:
    input:
        code=modules("crate"),
        results=["results/claims.csv", "results/claims.md"],
        claims=[path for claim in CLAIMS for path in archived(claim)],
    output:
        "results/crate.zip",
    log:
        "results/logs/crate.log",
    localrule: True
    conda:
        "../../envs/neuron_race.yaml"
    params:
        root=str(ROOT),
        preset=SETTINGS.preset,
    script:
        "../scripts/crate.py"
