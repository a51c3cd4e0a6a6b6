"""The live part of lectures: data for networks that train in the page, and the part itself.

There are two kinds. One hidden layer is held against what laws predict of it; other lectures have
networks of their own (:mod:`neuron_race.pages.live_studies`).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from markupsafe import Markup

from neuron_race.data import datasets
from neuron_race.pages import page
from neuron_race.pages.live_studies import COLUMNS, PLOTS, STUDIES, Choice, Slider, Study

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
SCRIPTS = ("live_network.js", "live.js", "live_arms.js", "live_plots.js", "live_page.js")
LEAD = (
    f"A network trains in this page, now, on {SIZES['n_train']} samples. First it is predicted "
    "from its initial weights and the data; then it is trained, and the two are held against each "
    "other."
)
CONTROLS = (
    Choice(
        "head", "Head", {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch's"}
    ),
    Slider("alpha", "Init scale α", -8, 0, 1, -4, log=True),
    Slider("width", "Neurons", 20, 200, 20, 100),
    Slider("seed", "Seed", 1, 20, 1, 1),
)
# Lines of up to six arms, told apart in print too.
DASHES = ("", "7 4", "2 3", "12 3 2 3", "4 2", "16 4")
LAW_PLOTS = {
    "loss": "Loss, as a part of the first one. Dashed: the predicted drop.",
    "course": "Norm product of each neuron. Yellow: well aligned early; blue: against its pull.",
    "forecast": "Final norm products, against the predicted ones. On the line, both are equal.",
}
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
    """HTML of a network and what laws predict of it, with script, style and data.

    Args:
        tasks: result of :func:`data`.
        shown: names of the statistics (:data:`STATISTICS`) that are told, in this order.

    Raises:
        ValueError: no statistic of that name.
    """
    if unknown := [name for name in shown if name not in STATISTICS]:
        raise ValueError(f"shown: {unknown} are none of {', '.join(STATISTICS)}")
    titles = {name: task["title"] for name, task in tasks.items()}
    return _render(
        tasks,
        controls=(Choice("task", "Data", titles), *CONTROLS),
        lead=LEAD,
        plots=LAW_PLOTS,
        columns=[{"title": title, "dash": None} for title in ("predicted", "measured")],
        rows=[_row(name, *STATISTICS[name]) for name in shown],
    )


def study(tasks: Mapping[str, Any], name: str) -> str:
    """HTML of a lecture's own networks, as :func:`part`.

    Raises:
        ValueError: no study of that name.
    """
    if name not in STUDIES:
        raise ValueError(f"study: {name!r} is none of {', '.join(STUDIES)}")
    own = STUDIES[name]
    return _render(
        {own.task: tasks[own.task]},
        controls=own.controls,
        lead=own.lead,
        plots={plot: PLOTS[plot] for plot in own.plots},
        columns=[
            {"title": arm.title, "theory": arm.theory, "dash": dash}
            for arm, dash in zip(own.arms, DASHES[: len(own.arms)], strict=True)
        ],
        rows=[_row(column, COLUMNS[column]) for column in own.columns],
        study=own,
    )


def _row(name: str, title: str, law: str = "") -> dict[str, str]:
    return {"name": name, "title": title, "law": law}


def _render(
    tasks: Mapping[str, Any],
    controls: Sequence[Slider | Choice],
    rows: Sequence[Mapping[str, str]],
    study: Study | None = None,
    **shown: Any,
) -> str:
    """The part's HTML; what the script needs of it is embedded."""
    packed = {
        "tasks": tasks,
        "controls": [_control(control) for control in controls],
        "rows": rows,
        "study": study and asdict(study),
        "dashes": [[int(part) for part in dash.split()] for dash in DASHES],
    }
    return page.TEMPLATES.get_template("live.html").render(
        **shown,
        controls=[{"choices": None, **asdict(control)} for control in controls],
        rows=rows,
        data=page.embed(packed),
        script=Markup("\n").join(page.asset(name) for name in SCRIPTS),
    )


def _control(control: Slider | Choice) -> dict[str, Any]:
    """What the script must know: whether a slider is of powers, and what a choice brings."""
    if isinstance(control, Slider):
        return {"name": control.name, "log": control.log, "options": None}
    return {"name": control.name, "log": False, "options": control.options}
