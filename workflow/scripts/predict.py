"""Predict an experiment from its data and initial weights: no run is an input."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.theory import predictions
from neuron_race.training import conditions, runs


def work(job) -> None:
    """One entry per condition; those of one draw of data and weights share its lanes."""
    experiment, made, settled = job.params.experiment, {}, {}
    for name, options in job.params.conditions.items():
        path = f"results/datasets/{options['dataset']}.npz"
        start = conditions.begin(experiment, options, runs.read_dataset(path, options["seeds"]))
        draw = predictions.draw(options, start.Y.shape[2])
        if draw not in settled:
            settled[draw] = predictions.settle(start, options)
        data = job.params.datasets[options["dataset"]]
        also = {key: name in job.params[key] for key in ("tickets", "shuffled")}
        made[name] = predictions.predict(start, settled[draw], options, data, experiment, **also)
    storage.write_json(job.output[0], {"experiment": experiment, "conditions": made})


script.run(snakemake, work)
