"""Train the runs that the race explorer shows once more, and keep all weights."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import trajectories
from neuron_race.training import runs

script.prepare_torch()


def work(job) -> None:
    """Arrays named <condition>.<seed>.<array>, and a description of each run in the sidecar."""
    neurons = storage.read_table(job.input.neurons)
    forecasts = storage.read_arrays(job.input.forecasts[0]) if job.input.forecasts else {}
    arrays, described = {}, []
    for condition in job.params.conditions:
        path = next(p for p in job.input.runs if Path(p).name == f"{condition}.npz")
        trained = runs.load(path)
        again = trajectories.repeat(trained, job.params.seeds, job.params.snapshots)
        forecast = forecasts.get(f"{condition}.norm_product")
        for s, seed in enumerate(job.params.seeds):
            chosen = (neurons["condition"] == condition) & (neurons["seed"] == seed)
            expected = None
            if forecast is not None:
                expected = forecast[forecasts[f"{condition}.seed"].tolist().index(seed)]
            made, description = trajectories.record(again, s, neurons[chosen], expected)
            arrays |= {trajectories.name(condition, seed, key): v for key, v in made.items()}
            described.append({"condition": condition, **description})
    storage.write_arrays(job.output.arrays, arrays)
    parameters = {
        "conditions": job.params.conditions,
        "seeds": job.params.seeds,
        "snapshots": job.params.snapshots,
    }
    inputs = [*job.input.runs, job.input.neurons, *job.input.forecasts]
    provenance = storage.provenance(inputs, parameters, job.params.made_of["code"])
    storage.write_json(job.output.sidecar, {"runs": described, **provenance})


script.run(snakemake, work)
