"""Print laws with biases and several outputs beside runs: `python workflow/scripts/other_laws.py`.

These are the numbers of docs/readings.md (laws): per task the relative error of the time of the
drop, mean and largest of the runs (L5); the share of what was learned that pruning to a fifth
loses, measured and told (L1); and the AUROC of the head's size for the fifth that wins, measured
and told (L6). With `--delays`, also how far delays of tickets are from those predicted (L2).
Exploratory seeds.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import pandas as pd

from neuron_race.data import datasets
from neuron_race.measures import laws
from neuron_race.studies import delays
from neuron_race.theory import predictions
from neuron_race.training import conditions, runs

PAIRS = {"kind": "digit_pairs", "n_train": 200, "n_test": 50}
XOR = {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6, "n_train": 200, "n_test": 50}
THREE = {"kind": "digits", "classes": [0, 1, 2], "n_train": 300, "n_test": 100}
OTHERS = {**THREE, "classes": [3, 5, 8]}
TEN = {"kind": "digits", "classes": list(range(10)), "n_train": 500, "n_test": 400}
COMMON = {"width": 300, "head": "gaussian", "alpha": 1e-4, "loss": "squared", "device": "cpu"}
BIAS = {"bias": True, "learning_rate": 0.1, "max_steps": 1500}
SEVERAL = {"learning_rate": 0.5, "max_steps": 1000}
TASKS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "digit pairs with a bias": (PAIRS, BIAS),
    "the same, PyTorch's init": (PAIRS, {**BIAS, "head": "pytorch"}),
    "the same, balanced head": (PAIRS, {**BIAS, "head": "balanced"}),
    "the same, logistic loss": (PAIRS, {**BIAS, "loss": "logistic", "learning_rate": 0.4}),
    "XOR of clusters with a bias": (XOR, BIAS),
    "digits 0, 1, 2, squared loss": (THREE, SEVERAL),
    "digits 3, 5, 8, squared loss": (OTHERS, SEVERAL),
    "digits 0, 1, 2, softmax": (THREE, {**SEVERAL, "loss": "logistic", "learning_rate": 1.0}),
    "ten digits, squared loss": (TEN, {**SEVERAL, "learning_rate": 1.0}),
    "ten digits, softmax": (TEN, {**SEVERAL, "loss": "logistic", "learning_rate": 1.0}),
}


def row(
    data: Mapping[str, Any], changed: Mapping[str, Any], seeds: list[int], tickets: bool
) -> dict[str, str]:
    """What a task's runs did beside what was predicted of them."""
    options = {**COMMON, **changed, "dataset": "other_laws", "seeds": seeds}
    arrays = datasets.make_all(options["dataset"], data, seeds)
    start = conditions.begin("other_laws", options, arrays)
    lanes = predictions.settle(start, options)
    said = predictions.predict(start, lanes, options, data, "other_laws", tickets)
    trained = runs.Trained(start, conditions.run(start, options), options)
    found = laws.table(trained, said)
    mean, miss = found.mean(numeric_only=True), found["drop_error"].abs().max()
    told = {
        "time of the drop": f"{mean['drop_error']:.1%}, {miss:.1%}",
        "pruning to a fifth": f"{mean['pruned']:.3f}, told {mean['pruned_predicted']:.3f}",
        "AUROC": f"{mean['auroc_head']:.3f}, told {mean['auroc_head_predicted']:.3f}",
    }
    if tickets:
        own = delays.table(trained, said).mean(numeric_only=True)
        told |= {f"delay, {arm}": f"{own[f'delay_error_{arm}']:.1%}" for arm in predictions.TICKETS}
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Laws with biases and several outputs.")
    parser.add_argument("--runs", type=int, default=10, help="seeds, from 100 on")
    parser.add_argument("--delays", action="store_true", help="train tickets, too: minutes more")
    given = parser.parse_args()
    seeds = list(range(100, 100 + given.runs))
    rows = {name: row(*task, seeds, given.delays) for name, task in TASKS.items()}
    print(pd.DataFrame(rows).T.to_string())
