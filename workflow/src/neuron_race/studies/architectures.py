"""Ask of each hidden layer of a deep network what was asked of the only one.

Shared by the targets depth, residual, convolution and transformer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.func import functional_call

from neuron_race.common import defined
from neuron_race.common.defined import ratio
from neuron_race.common.ranks import rank_correlation
from neuron_race.common.seeds import stream
from neuron_race.measures import layers, smaller_layers
from neuron_race.measures.layers import Layer, Parameters
from neuron_race.models import clusters, deep, shallow, smaller
from neuron_race.models.losses import mean_loss
from neuron_race.studies.trained import networks
from neuron_race.studies.trained.networks import Data, Trained
from neuron_race.training import any_model

Array = NDArray[Any]
Runs = Mapping[str, Mapping[str, Array]]  # by condition, the arrays of its run file
KEPT = (0.5, 0.2)  # fractions of a layer's units that pruning keeps
DRAWS = 5  # random prunings are averaged over this many draws
MOMENTS = ("init", "drop", "end")
# What training makes of a layer: of a run that never dropped these tell of its init alone.
TAUGHT = ("clusters_per_neuron", "effective_width", "rotation", "top_share", "winners")


def tables(
    target: str, conditions: Mapping[str, Any], data: Data, runs: Runs
) -> dict[str, pd.DataFrame]:
    """Measure all conditions of a target whose question is put to every layer.

    Args:
        target: its name.
        conditions: options of each.
        data: arrays of the data sets that they use, by name.
        runs: arrays of their run files, by condition.
    """
    found = {
        name: rows(networks.recall(networks.begin(target, options, data), runs[name]), target)
        for name, options in conditions.items()
    }
    return {
        "runs": pd.concat([summary(own).assign(condition=name) for name, own in found.items()]),
        "details": pd.concat([own.assign(condition=name) for name, own in found.items()]),
    }


def rows(trained: Trained, target: str) -> pd.DataFrame:
    """One row per run and hidden layer: what happened, against forecasts from the init."""
    model, given = trained.start.model, trained.start.given
    result = []
    for run, seed in enumerate(given.seeds):
        network = Network(trained, run, stream(target, seed, "random arms"))
        forecasts = {
            "forecast": networks.norm_products(model, trained.ahead, run),
            "shuffled": networks.norm_products(model, trained.wrong, run),
        }
        for position in range(len(model.units)):
            own = {key: value[position] for key, value in forecasts.items()}
            row = network.row(position, own)
            if isinstance(model, deep.Transformer):
                found = heads(
                    model, *(any_model.one(w, run) for w in (trained.ahead, trained.history.end))
                )
                row |= found if network.dropped else dict.fromkeys(found, np.nan)
            result.append({"seed": seed, "layer": position + 1} | row)
    return pd.DataFrame(result)


def heads(model: deep.Transformer, ahead: Parameters, end: Parameters) -> dict[str, float]:
    """For exploration: attention heads' norm products |W_value| |W_mix|, forecast and final."""
    forecast, final = (
        (
            w["value.weight"].unflatten(0, (model.heads, -1)).flatten(1).norm(dim=1)
            * w["mix.weight"].unflatten(1, (model.heads, -1)).norm(dim=(0, 2))
        )
        .double()
        .numpy()
        for w in (ahead, end)
    )
    return {
        "head_top_share": float(ratio(final.max(), final.sum())),
        "rho_heads": rank_correlation(forecast, final) if np.isfinite(forecast).all() else np.nan,
    }


class Network:
    """One run: its layers at init, drop and end, and what is lost when units go."""

    def __init__(self, trained: Trained, run: int, rng: np.random.Generator):
        given, history = trained.start.given, trained.history
        self.model, self.rng, self.loss = trained.start.model, rng, given.loss
        self.X, self.Y = given.X[run], given.Y[run]
        self.X_test, self.Y_test = given.X_test[run], given.Y_test[run]
        self.dropped = bool(history.drop_step[run] >= 0)
        self.end = any_model.one(history.end, run)
        self.layers: dict[str, list[Layer]] = {}
        for moment in MOMENTS:
            if moment == "drop" and not self.dropped:
                continue
            parameters = any_model.one(getattr(history, moment), run)
            self.layers[moment] = layers.observe(
                self.model, parameters, self.X, self.Y, given.loss, self.model.units
            )
        self.full = self.score({})
        self.at_zero = float(mean_loss(torch.zeros_like(self.Y)[None], self.Y[None], self.loss)[0])
        initial = float(history.loss[run, 0])
        self.learned = defined.learned(initial, self.at_zero, self.full["loss"])
        self.drop_time = float(history.drop_step[run])
        self.relative = float(ratio(history.loss[run, -1], initial))

    def score(self, changed: Parameters) -> dict[str, float]:
        """Loss and accuracies with some parameters changed."""
        with torch.no_grad():
            weights = {**self.end, **changed}
            F, G = (functional_call(self.model, weights, (X,)) for X in (self.X, self.X_test))
        return {
            "loss": float(mean_loss(F[None], self.Y[None], self.loss)[0]),
            "accuracy": float(shallow.accuracy(F.numpy(), self.Y.numpy())),
            "test_accuracy": float(shallow.accuracy(G.numpy(), self.Y_test.numpy())),
        }

    def lost(self, changed: Parameters) -> float:
        """Share of what was learned that a change costs; 1: as bad as the output zero.

        NaN where nothing was learned.
        """
        return (self.score(changed)["loss"] - self.full["loss"]) / self.learned

    def row(self, position: int, forecasts: Mapping[str, Array]) -> dict[str, float]:
        """All statistics of one layer; of a run that never dropped, nothing about its race."""
        end, init = self.layers["end"][position], self.layers["init"][position]
        labels, c, active = end.clusters(), end.norm_product, end.active
        row: dict[str, float] = {
            "loss_end": self.relative,
            "drop_step": self.drop_time if self.dropped else np.nan,
            "accuracy": self.full["accuracy"],
            "test_accuracy": self.full["test_accuracy"],
            "active": float(active.mean()),
            "clusters_per_neuron": clusters.per_neuron(labels, active),
            "effective_width": float(ratio(clusters.effective(labels, c), active.sum())),
            "rotation": clusters.rotation(init.W, end.W),
            "alignment_init": _weighted(init),
            "alignment": _weighted(self.layers["drop"][position]) if self.dropped else np.nan,
            "top_share": smaller.held(c, 0.2),
            "winners": float(ratio(c.sum() ** 2, (c**2).sum())) / len(c),
        }
        if not self.dropped:
            row |= dict.fromkeys(TAUGHT, np.nan)
        largest = labels == 0
        predictions = {**forecasts, "init": init.norm_product, "local": init.race_score}
        for name, value in predictions.items():
            for suffix, chosen in (("", active), ("_largest", largest)):
                # A forecast that did not end is undefined.
                known = self.dropped and np.isfinite(value).all()
                row[f"rho_{name}{suffix}"] = (
                    rank_correlation(value[chosen], c[chosen]) if known else np.nan
                )
        return row | self.merging(end, labels) | self.pruning(end)

    def merging(self, layer: Layer, labels: Array) -> dict[str, float]:
        """Relative change of the loss by the merge; undefined where nothing merges."""
        vacuous = clusters.count(labels) >= layer.active.sum() or np.isnan(self.learned)
        if layer.units.normalisation is not None or vacuous:
            return {"merge_loss_change": np.nan}
        changed = self.score(smaller_layers.merge(layer, labels, self.end))["loss"]
        epsilon = torch.finfo(self.Y.dtype).eps
        change = defined.change(changed, self.full["loss"], self.at_zero, epsilon)
        return {"merge_loss_change": change}

    def pruning(self, layer: Layer) -> dict[str, float]:
        """Share of the learned loss that is lost by keeping a fraction of the layer's units.

        Undefined where the fraction, rounded, keeps them all.
        """
        c, row = layer.norm_product, {}
        raw = layer.raw_norm * np.linalg.norm(layer.A, axis=1)
        for fraction in KEPT:
            kept, percent = smaller.number_kept(fraction, len(c)), round(100 * fraction)
            arms: dict[str, list[Array]] = {
                "lowest": [c],
                "highest": [-c],
                "raw": [raw],
                "contribution": [layer.contribution],
                "random": [self.rng.random(len(c)) for _ in range(DRAWS)],
            }
            for arm, scores in arms.items():
                masks = [smaller.keep_largest(s, kept) for s in scores]
                lost = [self.lost(smaller_layers.prune(layer, mask, self.end)) for mask in masks]
                row[f"{arm}_{percent}"] = float(np.mean(lost)) if kept < len(c) else np.nan
        return row


def _weighted(layer: Layer) -> float:
    """Mean alignment, weighted by the norm product; undefined if no unit reads out (Fixup)."""
    return float(defined.average(layer.alignment, weights=layer.norm_product))


# What is good of a statistic: its worst layer is the lowest or the highest.
WORST: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("alignment", "rho_forecast", "rho_local", "rho_forecast_largest"), np.min),
    **dict.fromkeys(
        ("clusters_per_neuron", "effective_width", "lowest_50", "lowest_20", "merge_loss_change"),
        np.max,
    ),
}
WHOLE = ("loss_end", "drop_step", "accuracy", "test_accuracy")  # of the network, not a layer


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per run: each statistic's mean over layers, its worst layer, and by layer (_1)."""
    result = []
    for seed, own in rows.groupby("seed", sort=False):
        row: dict[str, Any] = {"seed": seed, **{name: own[name].iloc[0] for name in WHOLE}}
        for name in own.columns.drop(["seed", "layer", *WHOLE]):
            values = own[name].to_numpy(dtype=float)
            row[f"{name}_mean"] = values.mean()
            if name in WORST:
                row[f"{name}_worst"] = WORST[name](values)
            row |= {f"{name}_{layer}": v for layer, v in zip(own["layer"], values, strict=True)}
        result.append(row)
    return pd.DataFrame(result)
