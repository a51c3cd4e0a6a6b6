"""What each neuron and each run did: alignment, gates, growth, clusters.

All of it is read off recorded runs, as three tidy tables: one row per run, per neuron, and per
snapshot.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import average, ratio
from neuron_race.common.ranks import rank_correlation, rank_correlations
from neuron_race.models import clusters, shallow
from neuron_race.models.norms import norm_product, unit
from neuron_race.training.recipe import snapshot_at
from neuron_race.training.runs import Trained

Array = NDArray[Any]
COSINES = (0.95, 0.99, 0.999)
EARLY = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)  # fractions of the time to the drop
DROP = "drop_10"
# What training makes of a network: of one that never dropped these tell of its init alone.
TAUGHT = (
    *("rotation", "largest_cluster", "stable_rank", "effective_width", "lower_half_share"),
    *(f"clusters{what}_{str(q)[2:]}" for what in ("", "_per_neuron") for q in COSINES),
    *("alignment_peak", "gate_patterns_least", "rho_alignment_all_peak"),
)


def stable_rank(M: Array) -> float:
    """|M|_F^2 / |M|_2^2 of a matrix."""
    singular = np.linalg.svd(M, compute_uv=False)
    return float((singular**2).sum() / singular[0] ** 2) if singular[0] > 0 else float("nan")


def predicted_growth(measured: dict[str, Array]) -> Array:
    """d log c/dt = |a| |D| |w| cos(delta) (1/|a|^2 + 1/|w|^2), of all neurons (S, T, m) (E4)."""
    w, a = measured["norm_w"], measured["norm_a"]
    return measured["norm_D"] * measured["cos_delta"] * (ratio(w, a) + ratio(a, w))


def tables(trained: Trained) -> dict[str, pd.DataFrame]:
    """Tidy tables ``runs``, ``neurons`` and ``trajectory`` of a condition."""
    per_run, per_neuron, per_snapshot = [], [], []
    for s in range(len(trained.start.seed)):
        run = _Run(trained, s)
        per_run.append(run.summary())
        per_neuron.append(run.neurons())
        per_snapshot.append(run.trajectory())
    return {
        "runs": pd.DataFrame(per_run),
        "neurons": pd.concat(per_neuron, ignore_index=True),
        "trajectory": pd.concat(per_snapshot, ignore_index=True),
    }


class _Run:
    """One run and what is asked of it."""

    def __init__(self, trained: Trained, s: int):
        self.trained, self.s = trained, s
        start, runs = trained.start, trained.runs
        self.seed = int(start.seed[s])
        self.step, self.loss = runs.step, runs.loss[s]
        self.measured = {name: array[s] for name, array in runs.measured.items()}
        self.c = self.measured["norm_w"] * self.measured["norm_a"]
        self.rate = trained.recipe.learning_rate
        self.X, self.Y = start.X[s], start.Y[s]
        self.drop_step = {
            name: int(runs.event_step[s, trained.event(name)])
            for name in trained.recipe.events
            if name.startswith("drop")
        }
        self.W = {e: runs.W_events[s, i] for i, e in enumerate(trained.recipe.events)}
        self.A = {e: runs.A_events[s, i] for i, e in enumerate(trained.recipe.events)}
        self.active = clusters.active(self.X, self.W["end"])
        self.labels = clusters.find_each(self.W["end"], self.A["end"], COSINES, self.active)
        self.final = norm_product(self.W["end"], self.A["end"])
        ordered = np.sort(self.measured["gate_pattern"], axis=1)
        self.patterns = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)  # different ones (T,)

    @property
    def dropped(self) -> bool:
        return self.drop_step[DROP] >= 0

    def early(self, fraction: float) -> int:
        """Snapshot at a fraction of the time to the drop."""
        return snapshot_at(self.step, fraction * max(self.drop_step[DROP], 0))

    def summary(self) -> dict[str, Any]:
        start, s = self.trained.start, self.s
        W, A = self.W["end"], self.A["end"]
        F = shallow.forward(self.X, W, A)
        F_test = shallow.forward(start.X_test[s], W, A)
        labels = self.labels[0.99]
        row: dict[str, Any] = {
            "seed": self.seed,
            "steps": int(self.step[-1]),
            "loss_init": self.loss[0],
            "loss_end": self.loss[-1],
            "loss_end_relative": ratio(self.loss[-1], self.loss[0]),
            "fitted": float(self.loss[-1] <= 0.05 * self.loss[0]) if self.loss[0] else np.nan,
            "accuracy": float(shallow.accuracy(F, self.Y)),
            "test_accuracy": float(shallow.accuracy(F_test, start.Y_test[s])),
            "active": int(self.active.sum()),
            "rotation": clusters.rotation(self.W["init"], W),
            "largest_cluster": int((labels == 0).sum()),
            "stable_rank": stable_rank(self.final[:, None] * unit(W)),
            "effective_width": clusters.effective(labels, self.final),
            "lower_half_share": self.lower_half_share(),
            "dropped": float(self.dropped),
        }
        for q in COSINES:
            row[f"clusters_{str(q)[2:]}"] = clusters.count(self.labels[q])
            row[f"clusters_per_neuron_{str(q)[2:]}"] = clusters.per_neuron(
                self.labels[q], self.active
            )
        for name, step in self.drop_step.items():
            row[f"t_{name}"] = step * self.rate if step >= 0 else np.nan
            row[f"step_{name}"] = step if step >= 0 else np.nan
            row[f"alignment_at_{name}"] = self.weighted_alignment(step) if step >= 0 else np.nan
        row["alignment_at_init"] = self.weighted_alignment(0)
        row |= self.whole_training()
        row |= (
            self.shape() | self.gates() | self.identity() | self.second_group() | self.race(labels)
        )
        return row if self.dropped else row | dict.fromkeys(TAUGHT, np.nan)

    def whole_training(self) -> dict[str, float]:
        """Extremes over all snapshots, for controls whose loss drops at the first step."""
        cos, active = self.measured["cos_delta"], self.active
        least = int(self.patterns.min())
        ranks = rank_correlations(cos[:-1, active], self.final[active])
        return {
            "alignment_peak": float(average(cos, axis=1, weights=self.c).max()),
            "gate_patterns_least": self.of_first_patterns(least),
            "rho_alignment_all_peak": max(ranks[~np.isnan(ranks)], default=np.nan),
            "rho_alignment_all_half": self.rank_at_half(),
        }

    def rank_at_half(self) -> float:
        """Rank correlation of alignment with final norm where half of the initial loss is gone."""
        past = np.flatnonzero(self.loss <= 0.5 * self.loss[0])
        if not len(past) or not self.loss[0]:
            return float("nan")
        cos = self.measured["cos_delta"][past[0]]
        return rank_correlation(cos[self.active], self.final[self.active])

    def shape(self) -> dict[str, float]:
        """Plateau, fall, and the end of the race, at multiples of the time to the drop."""
        names = ("plateau", "fallen", "late_growth")
        if not self.dropped or 3 * self.drop_step[DROP] > self.step[-1]:
            missing = dict.fromkeys(names, np.nan)
            if self.dropped:  # with the residual frozen a run ends early, but its growth is known
                missing["late_growth"] = self.growth_of_leaders(-1)
            return missing
        half, late = self.early(0.5), self.early(3.0)
        return {
            "plateau": ratio(self.loss[half], self.loss[0]),
            "fallen": ratio(self.loss[late], self.loss[0]),
            "late_growth": self.growth_of_leaders(late),
        }

    def growth_of_leaders(self, t: int) -> float:
        """Growth at a snapshot over that half-way to the drop, weighted by norm products.

        Undefined where there was no growth to compare with.
        """
        growth, half = self.measured["growth"], self.early(0.5)
        before = average(growth[half], weights=self.c[half])
        now = average(growth[t], weights=self.c[t])
        return float(ratio(now, before)) if before > 0 else float("nan")

    def lower_half_share(self) -> float:
        """Share of the norm products that the lower half of the neurons has; one has no half."""
        half = len(self.final) // 2
        share = ratio(np.sort(self.final)[:half].sum(), self.final.sum())
        return float(share) if half else float("nan")

    def of_first_patterns(self, patterns: int) -> float:
        """Number of gate patterns over that at init; a single one can't become fewer."""
        first = self.patterns[0]
        return patterns / first if first > 1 else float("nan")

    def weighted_alignment(self, step: int) -> float:
        """Mean of cos(delta), weighted by the norm product."""
        t = snapshot_at(self.step, step)
        return float(average(self.measured["cos_delta"][t], weights=self.c[t]))

    def gates(self) -> dict[str, float]:
        """Gate patterns up to the drop (U1), and neurons that first point against the pull (U2)."""
        names = ("gate_patterns_kept", "gates_changed", "against_at_init", "turned_by_drop")
        if not self.dropped:
            return dict.fromkeys(names, np.nan)
        t = self.early(1.0)
        cos = self.measured["cos_delta"]
        alive = self.measured["open"][0] > 0
        against = alive & (cos[0] < 0)
        return {
            "gate_patterns_kept": self.of_first_patterns(int(self.patterns[t])),
            "gates_changed": float(self.measured["gate_changes"][t].mean()),
            "against_at_init": float(ratio(against.sum(), alive.sum())),
            "turned_by_drop": float((cos[t][against] > 0).mean()) if against.any() else np.nan,
        }

    def identity(self) -> dict[str, float]:
        """Error of the growth law E4 on the plateau, and with neurons' alignments permuted."""
        plateau = (self.step > 0) & (self.step <= 0.25 * self.drop_step[DROP])
        if not plateau.any():
            return {"growth_error": np.nan, "growth_error_permuted": np.nan}
        measured = self.measured["growth"][plateau]
        predicted = predicted_growth(self.measured)[plateau]
        permuted = {**self.measured, "cos_delta": np.roll(self.measured["cos_delta"], 1, axis=1)}
        scale = np.abs(measured).mean()
        wrong = predicted_growth(permuted)[plateau]
        return {
            "growth_error": float(ratio(np.median(np.abs(measured - predicted)), scale)),
            # One neuron can't be permuted.
            "growth_error_permuted": float(ratio(np.median(np.abs(measured - wrong)), scale))
            if measured.shape[1] > 1
            else np.nan,
        }

    def second_group(self) -> dict[str, float]:
        """Rise of the second group's growth once the first has fitted (U3).

        The first group are the neurons of the sign with the larger norm at the drop, the second
        those of the other sign. Growth of a group is weighted by final norm products, and given
        relative to the first group's growth half-way to the drop.
        """
        group = self.growth_of_groups()
        if not self.dropped or any(np.isnan(growth).any() for growth in group.values()):
            return {"second_group_rise": np.nan}
        half = self.early(0.5)
        later = self.step > max(self.drop_step.values())
        # Relative to growth: neurons that shrank half-way to the drop are no leaders.
        if not later.any() or group["first"][half] <= 0:
            return {"second_group_rise": np.nan}
        rise = group["second"][later].max() - group["second"][half]
        return {"second_group_rise": float(ratio(rise, group["first"][half]))}

    def growth_of_groups(self) -> dict[str, Array]:
        """Growth (T,) of the ``first`` and the ``second`` sign group, weighted by final norm.

        NaN where a group is empty, and for several outputs, which have no sign.
        """
        nothing = np.full(len(self.step), np.nan)
        if self.A["end"].shape[1] != 1:
            return {"first": nothing, "second": nothing}
        positive = self.A["end"][:, 0] > 0
        at_drop = self.c[self.early(1.0)]
        first = positive if at_drop[positive].sum() >= at_drop[~positive].sum() else ~positive
        return {
            name: np.average(self.measured["growth"], axis=1, weights=self.final * chosen)
            if (self.final * chosen).sum() > 0
            else nothing
            for name, chosen in (("first", first), ("second", ~first))
        }

    def race(self, labels: Array) -> dict[str, float]:
        """Rank correlation of early alignment with final norm, in the largest cluster and all."""
        row = {}
        cos, largest = self.measured["cos_delta"], labels == 0
        for fraction in EARLY:
            t = self.early(fraction)
            name = f"{round(100 * fraction):03d}"
            for among, chosen in (("", largest), ("_all", self.active)):
                row[f"rho_alignment{among}_{name}"] = (
                    rank_correlation(cos[t][chosen], self.final[chosen]) if self.dropped else np.nan
                )
        return row

    def neurons(self) -> pd.DataFrame:
        t_drop = self.early(1.0)
        table = {
            "seed": self.seed,
            "neuron": np.arange(len(self.final)),
            "sign": np.sign(self.A["end"][:, 0]).astype(int) if self.A["end"].shape[1] == 1 else 0,
            "active": self.active,
            "norm_a_init": self.measured["norm_a"][0],
            "norm_product_init": self.c[0],
            "norm_product_drop": self.c[t_drop] if self.dropped else np.nan,
            "norm_product_end": self.final,
        }
        for q in COSINES:
            table[f"cluster_{str(q)[2:]}"] = self.labels[q]
        for fraction in EARLY:
            t = self.early(fraction)
            name = f"{round(100 * fraction):03d}"
            table[f"cos_delta_{name}"] = self.measured["cos_delta"][t] if self.dropped else np.nan
            table[f"norm_product_{name}"] = self.c[t] if self.dropped else np.nan
        return pd.DataFrame(table)

    def trajectory(self) -> pd.DataFrame:
        groups = self.growth_of_groups()
        return pd.DataFrame(
            {
                "seed": self.seed,
                "step": self.step,
                "time": self.step * self.rate,
                "loss": self.loss,
                "alignment": average(self.measured["cos_delta"], axis=1, weights=self.c),
                "gate_patterns": self.patterns,
                "growth_first": groups["first"],
                "growth_second": groups["second"],
            }
        )
