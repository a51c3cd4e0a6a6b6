"""Train all conditions of an experiment, or one."""

import sys
from pathlib import Path

from neuron_race.common import freshness, storage
from neuron_race.common import job as script
from neuron_race.training import conditions, kept, runs

script.prepare_torch()


def work(job) -> None:
    """Train condition by condition; nothing is written for one that diverges.

    One that was being trained when the job was interrupted goes on from its last checkpoint.
    """
    experiment = job.params.experiment
    outputs = {Path(path).stem: Path(path) for path in job.output if path.endswith(".npz")}
    sidecars, files = {}, {}
    for name, options in job.params.conditions.items():
        data = f"results/datasets/{options['dataset']}.npz"
        parameters = {"experiment": experiment, "condition": name, "options": options}
        sidecars[name] = storage.provenance([data], parameters, job.params.made_of["code"])
        files[name] = runs.checkpoint(kept.FOLDER / "runs" / experiment / name, sidecars[name])

    def make(name: str, path: Path) -> None:
        options, label = job.params.conditions[name], f"{experiment}/{name}"
        data = runs.read_dataset(f"results/datasets/{options['dataset']}.npz", options["seeds"])
        unfinished = path.with_suffix(".part.npz")
        start = conditions.begin(experiment, options, data)
        try:
            trained = conditions.run(start, options, label, unfinished)
        except ArithmeticError as error:
            raise ArithmeticError(f"{label}: {error}") from error
        freshness.unchanged(job.params.made_of)  # the next attempt takes it for this code's
        runs.save(path, start, trained, sidecars[name])
        unfinished.unlink(missing_ok=True)

    kept.train(files, runs.finished, make, lambda text: print(text, file=sys.stderr))
    kept.hand_out(files, outputs)


script.run(snakemake, work)
