"""The page of a trial: verdicts of the core claims on a user's own data, in one file."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuron_race.common import storage
from neuron_race.evidence import nulls, phrases
from neuron_race.evidence.claims import main_criterion
from neuron_race.pages import page
from neuron_race.studies import trial

Verdict = Mapping[str, Any]


def about(fitted: trial.Fitted, path: Path) -> str:
    """The data, and what is made of them, in two or three sentences."""
    table = fitted.table
    counts = np.bincount(table.which).tolist()
    classes = ", ".join(f"{n} of {name}" for name, n in zip(table.classes, counts, strict=True))
    sizes = [fitted.options[key] for key in ("n_train", "n_test")]
    return (
        f"{path.name}: {len(table.X)} samples of {table.X.shape[1]} inputs; {classes}. "
        f"{len(fitted.seeds)} runs, each on {sizes[0]} samples drawn from them and tested on "
        f"{sizes[1]} others."
    )


def how(fitted: trial.Fitted) -> list[str]:
    """How the networks were trained, and what was chosen by the data."""
    shared = fitted.shared
    width, rate = shared["width"], shared["learning_rate"]
    return [
        f"One hidden layer of {width} ReLU neurons{', with a bias' if shared.get('bias') else ''}, "
        f"{shared['loss']} loss, init scale {shared['alpha']:g} (lazy networks: 1).",
        "Inputs are centred and divided by one number, so that their mean squared norm is 1. No "
        "column is scaled by itself.",
        f"Learning rate {rate:g} with a Gaussian head: {trial.RACING_SHARE:g} of the largest that "
        "is stable by the curvature of the data; each other condition has its own.",
        f"Training ends at {trial.AFTER_DROP:g} times the drop of the slowest run, or after "
        f"{shared['max_steps']} steps.",
        *trial.CAVEATS,
    ]


def missing(verdicts: Sequence[Verdict]) -> list[str]:
    """What is undefined in some runs, a sentence each; empty where all is defined."""
    return [
        f"{verdict['claim']}, {row['name'].replace('_', ' ')}: undefined in {row['n_undefined']} "
        f"of {row['n_runs']} runs. These did not lose a tenth of their loss, or have no group of "
        "neurons to speak of; a larger budget changes neither."
        for verdict in verdicts
        for row in verdict["criteria"]
        if row.get("n_undefined", 0) and row["confirmatory"]
    ]


def drops(fitted: trial.Fitted, runs: pd.DataFrame) -> list[dict[str, str]]:
    """Predicted and measured steps of the drop, by head.

    Args:
        fitted: with predictions.
        runs: table ``dynamics/pair/runs.csv``.
    """
    rows = []
    for head, steps in fitted.drops.items():
        measured = runs.loc[runs["condition"] == head, "step_drop_10"]
        told = [
            "never" if np.isnan(values).any() else f"{np.mean(values):.0f}"
            for values in (np.asarray(steps, float), measured.to_numpy(float))
        ]
        rows.append({"head": head, "predicted": told[0], "measured": told[1]})
    return rows


def render(
    fitted: trial.Fitted,
    path: Path,
    verdicts: Sequence[Verdict],
    runs: pd.DataFrame,
    figures: Mapping[str, bytes],
) -> str:
    """The page.

    Args:
        fitted: data, and settings chosen for them.
        path: file of the data.
        verdicts: of the core claims.
        runs: table ``dynamics/pair/runs.csv``.
        figures: pictures (PNG) by claim.
    """
    rows = [
        {
            "verdict": verdict,
            "tone": page.TONES[verdict["status"]],
            "main": main_criterion(verdict),
            "controls": phrases.controls(verdict["criteria"]),
            "failing": phrases.failing(verdict),
            "nulls": nulls.told(verdict.get("nulls", [])),
            "figure": _embedded(figures.get(verdict["claim"])),
        }
        for verdict in verdicts
    ]
    large = trial.large_column(fitted.table)
    return page.render(
        "trial",
        trial.NAME,
        {},
        fitted.seeds,
        storage.provenance([path], {"settings": fitted.experiment, "data": fitted.options}, {}),
        data=path.name,
        about=about(fitted, path),
        notes=[*([large] if large else []), *missing(verdicts)],
        rows=rows,
        drops=drops(fitted, runs),
        how=how(fitted),
        yes=phrases.YES,
        found=phrases.found,
        asked=phrases.asked,
        role=phrases.role,
    )


def _embedded(picture: bytes | None) -> str:
    if picture is None:
        return ""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
