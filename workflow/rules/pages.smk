# In: verdicts, evidence, figures, lectures and benchmarks of all claims; the tutorial; the project's documents;
# runs and forecasts of the conditions that the configuration shows in the explorer.
# Out: results/site, results/race.html, results/explorer/<experiment>.npz and .json.


# Everything in one place, with pages that link: opens without a network, from any folder.
rule site:
    input:
        assets=assets("math.woff", *(f"site/{name}" for name in SITE_ASSETS)),
        documents=[os.path.relpath(ROOT / name) for name in DOCUMENTS],
        scripts=lambda w: site_scripts(),
        verdicts=expand("results/claims/{claim}.json", claim=CLAIMS),
        evidence=expand("results/evidence/{claim}.csv", claim=CLAIMS),
        provenance=expand("results/provenance/{claim}.json", claim=CLAIMS),
        tables=["results/claims.csv", "results/nulls.csv"],
        universes="results/multiverse/claims.csv",
        decisions="results/multiverse/decisions.csv",
        figures=expand("figures/{name}.{ending}", name=FIGURES, ending=["png", "csv"]),
        explorer="results/race.html",
        explored=expand("results/explorer/{experiment}.json", experiment=EXPLORED),
        lectures=expand("results/notebooks/{claim}.html", claim=LECTURED),
        tutorial="results/own_network.html",
        benchmarks=lambda w: sorted({b for paths in claim_costs().values() for b in paths}),
    output:
        "results/site/index.html",
        expand("results/site/claims/{claim}.html", claim=CLAIMS),
        "results/site/searchindex.js",
    log:
        "results/logs/site.log",
    benchmark:
        "results/benchmarks/site.tsv"
    resources:
        mem_mb=memory(2000),
    params:
        needs=lambda w: claim_costs(),
        documents=DOCUMENTS,
        origins=lambda w: site_origins(),
        datasets=described_data(),
        preset=SETTINGS.preset,
        seeds=SETTINGS.seeds,
        options=given(),
        changes=CHANGES,
        uses=site_modules(),
    script:
        "../scripts/site.py"


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
        arrays=expand("results/explorer/{experiment}.npz", experiment=EXPLORED),
        sidecars=expand("results/explorer/{experiment}.json", experiment=EXPLORED),
    output:
        "results/race.html",
    log:
        "results/logs/race_explorer.log",
    benchmark:
        "results/benchmarks/race_explorer.tsv"
    params:
        preset=SETTINGS.preset,
        changes=CHANGES,
    script:
        "../scripts/race_explorer.py"
