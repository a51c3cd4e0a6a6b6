# In: verdicts, evidence, figures and benchmarks of all claims; runs and forecasts of the conditions
# that the configuration shows in the explorer.
# Out: results/scorecard.html, results/race.html, results/explorer/<experiment>.npz and .json.


# All claims on one page that needs no network.
rule scorecard:
    input:
        assets=assets(
            "page.html",
            "page.css",
            "cells.html",
            "scorecard.html",
            "scorecard.css",
            "scorecard.js",
        ),
        verdicts=expand("results/claims/{claim}.json", claim=CLAIMS),
        linked=[path for claim in CLAIMS for path in archived(claim)],
        notebooks=expand("results/notebooks/{claim}.html", claim=LECTURED),
        pages=["results/race.html"],
        benchmarks=lambda w: sorted({b for paths in claim_costs().values() for b in paths}),
    output:
        in_report("results/scorecard.html", "all claims", "scorecard"),
    log:
        "results/logs/scorecard.log",
    benchmark:
        "results/benchmarks/scorecard.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        needs=lambda w: claim_costs(),
        seeds=SETTINGS.seeds,
        options=given(),
        changes=CHANGES,
    script:
        "../scripts/scorecard.py"


# A few runs again with the weights of all snapshots, which must repeat the recorded ones.
rule explorer_runs:
    input:
        runs=lambda w: runs_of(w.experiment, explored(w.experiment)),
        neurons="results/dynamics/{experiment}/neurons.csv",
        table="results/dynamics/{experiment}/runs.csv",
        forecasts=lambda w: explored_forecasts(w.experiment),
    output:
        arrays="results/explorer/{experiment}.npz",
        sidecar="results/explorer/{experiment}.json",
    log:
        "results/logs/explorer_runs/{experiment}.log",
    benchmark:
        "results/benchmarks/explorer_runs/{experiment}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        conditions=lambda w: explored(w.experiment),
        kinds=lambda w: explored_kinds(w.experiment),
        seeds=SETTINGS.explorer["seeds"],
        snapshots=SETTINGS.explorer["snapshots"],
    script:
        "../scripts/explorer_runs.py"


# The race as it happened, on one page that needs no network.
rule race_explorer:
    input:
        assets=assets(
            "page.html",
            "page.css",
            "explorer.html",
            "explorer.css",
            "explorer.js",
            "explorer_data.js",
            "explorer_canvas.js",
            "explorer_race.js",
            "explorer_charts.js",
            "explorer_inputs.js",
            "explorer_words.js",
            "explorer_export.js",
            "explorer_page.js",
        ),
        arrays=expand(
            "results/explorer/{experiment}.npz", experiment=SETTINGS.explorer["conditions"]
        ),
        sidecars=expand(
            "results/explorer/{experiment}.json", experiment=SETTINGS.explorer["conditions"]
        ),
    output:
        in_report("results/race.html", "all claims", "race explorer"),
    log:
        "results/logs/race_explorer.log",
    benchmark:
        "results/benchmarks/race_explorer.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    params:
        preset=SETTINGS.preset,
        changes=CHANGES,
    script:
        "../scripts/race_explorer.py"
