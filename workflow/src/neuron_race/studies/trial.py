"""The core claims on a user's own data: settings that fit the task, and the criteria that apply.

Rates follow from the curvature, budgets from the predicted drop (L5). So a statistic is undefined
only where a network does not learn, never because steps ran out too soon.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.data import datasets
from neuron_race.data.kinds import file
from neuron_race.settings import dictionary, register
from neuron_race.settings.resolved import sources
from neuron_race.theory import laws, predictions
from neuron_race.theory.stability import BEND, stable_rate
from neuron_race.training import conditions
from neuron_race.training.runs import Start

Array = NDArray[Any]
Options = dict[str, Any]
NAME, EXPERIMENT = "own", "pair"  # of the data set; whose conditions are trained on it
CLAIMS = ("mutual_alignment", "racing", "merging", "pruning")
# The settings' decisions are drawn by criteria of this one, too; it is not asked.
IN_REGISTER = (*CLAIMS, "lottery_ticket")
FIRST, RUNS = 100, 5  # seeds
MOST_TRAINED, MOST_TESTED, LEAST = 200, 400, 30
# Of the stable rate for networks that race; of 2/curvature for those that are lazy.
RACING_SHARE, LAZY_SHARE = 0.3, 0.5
# Training ends at this many times the drop. With the residual frozen norms grow without end, and
# are asked for at three times the drop.
AFTER_DROP, AFTER_DROP_FROZEN = 10.0, 3.2
# Budgets, in multiples of the predicted drop, of what may never drop; and their bounds.
PATIENCE, FROZEN_HEAD, LEAST_STEPS, MOST_STEPS = 60.0, 6.0, 1500, 20_000
GROWTH = 20.0  # multiple of the drop at which a network with its residual frozen is still finite
LATEST = 6000  # step of a drop that leaves steps enough for what is asked at three times as many
LARGE_COLUMN = 0.9  # share of the variance beyond which one input is told

CAVEATS = [
    "Few runs of one data set, and thresholds that were set for pairs of digits: a look, no test.",
    "Rates and budgets follow from the data (curvature, predicted drop), and differ from those of "
    "the default run.",
]


def sizes(table: file.Table) -> dict[str, int]:
    """Samples to train on and to test with: two in three, and the rest, up to what is needed.

    Raises:
        DatasetError: fewer samples than can be told anything of.
    """
    n = len(table.X)
    if n < LEAST:
        raise file.DatasetError(f"{n} samples; at least {LEAST} are needed for verdicts")
    n_train = min(MOST_TRAINED, 2 * n // 3)
    return {"n_train": n_train, "n_test": min(MOST_TESTED, n - n_train)}


def large_column(table: file.Table) -> str:
    """The input that has nearly all of the variance, in words; empty where none has."""
    variance = table.X.var(axis=0)
    if len(variance) < 2 or variance.max() <= LARGE_COLUMN * variance.sum():
        return ""
    at = int(variance.argmax())
    name = table.columns[at] if table.columns else f"number {at + 1}"
    share = 100 * variance[at] / variance.sum()
    return (
        f"Input {name} has {share:.0f} % of the variance, and the others hardly count: columns are "
        "not brought to one scale here."
    )


def curvature(X: Array, W: Array, A: Array, loss: str) -> float:
    """Largest eigenvalue of the loss's Gauss-Newton matrix at init, or a bound for several outputs.

    Args:
        X: inputs (N, d).
        W: incoming weights (m, d'), d' >= d; directions beyond those of X never meet a sample.
        A: outgoing weights (m, k).
        loss: ``squared`` or ``logistic``.
    """
    before = X @ W[:, : X.shape[1]].T
    hidden = np.maximum(before, 0.0)
    gated = (before > 0) * np.linalg.norm(A, axis=1)
    kernel = (hidden @ hidden.T + (gated @ gated.T) * (X @ X.T)) / len(X)
    return float(BEND[loss] * np.linalg.eigvalsh(kernel)[-1])


def rate(start: Start, loss: str) -> float:
    """A learning rate that is stable for all runs, whether they race or are lazy."""
    racing = min(stable_rate(X, loss) for X in start.X)
    bent = max(curvature(*own, loss) for own in zip(start.X, start.W, start.A, strict=True))
    return float(f"{min(RACING_SHARE * racing, LAZY_SHARE * 2 / max(bent, 1e-300)):.3g}")


def predicted_drops(start: Start, options: Mapping[str, Any]) -> list[float]:
    """Steps (S,) at which runs will have lost a tenth of their loss, by L5; NaN: too late."""
    lanes = predictions.scaled(predictions.settle(start, options), start, options)
    left = 0.89  # just beyond the drop, where nothing more is asked
    how = options["learning_rate"], LATEST, options["loss"], left
    return [
        laws.race(own, X, Y, *how).drop_step
        for own, X, Y in zip(lanes, start.X, start.Y, strict=True)
    ]


class Fitted:
    """Settings of the experiment on the data.

    Attributes:
        options: of the data set.
        table: all samples.
        experiment: entry of the settings, each condition with a rate and a budget.
        drops: predicted steps of the drop (S,) by head; none with several outputs.
    """

    def __init__(
        self, path: Path, label: str | None, settings: Mapping[str, Any], runs: int = RUNS
    ):
        """Read the data, draw the inits of all conditions, and choose.

        Args:
            path: file of the data.
            label: column of the classes, in a ``.csv``.
            settings: default configuration.
            runs: number of seeds.

        Raises:
            DatasetError: data that can't be used.
        """
        self.table = file.read(str(path), label)
        self.options = {"kind": "file", "path": str(path), **sizes(self.table)}
        if label is not None:
            self.options["label"] = label
        if wrong := datasets.faults(self.options, {}):
            raise file.DatasetError("; ".join(wrong))
        self.seeds = list(range(FIRST, FIRST + runs))
        self.data = datasets.make_all(NAME, self.options, self.seeds)
        own = settings["experiments"][EXPERIMENT]
        self.shared = {key: value for key, value in own.items() if key != "conditions"}
        self.shared |= {"dataset": NAME, "after_drop": AFTER_DROP}
        self.one = self.data["Y"].shape[2] == 1
        self.shared["loss"] = "squared" if self.one else "logistic"
        self.drops = self._drops(own["conditions"])
        if self.one and not all(np.isfinite(self.drops["gaussian"])):
            # Without a bias f is the same along each ray from the mean, which may be too little.
            self.shared["bias"] = True
            self.drops = self._drops(own["conditions"])
        fitted = {name: self._condition(options) for name, options in own["conditions"].items()}
        main = fitted["gaussian"]
        self.shared |= {key: main.pop(key) for key in ("learning_rate", "max_steps")}
        self.experiment = {**self.shared, "conditions": fitted}

    def _begin(self, options: Mapping[str, Any]) -> tuple[Start, Options]:
        whole = {**self.shared, **options, "seeds": self.seeds}
        start = conditions.begin(EXPERIMENT, whole, self.data)
        return start, {**whole, "learning_rate": rate(start, whole["loss"])}

    def _drops(self, own: Mapping[str, Any]) -> dict[str, list[float]]:
        heads = ("gaussian", "balanced", "pytorch") if self.one else ()
        return {head: predicted_drops(*self._begin(own[head])) for head in heads}

    def _condition(self, options: Mapping[str, Any]) -> Options:
        """A condition's options with its own rate and budget; one step of those not asked of."""
        if "dataset" in options or options.get("redraw_init"):
            return {**options, "dataset": NAME, "max_steps": 1}
        _, whole = self._begin(options)
        chosen = {**options, "learning_rate": whole["learning_rate"]}
        if whole["max_steps"] == 1:
            return chosen
        found = [step for steps in self.drops.values() for step in steps if np.isfinite(step)]
        drop = max(found, default=MOST_STEPS / PATIENCE)
        frozen = options.get("freeze", [])
        times = FROZEN_HEAD if "head" in frozen else PATIENCE
        steps = int(np.clip(times * drop, LEAST_STEPS, MOST_STEPS))
        if "residual" in frozen:
            chosen["after_drop"] = AFTER_DROP_FROZEN
            steps = int(min(steps, GROWTH * min(found, default=drop)))
        if whole["alpha"] > 0.01:  # drops within a few steps, and learns for long
            chosen["after_drop"], steps = 1000, LEAST_STEPS
        return {**chosen, "max_steps": steps}

    def overlay(self, claims: Path) -> dict[str, Any]:
        """Overlay of the default configuration.

        Args:
            claims: file of the register that goes with it.
        """
        return {
            "preset": NAME,
            "claims": str(claims),
            "seeds": {"first": FIRST, "count": len(self.seeds)},
            "datasets": {NAME: self.options},
            "experiments": {EXPERIMENT: self.experiment},
        }

    def register(self, folder: Path) -> dict[str, Any]:
        """The register of the core claims, with what they ask of the experiment alone.

        Args:
            folder: the register that there is.
        """
        whole = register.read(folder)
        claims = {name: self._claim(whole["claims"][name]) for name in IN_REGISTER}
        kept = {key: whole[key] for key in ("equations", "nulls")}
        return {**kept, "claims": claims}

    def _claim(self, claim: Mapping[str, Any]) -> dict[str, Any]:
        criteria = [
            {**own, "meaning": own["meaning"].replace(", image pair", "")}
            for own in claim["criteria"]
            if self._applies(own)
        ]
        kept = {key: value for key, value in claim.items() if key not in ("answer", "breaks")}
        return {**kept, "criteria": criteria, "caveats": CAVEATS}

    def _applies(self, criterion: Mapping[str, Any]) -> bool:
        """Whether a criterion asks of the experiment alone, and of what its data let define."""
        places = [runs.split("/") for _, runs in sources(criterion)]
        if any(experiment != EXPERIMENT for experiment, _ in places):
            return False
        outputs = self.data["Y"].shape[2]
        names = {criterion["statistic"], criterion.get("minus_statistic")} - {None}
        for _, condition in places:
            own = {**self.shared, **self.experiment["conditions"][condition], "outputs": outputs}
            known = dictionary.table(criterion["table"], own).columns(own)
            if any(name not in known or known[name].undefined(own) for name in names):
                return False
        return True
