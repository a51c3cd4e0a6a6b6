"""The live part of lectures: data for networks that train in the page, and the part itself."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuron_race.data import datasets
from neuron_race.pages import page

# Small tasks to train on within seconds. No confirmatory seed is used: they are for playing with.
TASKS: dict[str, dict[str, Any]] = {
    "digits": {"kind": "digits", "classes": [3, 8], "n_train": 200, "n_test": 120},
    "clusters": {"kind": "clusters", "dim": 20, "axes": 4, "noise": 0.6},
    "two_features": {"kind": "two_features", "dim": 20, "overlap": 0.4, "noise": 0.2}
    | {"strengths": [1.0, 0.3]},
}
SIZES = {"n_train": 200, "n_test": 200}
TITLES = {"digits": "digits, 3 against 8", "clusters": "XOR of four clusters' axes"}
SEED = 0
# Statistics that live.js predicts and measures: what they are, and by which law.
STATISTICS = {
    "drop": ("Time of the drop, at which a tenth of the loss is lost", "L5"),
    "aligned": ("Alignment at the drop, weighted by norm product", "E5"),
    "turned": ("Part of the neurons against their pull at init that have turned by the drop", "E5"),
    "ranks": ("Rank correlation of predicted and final norm products, largest lane", "E5"),
    "pruned": ("Part of what was learned that is lost, a fifth of the neurons kept", "L1"),
    "groups": ("Groups of neurons that count", "lanes"),
    "merged": ("Part of what was learned that is lost by merging each group", "E7"),
    "winners": ("Extra time of the fifth predicted to win, trained alone", "L2"),
    "random": ("Extra time of a random fifth, trained alone", "L2"),
    "half": ("Extra time of half of the neurons, trained alone", "L3"),
    "idle": ("Share of all norm products that the lower half of the neurons holds", "lanes"),
}


def data() -> dict[str, Any]:
    """Training sets that pages train on, by name: inputs as packed float32, targets, and size."""
    found = {}
    for name, title in TITLES.items():
        sample = datasets.make(name, {**SIZES, **TASKS[name]}, SEED)
        packed = np.ascontiguousarray(sample.X, dtype="<f4").tobytes()
        found[name] = {
            "title": title,
            "X": base64.b64encode(packed).decode("ascii"),
            "y": sample.Y[:, 0].tolist(),
            "dim": sample.X.shape[1],
        }
    return found


def part(tasks: Mapping[str, Any], shown: Sequence[str]) -> str:
    """HTML of the live part, with its script, style and data.

    Args:
        tasks: result of :func:`data`.
        shown: names of the statistics (:data:`STATISTICS`) that are told, in this order.

    Raises:
        ValueError: no statistic of that name.
    """
    if unknown := [name for name in shown if name not in STATISTICS]:
        raise ValueError(f"shown: {unknown} are none of {', '.join(STATISTICS)}")
    rows = [
        {"name": name, "title": STATISTICS[name][0], "law": f"({STATISTICS[name][1]})"}
        for name in shown
    ]
    return page.TEMPLATES.get_template("live.html").render(
        tasks=tasks,
        samples=SIZES["n_train"],
        shown=rows,
        data=page.embed({"tasks": tasks, "shown": rows}),
        script=page.asset("live.js") + page.asset("live_page.js"),
    )
