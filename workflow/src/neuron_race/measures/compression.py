"""What the trained networks lose by merging and pruning, as tidy tables."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common import defined
from neuron_race.common.seeds import stream
from neuron_race.measures import merging, pruning
from neuron_race.models import clusters, shallow, smaller
from neuron_race.models.norms import norm_product
from neuron_race.training.runs import Trained

Array = NDArray[Any]
FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)  # of neurons kept
DECLARED = 0.2  # the fraction kept at which the pruning claim is tested
DRAWS = 10  # random arms are averaged over this many draws
COSINE = 0.99


def tables(trained: Trained) -> dict[str, pd.DataFrame]:
    """Tidy tables ``runs`` (one row per run), ``merging`` and ``pruning`` of a condition."""
    rows, merged, pruned = [], [], []
    for s in range(len(trained.start.seed)):
        network = Network(trained, s)
        merged.append(pd.DataFrame(network.merging()))
        pruned.append(network.pruning())
        rows.append(network.summary(merged[-1], pruned[-1]))
    return {
        "runs": pd.DataFrame(rows),
        "merging": pd.concat(merged, ignore_index=True),
        "pruning": pd.concat(pruned, ignore_index=True),
    }


class Network:
    """One trained network, and what is done to it.

    Args:
        trained: a condition's runs.
        s: which of them.
        cosine: smallest cosine within a cluster.
        event: when the network is taken, by the index of the event.
    """

    def __init__(self, trained: Trained, s: int, cosine: float = COSINE, event: int = -1):
        start = trained.start
        self.seed = int(start.seed[s])
        self.kind = trained.recipe.loss
        self.X, self.Y = start.X[s], start.Y[s]
        self.X_test, self.Y_test = start.X_test[s], start.Y_test[s]
        self.W, self.A = trained.runs.W_events[s, event], trained.runs.A_events[s, event]
        self.active = clusters.active(self.X, self.W)
        self.labels = clusters.find(self.W, self.A, cosine, self.active)
        self.c = norm_product(self.W, self.A)
        self.rng = stream("compression", self.seed, "random arms")
        self.at_zero = float(shallow.loss(np.zeros_like(self.Y), self.Y, self.kind))
        initial = float(trained.runs.loss[s, 0])
        self.learned = defined.learned(initial, self.at_zero, self.score(self.W, self.A)["loss"])

    def score(self, W: Array, A: Array) -> dict[str, float]:
        """Loss and accuracies of other weights on this network's data."""
        F, F_test = shallow.forward(self.X, W, A), shallow.forward(self.X_test, W, A)
        return {
            "loss": float(shallow.loss(F, self.Y, self.kind)),
            "accuracy": float(shallow.accuracy(F, self.Y)),
            "test_accuracy": float(shallow.accuracy(F_test, self.Y_test)),
        }

    def scores(self, W: Array, A: Array, kept: Array) -> pd.DataFrame:
        """The same of smaller networks, one row each, that keep some of the neurons (n, m)."""
        A = np.moveaxis(kept[..., None] * A, 0, 1)  # (m, n, k): all networks in one product
        F, F_test = (
            np.moveaxis(np.tensordot(shallow.hidden(X, W), A, 1), 1, 0)
            for X in (self.X, self.X_test)
        )
        return pd.DataFrame(
            {
                "loss": shallow.loss(F, self.Y, self.kind),
                "accuracy": shallow.accuracy(F, self.Y),
                "test_accuracy": shallow.accuracy(F_test, self.Y_test),
            }
        )

    def merging(self) -> list[dict[str, Any]]:
        """Merge by each rule; ``bound_used`` is the largest change of an output over its bound."""
        shuffled = merging.shuffle_membership(self.rng, self.labels)
        self.shuffling_moves = merging.differ(self.labels, shuffled)
        variants: dict[str, tuple[Callable, Array]] = {
            "merge": (smaller.merge, self.labels),
            "naive_average": (merging.naive_average, self.labels),
            "shuffled_membership": (smaller.merge, shuffled),
        }
        rows = []
        full = self.score(self.W, self.A)
        for rule, (apply, labels) in variants.items():
            W, A = apply(self.W, self.A, labels)
            row = {"seed": self.seed, "rule": rule, "neurons": len(W), **self.score(W, A)}
            change = np.linalg.norm(
                shallow.forward(self.X, W, A) - shallow.forward(self.X, self.W, self.A), axis=1
            )
            bound = merging.bound(self.X, self.W, self.A, labels)
            # Rounding is no violation: singletons merge exactly, with a bound of zero.
            excess = np.maximum(change - 1e-9 * (1 + np.abs(self.Y).max()), 0)
            row["bound_used"] = float(
                np.max(np.where(excess > 0, change / np.maximum(bound, 1e-300), 0))
            )
            rows.append({**row, "neurons_before": len(self.W), "loss_before": full["loss"]})
        return rows

    def masks(self, kept: int) -> dict[str, list[Array]]:
        """Masks of the neurons kept by each arm; several draws for random arms."""
        return {
            "lowest_first": [smaller.keep_largest(self.c, kept)],
            "highest_first": [smaller.keep_largest(-self.c, kept)],
            "random": [
                smaller.keep_largest(self.rng.random(len(self.c)), kept) for _ in range(DRAWS)
            ],
            "stratified": [smaller.keep_stratified(self.c, self.labels, kept)],
        }

    def greedy(self) -> Array:
        """Neurons in the order in which the greedy oracle adds them."""
        contribution = shallow.forward(self.X, self.W[:, None], self.A[:, None])
        if self.kind == "squared":
            return pruning.greedy_order_squared(contribution, self.Y)
        return pruning.greedy_order(
            contribution, self.Y, lambda F, Y: shallow.loss(F, Y, self.kind)
        )

    def pruning(self) -> pd.DataFrame:
        """Loss and accuracy against neurons kept, for every arm; mean of its draws."""
        m = len(self.c)
        # The oracle tries every neuron at every step: affordable for one output.
        greedy = self.greedy() if self.A.shape[1] == 1 else None
        merged_W, merged_A = smaller.merge(self.W, self.A, self.labels)
        merged_c = norm_product(merged_W, merged_A)
        found: dict[str, list[tuple[dict[str, Any], Array]]] = {"own": [], "merged": []}
        for fraction in FRACTIONS:
            kept = smaller.number_kept(fraction, m)
            row = {"seed": self.seed, "kept": kept, "fraction": fraction}
            arms = self.masks(kept)
            if greedy is not None:
                arms["greedy"] = [np.isin(np.arange(m), greedy[:kept])]
            found["own"] += [({**row, "arm": arm}, mask) for arm in arms for mask in arms[arm]]
            mask = smaller.keep_largest(merged_c, min(kept, len(merged_c)))
            found["merged"].append(({**row, "arm": "merge_then_prune"}, mask))
        scored = [
            pd.DataFrame([row for row, _ in found[whose]]).join(
                self.scores(W, A, np.stack([mask for _, mask in found[whose]]))
            )
            for whose, W, A in (("own", self.W, self.A), ("merged", merged_W, merged_A))
        ]
        by = ["seed", "arm", "kept", "fraction"]
        mean = pd.concat(scored).groupby(by, sort=False, as_index=False).mean()
        return mean.sort_values("fraction", kind="stable")

    def summary(self, merged: pd.DataFrame, pruned: pd.DataFrame) -> dict[str, Any]:
        """One row per run: the statistics that criteria are about.

        Where nothing was learned, and where merging (K = m) or pruning removed nothing, success is
        vacuous, and what was changed undefined.
        """
        full = self.score(self.W, self.A)
        row: dict[str, Any] = {"seed": self.seed, **{f"full_{k}": v for k, v in full.items()}}
        by_rule = merged.set_index("rule")
        merged_to = by_rule.loc["merge", "neurons"]
        taught = np.isfinite(self.learned)
        known = taught and self.active.any()
        row["merged_per_neuron"] = merged_to / len(self.W) if known else np.nan
        merges = taught and merged_to < self.active.sum()
        for rule in merging.RULES:
            result = by_rule.loc[rule]
            known = merges and (rule != "shuffled_membership" or self.shuffling_moves)
            row[f"{rule}_loss_change"] = (
                defined.change(result["loss"], full["loss"], self.at_zero) if known else np.nan
            )
            row[f"{rule}_test_change"] = (
                100 * (result["test_accuracy"] - full["test_accuracy"]) if known else np.nan
            )
        row["merge_bound_used"] = by_rule.loc["merge", "bound_used"] if merges else np.nan
        curve = pruned.pivot(index="fraction", columns="arm")
        accuracy, test, loss = (curve[name] for name in ("accuracy", "test_accuracy", "loss"))
        prunes = taught and smaller.number_kept(DECLARED, len(self.W)) < len(self.W)
        for arm in pruned["arm"].unique():
            own = {
                "accuracy_change": 100 * (accuracy.loc[DECLARED, arm] - full["accuracy"]),
                "test_change": 100 * (test.loc[DECLARED, arm] - full["test_accuracy"]),
                # 0: nothing lost; 1: as bad as the network that outputs zero.
                "loss_share": (loss.loc[DECLARED, arm] - full["loss"]) / self.learned,
                "area": 100 * _area(accuracy[arm] - accuracy["random"]),
                "loss_area": _area((loss["random"] - loss[arm]) / (self.at_zero or np.nan)),
            }
            row |= {f"{arm}_{key}": value if prunes else np.nan for key, value in own.items()}
        return row


def _area(difference: pd.Series) -> float:
    """Area between two curves over the fraction kept."""
    return float(np.trapezoid(difference.to_numpy(), difference.index.to_numpy(dtype=float)))
