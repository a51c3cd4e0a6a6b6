"""Forecast the race from initial weights and data."""

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.theory import forecast
from neuron_race.training import conditions, runs

script.prepare_engine()


def work(job) -> None:
    """One set of arrays per condition, named <condition>.<array>."""
    experiment, arrays = job.params.experiment, {}
    for name, options in job.params.conditions.items():
        path = f"results/datasets/{options['dataset']}.npz"
        start = conditions.begin(experiment, options, runs.read_dataset(path, options["seeds"]))
        result = forecast.forecast(start, options, experiment)
        arrays |= {f"{name}.{key}": value for key, value in result.items()}
    storage.write_arrays(job.output[0], arrays)


script.run(snakemake, work)
