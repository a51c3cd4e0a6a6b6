# In: a notebook's text, a claim's verdict, evidence, tables and figure, and the equations.
# Out: results/notebooks/<claim>.{html,ipynb}; to edit one in Jupyter,
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
        template=os.path.relpath(ROOT / "workflow/report/lecture/index.html.j2"),
        style=os.path.relpath(ROOT / "workflow/report/lecture/lecture.css"),
        conf=os.path.relpath(ROOT / "workflow/report/lecture/conf.json"),
    output:
        html="results/notebooks/{claim}.html",
        notebook="results/notebooks/{claim}.ipynb",
    log:
        "results/logs/notebook/{claim}.log",
    benchmark:
        "results/benchmarks/notebook/{claim}.tsv"
    conda:
        "../../envs/neuron_race.yaml"
    resources:
        mem_mb=memory(2000),
    params:
        uses=lambda w: [f"{NOTEBOOKS}/{w.claim}.py", *LECTURE_DATA],
    script:
        "../scripts/lecture.py"


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
    conda:
        "../../envs/neuron_race.yaml"
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
    conda:
        "../../envs/neuron_race.yaml"
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
