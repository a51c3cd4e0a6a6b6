# Only the manifest is an output: Snakemake deletes outputs before a rerun, downloads shall stay.
IMAGE_CACHE = os.getenv("NEURON_RACE_CACHE") or config.get("image_cache", "results/datasets/raw")


rule fetch_images:
    output:
        manifest=f"{IMAGE_CACHE}/{{images}}/manifest.json",
    log:
        "results/logs/fetch_images/{images}.log",
    wildcard_constraints:
        images="|".join(config["images"]),
    conda:
        "../../envs/neuron_race.yaml"
    params:
        images=lambda wildcards: config["images"][wildcards.images],
    script:
        "../scripts/fetch_images.py"
