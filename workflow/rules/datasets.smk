# In: options of a data set (config), fetched images for kind `images`.
# Out: results/datasets/<name>/seed<seed>.npz with X, Y, X_test, Y_test, and provenance.


# All seeds of one data set.
rule dataset:
    input:
        code=modules("datasets", "images"),
        images=lambda w: image_manifest(SETTINGS.datasets[w.dataset]),
    output:
        expand("results/datasets/{{dataset}}/seed{seed}.npz", seed=SETTINGS.seeds),
        provenance="results/datasets/{dataset}/provenance.json",
    log:
        "results/logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        options=lambda w: SETTINGS.datasets[w.dataset],
        seeds=SETTINGS.seeds,
    script:
        "../scripts/dataset.py"
