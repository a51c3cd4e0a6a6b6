# In: per-run tables; the claim's entry in the register.
# Out: results/evidence/<claim>.csv, results/claims/<claim>.json, results/claims.{csv,md}.


# Per-run values of all criteria of a claim; its thresholds play no part yet.
rule evidence:
    input:
        code=modules("claims"),
        tables=lambda w: tables_of(w.claim),
    output:
        "results/evidence/{claim}.csv",
    log:
        "results/logs/evidence/{claim}.log",
    benchmark:
        "results/benchmarks/evidence/{claim}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        criteria=lambda w: measured_criteria(w.claim),
    script:
        "../scripts/evidence.py"


# The verdict: evidence against the register's thresholds.
rule verdict:
    input:
        code=modules("claims", "statistics"),
        evidence="results/evidence/{claim}.csv",
    output:
        "results/claims/{claim}.json",
    log:
        "results/logs/verdict/{claim}.log",
    benchmark:
        "results/benchmarks/verdict/{claim}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        claim=lambda w: SETTINGS.claims[w.claim],
        preset=SETTINGS.preset,
        figures=lambda w: [f"figures/{w.claim}.pdf", f"figures/{w.claim}.png"],
    script:
        "../scripts/verdict.py"


# All verdicts together, with Holm's correction over all confirmatory criteria.
rule scoreboard:
    input:
        code=modules("claims", "statistics"),
        verdicts=expand("results/claims/{claim}.json", claim=CLAIMS),
    output:
        csv="results/claims.csv",
        markdown="results/claims.md",
    log:
        "results/logs/scoreboard.log",
    benchmark:
        "results/benchmarks/scoreboard.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    script:
        "../scripts/scoreboard.py"


# One target per claim: `snakemake --cores all racing`.
for claim in CLAIMS:

    rule:
        name:
            claim
        input:
            claim_files(claim),
        localrule: True


# Fails if any verdict differs from the register's expectation.
rule strict:
    input:
        expand("results/claims/{claim}.json", claim=CLAIMS),
    log:
        "results/logs/strict.log",
    localrule: True
    conda:
        "../../envs/neuron_race.yaml"
    script:
        "../scripts/strict.py"
