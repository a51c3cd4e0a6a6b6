# In: sources of image files (config), each with its checksum.
# Out: <image_cache>/<images>/manifest.json, with the files it lists beside it.
from neuron_race.data import images

try:
    for name, entry in config["images"].items():
        images.check(name, entry)
    where, folder = "NEURON_RACE_CACHE", os.getenv("NEURON_RACE_CACHE")
    if folder is None:
        where, folder = "config: image_cache", config["image_cache"]
    IMAGE_CACHE = images.cache_folder(folder, where, config["images"])
except images.SourceError as error:
    raise WorkflowError(str(error)) from None


# Only the manifest is an output: Snakemake deletes outputs before a rerun, downloads shall stay.
rule fetch_images:
    output:
        manifest=f"{IMAGE_CACHE}/{{images}}/manifest.json",
    log:
        "results/logs/fetch_images/{images}.log",
    wildcard_constraints:
        images="|".join(config["images"]),
    params:
        images=lambda wildcards: config["images"][wildcards.images],
        uses=lambda w: [f"{PACKAGE}/data/loaders/{config['images'][w.images]['loader']}.py"],
    script:
        "../scripts/fetch_images.py"
