"""Train all conditions of an experiment, or one."""

import sys
from pathlib import Path

from neuron_race.common import freshness
from neuron_race.common import job as script
from neuron_race.training import conditions, kept, runs

script.prepare_engine()


def work(job) -> None:
    """Train condition by condition; nothing is written for one that diverges.

    One that was being trained when the job was interrupted goes on from its last checkpoint.
    """
    experiment, made_of = job.params.experiment, job.params.made_of
    outputs = {Path(path).stem: Path(path) for path in job.output if path.endswith(".npz")}

    def make(name: str, own: kept.Kept) -> None:
        options, label = job.params.conditions[name], f"{experiment}/{name}"
        unfinished = own.path.with_suffix(".part.npz")
        data = runs.read_dataset(own.data, options["seeds"])
        start = conditions.begin(experiment, options, data)
        try:
            trained = conditions.run(start, options, label, unfinished)
        except ArithmeticError as error:
            raise ArithmeticError(f"{label}: {error}") from error
        freshness.unchanged(made_of)  # the next attempt takes it for this code's
        runs.save(own.path, start, trained, own.sidecar)
        unfinished.unlink(missing_ok=True)

    files = kept.conditions(experiment, job.params.conditions, made_of["code"])
    kept.train(files, make, lambda text: print(text, file=sys.stderr))
    kept.hand_out(files, outputs)


script.run(snakemake, work)
