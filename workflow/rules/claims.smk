# In: per-run tables; the claim's entry in the register.
# Out: results/evidence/<claim>.csv, results/claims/<claim>.json,
# results/claims.{csv,md}, results/nulls.csv.


# Per-run values of all criteria of a claim; its thresholds play no part yet.
rule evidence:
    input:
        tables=lambda w: tables_of(w.claim),
    output:
        "results/evidence/{claim}.csv",
    log:
        "results/logs/evidence/{claim}.log",
    benchmark:
        "results/benchmarks/evidence/{claim}.tsv"
    params:
        criteria=lambda w: measured_criteria(w.claim),
        tasks=lambda w: SETTINGS.tasks(w.claim),
    script:
        "../scripts/evidence.py"


# The verdict: evidence against the register's thresholds.
rule verdict:
    input:
        evidence="results/evidence/{claim}.csv",
    output:
        "results/claims/{claim}.json",
    log:
        "results/logs/verdict/{claim}.log",
    benchmark:
        "results/benchmarks/verdict/{claim}.tsv"
    params:
        claim=lambda w: SETTINGS.claims[w.claim],
        nulls=SETTINGS.nulls,
        preset=SETTINGS.preset,
        changes=lambda w: changes_of(w.claim),
        figures=lambda w: [f"figures/{w.claim}.pdf", f"figures/{w.claim}.png"],
    script:
        "../scripts/verdict.py"


# All verdicts together, with Holm's correction over all confirmatory criteria.
rule scoreboard:
    input:
        verdicts=expand("results/claims/{claim}.json", claim=CLAIMS),
    output:
        csv="results/claims.csv",
        nulls="results/nulls.csv",
        markdown="results/claims.md",
    log:
        "results/logs/scoreboard.log",
    benchmark:
        "results/benchmarks/scoreboard.tsv"
    script:
        "../scripts/scoreboard.py"


# One target per claim, which tells the verdict: `snakemake --cores all racing`.
for claim in CLAIMS:

    rule:
        name:
            claim
        input:
            claim_files(claim),
        log:
            f"results/logs/target/{claim}.log",
        localrule: True
        params:
            verdicts=[f"results/claims/{claim}.json"],
        script:
            "../scripts/show.py"


# The evidence for a claim in words and numbers, on the terminal: `snakemake explain_racing`.
for claim in CLAIMS:

    rule:
        name:
            f"explain_{claim}"
        input:
            verdict=f"results/claims/{claim}.json",
            provenance=f"results/provenance/{claim}.json",
        log:
            f"results/logs/explain/{claim}.log",
        localrule: True
        params:
            equations=SETTINGS.equations,
            options=given(),
            benchmarks=lambda w, claim=claim: benchmarks_of(jobs_behind(claim_files(claim))),
        script:
            "../scripts/explain.py"


# Compare a run with the reference copy of its preset under docs/, or make it that.
for keep, name in ((False, "check_reference"), (True, "keep_reference")):

    rule:
        name:
            name
        input:
            expand("results/claims/{claim}.json", claim=CLAIMS),
            expand("results/evidence/{claim}.csv", claim=CLAIMS),
            expand("figures/{name}.png", name=FIGURES),
            "results/claims.md",
        log:
            f"results/logs/{name}.log",
        localrule: True
        params:
            claims=CLAIMS,
            reference=os.path.relpath(reference.folder(ROOT, SETTINGS.preset)),
            keep=keep,
        script:
            "../scripts/check_reference.py"


# Fails if any verdict differs from the register's expectation.
rule strict:
    input:
        expand("results/claims/{claim}.json", claim=CLAIMS),
    log:
        "results/logs/strict.log",
    localrule: True
    script:
        "../scripts/strict.py"
