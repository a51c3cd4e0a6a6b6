"""Train the runs that the race explorer shows once more, and keep all weights."""

from pathlib import Path

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.pages import pictures, trajectories, untypical
from neuron_race.training import runs

script.prepare_engine()


def work(job) -> None:
    """Arrays named <condition>.<seed>.<array>, and a description of each run in the sidecar."""
    neurons = storage.read_table(job.input.neurons)
    table = storage.read_table(job.input.table)
    forecasts = storage.read_arrays(job.input.forecasts[0]) if job.input.forecasts else {}
    arrays, described = {}, []
    for condition, kind in zip(job.params.conditions, job.params.kinds, strict=True):
        path = next(p for p in job.input.runs if Path(p).name == f"{condition}.npz")
        trained = runs.load(path)
        own = {
            seed: part.sort_values("neuron")
            for seed, part in neurons[neurons["condition"] == condition].groupby("seed")
        }
        expected = {}
        if f"{condition}.norm_product" in forecasts:
            seeds, products = (forecasts[f"{condition}.{key}"] for key in ("seed", "norm_product"))
            expected = dict(zip(seeds.tolist(), products, strict=True))
        late = {seed: untypical.late_share(own[seed], f) for seed, f in expected.items()}
        rows = table[table["condition"] == condition]
        names = untypical.chosen(rows, late, job.params.seeds)
        again = trajectories.repeat(trained, list(names), job.params.snapshots)
        for s, seed in enumerate(names):
            made, description = trajectories.record(
                again, s, own[seed], expected.get(seed), kind in pictures.KINDS
            )
            arrays |= {trajectories.name(condition, seed, key): v for key, v in made.items()}
            described.append({"condition": condition, **description, "names": names[seed]})
    storage.write_arrays(job.output.arrays, arrays)
    parameters = {
        key: getattr(job.params, key) for key in ("conditions", "kinds", "seeds", "snapshots")
    }
    inputs = [*job.input.runs, job.input.neurons, job.input.table, *job.input.forecasts]
    provenance = storage.provenance(inputs, parameters, job.params.made_of["code"])
    storage.write_json(job.output.sidecar, {"runs": described, **provenance})


script.run(snakemake, work)
