"""What the compiled engine saves: whole conditions of the default preset, by both engines.

    python benchmarks/conditions.py pair regimes --out results/engine/conditions.csv

One thread, as in the workflow's jobs, all seeds, everything measured at the snapshots as in a real
job. CPU seconds; both engines must stop at the same step with the same drops and losses.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from neuron_race.data import datasets
from neuron_race.settings import configuration
from neuron_race.training import conditions, engine
from neuron_race.training.recipe import Recipe

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = configuration.read(configuration.read_yaml(ROOT / "config/config.yaml"), ROOT)
    rows = []
    for experiment in options.experiments:
        for condition, how in chosen.experiments[experiment].items():
            kind = chosen.datasets[how["dataset"]]
            data = datasets.make_all(how["dataset"], kind, how["seeds"])
            start = conditions.begin(experiment, how, data)
            recipe = Recipe.of(how)
            explode = np.inf if "residual" in recipe.freeze else 1e3
            row: dict[str, object] = {"experiment": experiment, "condition": condition}
            results = []
            for name in ("torch", "compiled"):
                began = time.process_time()
                results.append(
                    engine.train(
                        *(start.X, start.Y, start.W, start.A, recipe, "cpu", "", explode),
                        engine=name,
                    )
                )
                row[name] = time.process_time() - began
            ours, theirs = results
            np.testing.assert_array_equal(ours.step, theirs.step)
            differing = (ours.event_step != theirs.event_step).sum()
            assert np.abs(ours.event_step - theirs.event_step).max() <= 1, (experiment, condition)
            row |= {
                "ratio": row["torch"] / row["compiled"],  # type: ignore[operator]
                "steps": int(ours.step[-1]),
                "differing_events": int(differing),
                "largest_difference_of_losses": np.abs(ours.loss / theirs.loss - 1).max(),
            }
            rows.append(row)
            print(pd.DataFrame([row]).to_string(index=False), flush=True)
    table = pd.DataFrame(rows)
    print(
        table.groupby("experiment")[["torch", "compiled"]]
        .sum()
        .assign(ratio=lambda t: t["torch"] / t["compiled"])
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
