"""Train all conditions of a target beyond one hidden layer, or one."""

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
    target, conditions = job.params.target, job.params.conditions
    outputs = {Path(path).stem: Path(path) for path in job.output if path.endswith(".npz")}
    study = importlib.import_module(f"neuron_race.studies.trained.{job.params.study}")
    sidecars, files = {}, {}
    for name, options in conditions.items():
        data = f"results/datasets/{options['dataset']}.npz"
        parameters = {"experiment": target, "condition": name, "options": options}
        sidecars[name] = storage.provenance([data], parameters, job.params.made_of["code"])
        files[name] = runs.checkpoint(kept.FOLDER / "runs" / target / name, sidecars[name])

    def make(name: str, path: Path) -> None:
        options = conditions[name]
        dataset = options["dataset"]
        data = runs.read_dataset(f"results/datasets/{dataset}.npz", options["seeds"])
        unfinished = path.with_suffix("")
        with checkpoints.kept_in(unfinished):
            arrays = study.train(target, name, options, {dataset: data})
        freshness.unchanged(job.params.made_of)  # the next attempt takes it for this code's
        storage.write_json(path.with_suffix(".json"), sidecars[name])
        storage.write_arrays(path, arrays)
        shutil.rmtree(unfinished, ignore_errors=True)

    kept.train(files, kept.whole, make, lambda text: print(text, file=sys.stderr))
    kept.hand_out(files, outputs)


script.run(snakemake, work)
