# `make` sets everything up and runs the main job; `make test` passes the tests.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# The first of these that there is, and runs; or PYTHON=/path/to/python.
ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3.12 python3.13 python3; do \
  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null; \
  then echo "$$name"; break; fi; done)
endif
CORES ?= all
N ?= 20
PRESET ?= config/full.yaml
# Passed on to Snakemake: make OPTIONS="--configfile config/paper.yaml"
OPTIONS ?=
VENV := .venv
BIN := $(VENV)/bin
SNAKEMAKE = "$(BIN)/python" workflow/scripts/overlays.py $(OPTIONS) && "$(BIN)/snakemake"
# Marks an environment that holds exactly what the lock says.
READY := $(VENV)/.ready
# Without a folder for its caches Snakemake does not start: where the user's takes no files, one here.
CACHE := $(shell cache="$${XDG_CACHE_HOME:-$${HOME:-}/.cache}"; own="$$cache/snakemake/snakemake/source-cache"; \
  if mkdir -p "$$own" 2> /dev/null && test -w "$$own"; then echo "$$cache"; \
  else echo "$$cache can't be written to; caches go to $(CURDIR)/.snakemake/cache" >&2; \
    echo "$(CURDIR)/.snakemake/cache"; fi)
export XDG_CACHE_HOME := $(CACHE)
# The benchmarks' own environment: .venv, and the peers that only they need.
BENCH := .bench-venv
# That of the tester of tests, likewise.
MUTANTS := .mutants-venv
# Holds the closing line of the last test run that passed.
PASSED := $(VENV)/.passed
# Processes that test at a time. The tests of a file stay together, for they share what is made for them.
WORKERS ?= 2
PYTEST = "$(BIN)/python" -m pytest
TOGETHER = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
SOURCES := Snakefile Makefile pyproject.toml *.md CITATION.cff .github .pre-commit-config.yaml .snakemake-workflow-catalog.yml benchmarks config docs envs profiles tests workflow

.PHONY: run try claim compare test test-fast retest test-all test-cluster soak fuzz plan check lock reference register check-reference report crate cost slim timetable reruns bench mutants readme clean help

run: export NEURON_RACE_TERMINAL ?= verdicts
run: $(READY) ## set up, then regenerate every verdict and figure
	@$(SNAKEMAKE) --cores $(CORES) $(OPTIONS)

try: $(READY) ## verdicts on your own data, in two minutes: make try DATA=my.csv (or .npz with X and y; LABEL=column)
	@"$(BIN)/python" workflow/scripts/try.py "$(DATA)" --cores $(CORES) $(if $(LABEL),--label "$(LABEL)") $(if $(RUNS),--runs $(RUNS))

claim: $(READY) ## a claim with other settings: make claim CLAIM=racing SET='experiments.pair.alpha=1e-3 seeds.count=5'
	@"$(BIN)/python" workflow/scripts/claim.py --cores $(CORES) -- "$(CLAIM)" $(if $(SET),"$(SET)")

compare: $(READY) ## what two runs say otherwise: make compare A=one/folder B=docs/reference
	@"$(BIN)/python" workflow/scripts/compare.py "$(A)" "$(B)"

# Tests that passed are not run again until a file of the project changes.
test: $(READY) ## set up, run the tests (nine to thirteen minutes; not again if nothing changed since they passed)
	@if [ -e $(PASSED) ] && [ -z "$$(find $(SOURCES) -type f -newer $(PASSED) -not -path '*/__pycache__/*' 2> /dev/null | head -n 1)" ]; \
	then cat $(PASSED); echo "Nothing changed since; 'make retest' runs them again."; \
	else $(MAKE) --no-print-directory retest; fi

retest: $(READY) ## run the tests, whatever happened before
	@rm -f $(PASSED)
	@$(PYTEST) $(TOGETHER) | tee $(VENV)/.tests.log
	@tail -n 1 $(VENV)/.tests.log > $(PASSED)

test-fast: $(READY) ## set up, then test the package alone, and the style (under two minutes)
	@$(PYTEST) $(TOGETHER) tests/unit tests/workflow/test_style.py

test-all: test ## the tests, and the long ones: Slurm where it is installed, kills, a soak and a fuzz of N=20 rounds (two hours)
	@$(PYTEST) $(TOGETHER) -m "slow and not cluster" -rs
	@$(PYTEST) -m cluster -rs
	@PYTHONPATH=tests "$(BIN)/python" tests/workflow/soak.py $(N)
	@PYTHONPATH=tests "$(BIN)/python" tests/workflow/fuzz.py $(N)

test-cluster: $(READY) ## the tests on a single-node Slurm, where its packages are installed
	@$(PYTEST) -m "cluster and not slow" -rs

soak: $(READY) ## run the smoke preset N times (20), killed at random: make soak N=3
	@PYTHONPATH=tests "$(BIN)/python" tests/workflow/soak.py $(N)

fuzz: $(READY) ## change something, let a run fail, run again, compare with a clean folder: make fuzz N=20
	@PYTHONPATH=tests "$(BIN)/python" tests/workflow/fuzz.py $(N)

register: $(READY) ## freeze register, settings, code and lock before the next seeds are opened; then commit
	@"$(BIN)/python" workflow/scripts/register.py

plan: $(READY) ## what a preset will cost: make plan PRESET=config/full.yaml
	@"$(BIN)/python" workflow/scripts/plan.py $(PRESET)

check: $(READY) ## formatters, linters, types
	@$(PYTEST) tests/workflow/test_style.py

bench: $(BENCH)/.ready ## compare the engine with its peers; tables and figures go to results/engine
	@for threads in 1 2; do "$(BENCH)/bin/python" benchmarks/compare.py --threads $$threads --out results/engine/compare_$$threads.csv; done
	@"$(BENCH)/bin/python" benchmarks/any_model.py --out results/engine/any_model.csv
	@"$(BENCH)/bin/python" benchmarks/growth.py --out results/engine/growth.csv
	@"$(BENCH)/bin/python" benchmarks/conditions.py pair regimes --out results/engine/conditions.csv
	@"$(BENCH)/bin/python" benchmarks/memory.py --out results/engine/memory.csv
	@"$(BENCH)/bin/python" benchmarks/own_overhead.py --out results/engine/own_overhead.csv
	@"$(BENCH)/bin/python" benchmarks/draw.py results/engine

mutants: $(MUTANTS)/.ready ## put N=200 small errors into measuring, judging and theory: which share do tests catch? (half an hour)
	@"$(MUTANTS)/bin/python" tests/mutants.py $(if $(filter file,$(origin N)),,$(N))

# One lock for all versions of Python and all machines; versions stay as they are where they may. What
# torch needs of CUDA it says itself, and a build without CUDA needs none of it.
lock: ## write envs/requirements.lock anew from pyproject.toml
	@rm -rf .lock-venv && "$(PYTHON)" -m venv .lock-venv && .lock-venv/bin/python -m pip install --quiet uv
	@.lock-venv/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate \
	  --custom-compile-command "make lock" pyproject.toml -o envs/requirements.lock
	@sed -i -E '/^(nvidia|cuda|triton)[-=]/d' envs/requirements.lock
	@sed -i -E "s/^# lock: .*/# lock: $$(sha256sum envs/requirements.lock | cut -c1-16)/" envs/neuron_race.yaml
	@rm -rf .lock-venv

reference: $(READY) ## copy a default run's verdicts and figures to docs/reference, and into the documents
	@"$(BIN)/snakemake" --cores $(CORES) all keep_reference
	@"$(BIN)/python" workflow/scripts/plan.py --measure
	@"$(BIN)/python" workflow/scripts/readme.py

check-reference: $(READY) ## compare the verdicts of this run with those of docs/reference
	@$(SNAKEMAKE) check_reference --cores $(CORES) --quiet all $(OPTIONS)

report: run ## results/report.zip: the site in one file, to send and to open offline
	@"$(BIN)/snakemake" results/site/index.html --cores $(CORES) --quiet all $(OPTIONS)
	@"$(BIN)/python" -m zipfile -c results/report.part.zip results/site
	@mv results/report.part.zip results/report.zip

crate: run ## results/crate.zip: the run as a research object, to archive
	@"$(BIN)/snakemake" crate --cores 1 $(OPTIONS)

cost: $(READY) ## CPU-seconds and peak memory of what has run, per rule and per claim
	@$(SNAKEMAKE) cost --cores 1 --quiet all $(OPTIONS)

slim: run ## delete the trained networks of a finished run: nine tenths of its space; results stay
	@"$(BIN)/snakemake" slim --cores 1 --quiet all $(OPTIONS)

timetable: $(READY) ## when each verdict of a run from nothing is to be expected, on two cores
	@$(SNAKEMAKE) timetable --cores 1 --quiet all $(OPTIONS)

reruns: $(READY) ## which share of a run's CPU-seconds an edit of each file of code redoes
	@$(SNAKEMAKE) reruns --cores 1 --quiet all $(OPTIONS)

readme: $(READY) ## write the generated parts of README, and docs/statistics.md
	@"$(BIN)/python" workflow/scripts/readme.py
	@"$(BIN)/python" workflow/scripts/dictionary.py

clean: ## delete results and figures (data already fetched stays)
	@find results figures -mindepth 1 -not -path 'results/datasets/raw*' -not -path results/datasets -delete 2>/dev/null || true

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 17

$(BENCH)/.ready: LOCK := benchmarks/requirements.lock
$(MUTANTS)/.ready: LOCK := tests/mutants.lock
$(BENCH)/.ready $(MUTANTS)/.ready: %/.ready: $(READY) benchmarks/requirements.lock tests/mutants.lock
	@"$(PYTHON)" -m venv $*
	@for site in $*/lib/python3*/site-packages; do \
	  realpath $(VENV)/lib/python3*/site-packages > "$$site/project.pth"; realpath workflow/src >> "$$site/project.pth"; done
	@"$*/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --requirement $(LOCK)
	@touch $@

# Runs again whenever the lock changes; not reached, and no network needed, otherwise.
$(READY): envs/requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) from envs/requirements.lock, once; this takes some minutes"
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv $(VENV)
	@"$(BIN)/python" -m pip install --disable-pip-version-check --quiet --requirement envs/requirements.lock
	@"$(BIN)/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)
