"""Train all conditions of an experiment."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(snakemake.scriptdir)))  # noqa: F821
import job as script

import torch
from neuron_race import runs, storage

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def work(job) -> None:
    """Train condition by condition; nothing is written for one that diverges."""
    experiment = job.params.experiment
    arrays = {Path(path).stem: path for path in job.output if path.endswith(".npz")}
    for name, options in job.params.conditions.items():
        label = f"{experiment}/{name}"
        paths = [f"results/datasets/{options['dataset']}/seed{s}.npz" for s in options["seeds"]]
        start = runs.begin(experiment, options, runs.read_datasets(paths))
        try:
            trained = runs.run(start, options, label)
        except ArithmeticError as error:
            raise ArithmeticError(f"{label}: {error}") from error
        parameters = {"experiment": experiment, "condition": name, "options": options}
        sidecar = storage.provenance([*job.input.code, *paths], parameters)
        runs.save(arrays[name], start, trained, sidecar)


script.run(snakemake, work)  # noqa: F821
