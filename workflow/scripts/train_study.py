"""Train all conditions of a target beyond one hidden layer."""

import importlib
import shutil
import sys
from pathlib import Path

from neuron_race.common import freshness, storage
from neuron_race.common import job as script
from neuron_race.training import checkpoints, kept, runs

script.prepare_torch()


def work(job) -> None:
    """Condition by condition, by the module that the study's runs are made with.

    What the trainings of an interrupted condition have done is kept until it is whole.
    """
    target, made_of = job.params.target, job.params.made_of
    outputs = {Path(path).stem: Path(path) for path in job.output if path.endswith(".npz")}
    study = importlib.import_module(f"neuron_race.studies.trained.{job.params.study}")

    def make(name: str, own: kept.Kept) -> None:
        options = job.params.conditions[name]
        data = {options["dataset"]: runs.read_dataset(own.data, options["seeds"])}
        unfinished = own.path.with_suffix("")
        with checkpoints.kept_in(unfinished):
            arrays = study.train(target, name, options, data)
        freshness.unchanged(made_of)  # the next attempt takes it for this code's
        storage.write_json(own.path.with_suffix(".json"), own.sidecar)
        storage.write_arrays(own.path, arrays)
        shutil.rmtree(unfinished, ignore_errors=True)

    files = kept.conditions(target, job.params.conditions, made_of["code"])
    kept.train(files, make, lambda text: print(text, file=sys.stderr))
    kept.hand_out(files, outputs)


script.run(snakemake, work)
