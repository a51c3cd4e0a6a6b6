"""Train all conditions of an experiment, or one."""

import shutil
import sys
from pathlib import Path

from neuron_race.common import freshness, storage
from neuron_race.common import job as script
from neuron_race.training import conditions, runs

script.prepare_torch()


def work(job) -> None:
    """Train condition by condition; nothing is written for one that diverges.

    Snakemake deletes the outputs of a job that was interrupted. So conditions wait in a folder of
    checkpoints until all are there, and the next attempt takes those that it finds; one that was
    being trained goes on from its last checkpoint.
    """
    experiment = job.params.experiment
    arrays = {Path(path).stem: Path(path) for path in job.output if path.endswith(".npz")}
    folder = Path("results/checkpoints/runs") / experiment
    waiting = {}
    for name, options in job.params.conditions.items():
        label = f"{experiment}/{name}"
        data = f"results/datasets/{options['dataset']}.npz"
        parameters = {"experiment": experiment, "condition": name, "options": options}
        sidecar = storage.provenance([data], parameters, job.params.made_of["code"])
        waiting[name] = runs.checkpoint(folder / name, sidecar)
        if runs.finished(waiting[name]):
            print(f"{label}: kept from an interrupted run", file=sys.stderr)
            continue
        unfinished = waiting[name].with_suffix(".part.npz")
        start = conditions.begin(experiment, options, runs.read_dataset(data, options["seeds"]))
        try:
            trained = conditions.run(start, options, label, unfinished)
        except ArithmeticError as error:
            raise ArithmeticError(f"{label}: {error}") from error
        freshness.unchanged(job.params.made_of)  # the next attempt takes it for this code's
        runs.save(waiting[name], start, trained, sidecar)
        unfinished.unlink(missing_ok=True)
    for name, path in waiting.items():
        storage.copy(path, arrays[name])
        storage.copy(path.with_suffix(".json"), arrays[name].with_suffix(".json"))
    for name in waiting:
        shutil.rmtree(folder / name, ignore_errors=True)  # those of other code, too


script.run(snakemake, work)
