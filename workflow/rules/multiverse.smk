# In: decisions that the paper leaves open (config), fetched images for data of kind `images`.
# Out: results/multiverse/shard_<number>.npz and .json, results/multiverse/shards/<number>.csv,
# results/multiverse/{runs,universes,claims,decisions}.csv, figures/multiverse.{pdf,png,csv}.
#
# There may be a hundred thousand shards. So what is asked of all of them is asked once, of the job
# that puts their tables together, and no job looks at the universes of another.

UNIVERSES = SETTINGS.multiverse["universes"]
SHARDS = SETTINGS.multiverse["shards"]
# Each kind of data that universes have by its module, and the images that they are drawn from.
MULTIVERSE_DATA = [
    SETTINGS.multiverse["data"][name]
    for name in SETTINGS.multiverse["decisions"]["data"]["options"]
]
MULTIVERSE_MODULES = sorted({path for data in MULTIVERSE_DATA for path in data_modules(data)})
MULTIVERSE_IMAGES = {
    data["images"]: config["images"][data["images"]] for data in MULTIVERSE_DATA if "images" in data
}
MULTIVERSE_FETCHED = [f"{IMAGE_CACHE}/{name}/manifest.json" for name in MULTIVERSE_IMAGES]


wildcard_constraints:
    shard="0|[1-9][0-9]*",  # a list of them all would be gone through for each file


# Some of the universes; which statistics are asked of them plays no part yet.
rule multiverse_train:
    input:
        images=MULTIVERSE_FETCHED,
    output:
        arrays="results/multiverse/shard_{shard}.npz",
        sidecar="results/multiverse/shard_{shard}.json",
    log:
        "results/logs/multiverse_train/{shard}.log",
    benchmark:
        "results/benchmarks/multiverse_train/{shard}.tsv"
    resources:
        mem_mb=memory(2000),
        runtime=runtime("multiverse_train", "{shard}"),
    params:
        universes=lambda w: multiverse.to_train(multiverse.shard(UNIVERSES, int(w.shard), SHARDS)),
        images=MULTIVERSE_IMAGES,
        uses=MULTIVERSE_MODULES,
    script:
        "../scripts/multiverse_train.py"


# What claims are about, task by task.
rule multiverse_measure:
    input:
        images=MULTIVERSE_FETCHED,
        arrays="results/multiverse/shard_{shard}.npz",
        sidecar="results/multiverse/shard_{shard}.json",
    output:
        "results/multiverse/shards/{shard}.csv",
    log:
        "results/logs/multiverse_measure/{shard}.log",
    benchmark:
        "results/benchmarks/multiverse_measure/{shard}.tsv"
    resources:
        mem_mb=memory(max(2000, planning.shard_mb(SETTINGS))),
        runtime=runtime("multiverse_measure", "{shard}"),
    params:
        universes=lambda w: multiverse.shard(UNIVERSES, int(w.shard), SHARDS),
        images=MULTIVERSE_IMAGES,
        uses=MULTIVERSE_MODULES,
    script:
        "../scripts/multiverse_measure.py"


# The tables of all shards, one after another.
rule multiverse_runs:
    input:
        lambda w: expand("results/multiverse/shards/{shard}.csv", shard=range(SHARDS)),
    output:
        "results/multiverse/runs.csv",
    log:
        "results/logs/multiverse_runs.log",
    benchmark:
        "results/benchmarks/multiverse_runs.tsv"
    resources:
        runtime=runtime("multiverse_runs", "multiverse_runs"),
    script:
        "../scripts/multiverse_runs.py"


# In which share of the universes claims hold, and which decisions matter.
rule multiverse_claims:
    input:
        runs="results/multiverse/runs.csv",
    output:
        universes="results/multiverse/universes.csv",
        claims="results/multiverse/claims.csv",
        decisions="results/multiverse/decisions.csv",
    log:
        "results/logs/multiverse_claims.log",
    benchmark:
        "results/benchmarks/multiverse_claims.tsv"
    params:
        decisions=SETTINGS.multiverse["decisions"],
        criteria=SETTINGS.multiverse["criteria"],
    script:
        "../scripts/multiverse_claims.py"


# A specification curve for each statistic.
rule multiverse_figure:
    input:
        universes="results/multiverse/universes.csv",
        claims="results/multiverse/claims.csv",
        decisions="results/multiverse/decisions.csv",
    output:
        multiext("figures/multiverse", pdf=".pdf", png=".png", csv=".csv"),
    log:
        "results/logs/figure/multiverse.log",
    benchmark:
        "results/benchmarks/figure/multiverse.tsv"
    params:
        uses=[f"{PACKAGE}/figures/multiverse.py"],
        told={"preset": preset_words("multiverse")},
    script:
        "../scripts/overview_figure.py"


# Target that tells the shares: `snakemake --cores all multiverse`.
rule multiverse:
    input:
        multiext("figures/multiverse", ".pdf", ".png", ".csv"),
        claims="results/multiverse/claims.csv",
        decisions="results/multiverse/decisions.csv",
    log:
        "results/logs/target/multiverse.log",
    localrule: True
    script:
        "../scripts/multiverse_show.py"
