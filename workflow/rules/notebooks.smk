# In: a notebook's text, a claim's verdict, evidence, tables and figure, and the equations.
# Out: results/notebooks/<claim>.{html,ipynb}, results/lectures/data.json,
# results/own_network.{html,ipynb}; to edit one in Jupyter,
# `snakemake --cores 1 --edit-notebook results/notebooks/edit/racing`.

# Kinds of data sets that lectures draw anew.
LECTURE_DATA = [
    f"{PACKAGE}/data/kinds/{kind}.py" for kind in ("clusters", "digits", "two_features")
]
DRAFT = "results/notebooks/edit/{claim}.ipynb"


# Execute a notebook with its claim's results, and render it to one self-contained page.
rule notebook:
    input:
        unpack(lambda w: lecture_inputs(w.claim)),
        assets=assets(
            *("lecture.html", "lecture.css", "live.html", "live.css"),
            *("live_network.js", "live.js", "live_arms.js"),
            *("live_plots.js", "live_page.js", "math.woff"),
        ),
    output:
        html="results/notebooks/{claim}.html",
        notebook="results/notebooks/{claim}.ipynb",
    log:
        "results/logs/notebook/{claim}.log",
    benchmark:
        "results/benchmarks/notebook/{claim}.tsv"
    resources:
        mem_mb=memory(2000),
    params:
        uses=lambda w: [f"{NOTEBOOKS}/{w.claim}.py", *LECTURE_DATA],
        title=lambda w: SETTINGS.claims[w.claim]["title"],
        neighbours=lambda w: neighbours(w.claim),
        seeds=SETTINGS.seeds,
    script:
        "../scripts/lecture.py"


# How to use the tools on a network of one's own, executed.
rule tutorial:
    input:
        source=f"{NOTEBOOKS}/own_network.py",
        assets=assets("lecture.html", "lecture.css", "live.css", "math.woff"),
    output:
        html="results/own_network.html",
        notebook="results/own_network.ipynb",
    log:
        "results/logs/tutorial.log",
    benchmark:
        "results/benchmarks/tutorial.tsv"
    resources:
        mem_mb=memory(2000),
    params:
        title="Your own network",
        uses=[
            f"{NOTEBOOKS}/own_network.py",
            *[f"{PACKAGE}/own/{module}.py" for module in ("smaller", "watching")],
        ],
    script:
        "../scripts/lecture.py"


# What networks train on that lectures train in the page.
rule lecture_data:
    output:
        "results/lectures/data.json",
    log:
        "results/logs/lecture_data.log",
    benchmark:
        "results/benchmarks/lecture_data.tsv"
    params:
        uses=LECTURE_DATA[:2],
    script:
        "../scripts/lecture_data.py"


# The same notebook as Jupyter reads it.
rule notebook_draft:
    input:
        source=f"{NOTEBOOKS}/{{claim}}.py",
    output:
        DRAFT,
    log:
        "results/logs/notebook_draft/{claim}.log",
    benchmark:
        "results/benchmarks/notebook_draft/{claim}.tsv"
    script:
        "../scripts/lecture_draft.py"


# Edit it: Snakemake opens Jupyter on the draft, with the same inputs.
rule edit_notebook:
    input:
        unpack(lambda w: lecture_inputs(w.claim)),
        draft=DRAFT,
    output:
        touch("results/notebooks/edit/{claim}"),
    log:
        "results/logs/edit_notebook/{claim}.log",
    params:
        neighbours=lambda w: neighbours(w.claim),
        seeds=SETTINGS.seeds,
    notebook:
        os.path.abspath("results/notebooks/edit/{wildcards.claim}.ipynb")


# What was edited flows back into the text.
onsuccess:
    if workflow.execution_settings.edit_notebook:
        from neuron_race.pages import notebooks

        for claim in LECTURED:
            notebooks.keep_edits(
                Path(DRAFT.format(claim=claim)), Path(f"{NOTEBOOKS}/{claim}.py")
            )
