#!/usr/bin/env bash
# Run by Snakemake in a new conda environment; the Snakefile says where the project is.
set -euo pipefail
cd "$NEURON_RACE_ROOT"
python -m pip install --disable-pip-version-check --requirement envs/requirements.lock
python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
