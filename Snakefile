# Every theoretical claim is a target: `snakemake --cores all racing`, and `snakemake --cores all`
# for all of them. The graph: dataset -> runs -> dynamics, compression, race -> evidence -> verdict
# -> figure -> claims.md.
import functools
import importlib
import os
import shlex
import sys
from pathlib import Path

from snakemake.iocontainers import Wildcards
from snakemake.output_index import OutputIndex
from snakemake.utils import min_version

min_version("9.0")


# Snakemake calls the interpreter of scripts unquoted: an environment below a folder whose name has a
# space would not be found.
BIN = Path(sys.executable).parent
sys.executable = shlex.quote(sys.executable)
ROOT = Path(workflow.basedir)

try:
    import neuron_race
    from neuron_race.common import homes, instructions, terminal
    from neuron_race.operations import telling
except ImportError as error:
    raise WorkflowError(
        f"{error}: `make` sets up the environment that the workflow runs in"
    ) from None
# The package of another copy of the project would make results that no file here explains.
HERE = ROOT / "workflow/src"
if Path(neuron_race.__file__).resolve().parents[1] != HERE.resolve():
    raise WorkflowError(
        f"the package neuron_race of this environment is not the one of this folder, but "
        f"{Path(neuron_race.__file__).parent}: `make` here, or set PYTHONPATH={shlex.quote(str(HERE))}"
    )

# All jobs inherit it.
instructions.settle()
# `--edit-notebook` calls Jupyter by name; it is found though the environment is not activated. And
# profiles find their own files by the root, whatever the working directory.
os.environ.update(
    homes.instead(os.environ, Path(".snakemake/homes").absolute()),
    PATH=os.pathsep.join([str(BIN), os.getenv("PATH", "")]),
    NEURON_RACE_ROOT=str(ROOT),
)
# From here on messages reach terminals of any encoding, and the log.
terminal.prepare(logger.handlers)
# `make` asks for verdicts as they come, in place of a paragraph for each job.
if workflow.is_main_process and not workflow.dryrun and telling.asked(os.environ):
    telling.attach(logger, lambda: planned_seconds(), workflow.cores or 1)


configfile: workflow.source_path("config/config.yaml")


from neuron_race.common import freshness, leftovers, storage
from neuron_race.evidence import phrases, reference, registration
from neuron_race.operations import order, planning, slim
from neuron_race.settings import additions, changes, commandline
from neuron_race.pages.site.reference import API
from neuron_race.settings import configuration, multiverse, options, origins, reading, register
from neuron_race.common.validation import SettingsError

# Snakemake's own temporary folders, which stay behind where it is killed.
TEMPORARY = []
if workflow.is_main_process:  # jobs on a cluster share those of the run
    folders = workflow.snakemake_tmp_dir, workflow.sourcecache.runtime_cache_path
    TEMPORARY += [leftovers.own(Path(folder)) for folder in folders]

try:
    if workflow.is_main_process:
        commandline.check_run(sys.argv, workflow.config_settings, os.environ, ROOT)
        options.check_environment(os.environ)
    # Snakemake's own reading takes the last of equal keys, and some numbers for others or for text.
    config = reading.merged(
        [ROOT / "config/config.yaml", *workflow.config_settings.configfiles],
        workflow.config_settings.config_args,
    )
    SETTINGS = configuration.read(config, ROOT)
    config = configuration.canonical(config)
    default = reading.read_yaml(ROOT / "config/config.yaml")
    if workflow.is_main_process:
        for line in additions.unread(config, default, SETTINGS):
            print(f"config: {line}", file=sys.stderr)
    configuration.check_names(
        SETTINGS, [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    )
    configuration.check_preset(Path("results"), SETTINGS.preset)
    # How the settings differ from those of the preset whose name they bear.
    CHANGES = changes.changes(changes.preset(SETTINGS.preset, ROOT), config)
    OVERLAY = changes.overlay(default, config)
except SettingsError as error:
    # Plain words before any job starts, instead of a traceback.
    raise WorkflowError(str(error)) from None

CLAIMS = list(SETTINGS.claims)
# Claims with a notebook.
LECTURED = [name for name in CLAIMS if (ROOT / f"workflow/notebooks/{name}.py").exists()]
FIGURES = [*CLAIMS, "theory", "nulls", "tasks", "moments", "multiverse"]
FIGURES += ["replication"] if config.get("replicate") else []


# Results of two presets never mix: the folder bears the name of the first.
onstart:
    for folder in ("results", "figures"):
        if os.path.exists(folder) and not os.access(folder, os.W_OK):
            raise WorkflowError(f"{os.path.abspath(folder)} can't be written to (read-only?)")
    try:
        storage.write_json(Path("results/preset.json"), {"preset": SETTINGS.preset})
    except OSError as error:
        raise WorkflowError(f"The results can't be written: {error}") from None
    # Snakemake leaves the scripts of jobs that are killed, and its own folders where it is.
    leftovers.tidy(Path(".snakemake/scripts").glob("tmp*"))
    for folder in TEMPORARY:
        leftovers.tidy_owned(path for path in folder.parent.iterdir() if path.is_dir())
    # To keep to a rate of submissions, Snakemake looks for jobs to start once a second, and again for
    # each job that has ended: hundreds of times a second in the end. Only schedulers need a rate.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


include: "workflow/rules/images.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/fingerprints.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/dynamics.smk"
include: "workflow/rules/compression.smk"
include: "workflow/rules/moments.smk"
include: "workflow/rules/laws.smk"
include: "workflow/rules/tickets.smk"
include: "workflow/rules/extensions.smk"
include: "workflow/rules/multiverse.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/theory.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/notebooks.smk"
include: "workflow/rules/pages.smk"


# Everything: all verdicts, figures, the summary, and the pages; the verdicts are told at the end.
rule all:
    default_target: True
    input:
        # What verdicts rest on: Snakemake makes a deleted file again only if it is asked for.
        intermediates(),
        "results/claims.csv",
        "results/claims.md",
        "results/nulls.csv",
        expand("results/multiverse/{table}.csv", table=["runs", "claims", "decisions"]),
        "results/site/index.html",
        "results/own_network.html",
        expand("results/claims/{claim}.json", claim=CLAIMS),
        expand("results/evidence/{claim}.csv", claim=CLAIMS),
        expand("results/provenance/{claim}.json", claim=CLAIMS),
        expand("figures/{name}.{ending}", name=FIGURES, ending=["pdf", "png", "csv"]),
        expand("results/notebooks/{claim}.html", claim=LECTURED),
    log:
        "results/logs/all.log",
    localrule: True
    params:
        verdicts=expand("results/claims/{claim}.json", claim=CLAIMS),
        reference=os.path.relpath(reference.folder(ROOT, SETTINGS.preset)),
    script:
        "workflow/scripts/show.py"


# Each job is told what it is made of, and its fingerprint; and one whose record has another is asked
# for again. Those that bring verdicts soonest start first.
for maker in workflow.rules:
    # One environment for all of them, where Snakemake is to make it (`--sdm conda`).
    maker.conda_env = str(ROOT / "envs/neuron_race.yaml")
    if maker.script:
        add_fingerprint(maker)
        put_in_order(maker)

# Before any job: what can't be read, is missing, or is made by no rule. Snakemake would take what
# depends on it for finished, if it is there.
if workflow.is_main_process:
    try:
        for target in ["all", *CLAIMS]:
            made_of((workflow.get_rule(target), ()))
    except freshness.StaleError as error:
        raise WorkflowError(str(error)) from None
