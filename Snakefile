# Every theoretical claim is a target: `snakemake --cores all racing`, and `snakemake --cores all`
# for all of them. The graph: dataset -> runs -> dynamics, compression, race -> evidence -> verdict
# -> figure -> claims.md.
import os
import shlex
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config/config.yaml")


# Snakemake calls the interpreter of scripts unquoted: an environment below a folder whose name has a
# space would not be found.
sys.executable = shlex.quote(sys.executable)

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow/src"))

from neuron_race import settings
from neuron_race.settings import SettingsError

try:
    SETTINGS = settings.read(config, ROOT)
except SettingsError as error:
    # Plain words before any job starts, instead of a traceback.
    raise WorkflowError(str(error)) from None

CLAIMS = list(SETTINGS.claims)


include: "workflow/rules/images.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/dynamics.smk"
include: "workflow/rules/compression.smk"
include: "workflow/rules/tickets.smk"
include: "workflow/rules/extensions.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/theory.smk"


# Everything: all verdicts, figures, and the summary.
rule all:
    default_target: True
    input:
        "results/claims.csv",
        "results/claims.md",
        expand("results/evidence/{claim}.csv", claim=CLAIMS),
        expand("figures/{name}.{ending}", name=[*CLAIMS, "theory"], ending=["pdf", "png", "csv"]),


localrules:
    all,
