# In: options of a data set (config), fetched images for kind `images`, the user's file for kind `file`.
# Out: results/datasets/<name>.npz with seed, X, Y, X_test, Y_test of all seeds, and provenance beside it.


# All seeds of one data set.
rule dataset:
    input:
        images=lambda w: image_manifest(SETTINGS.datasets[w.dataset]),
        file=lambda w: own_file(SETTINGS.datasets[w.dataset]),
    output:
        arrays="results/datasets/{dataset}.npz",
        provenance="results/datasets/{dataset}.json",
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    resources:
        mem_mb=memory(2000),
    params:
        options=lambda w: SETTINGS.datasets[w.dataset],
        images=lambda w: config["images"].get(SETTINGS.datasets[w.dataset].get("images")),
        seeds=SETTINGS.seeds,
        uses=lambda w: data_modules(SETTINGS.datasets[w.dataset]),
    script:
        "../scripts/dataset.py"
