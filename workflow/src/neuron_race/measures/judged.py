"""What core claims are about, of one network at one moment of its training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.defined import average
from neuron_race.common.ranks import rank_correlation
from neuron_race.measures import compression
from neuron_race.measures.race import auroc
from neuron_race.models import clusters, smaller
from neuron_race.models.norms import norm_product
from neuron_race.theory import equations
from neuron_race.theory.forecast import closed_form
from neuron_race.training.recipe import snapshot_at
from neuron_race.training.runs import Trained

Array = NDArray[Any]
EARLY = 0.1  # fraction of the time to the drop at which alignment is early


class Judged:
    """A run with the network that it was at an event, and the path to there.

    Args:
        trained: a condition's runs.
        s: which of them.
        cos_delta: alignment of each neuron at each snapshot (T, m).
        drop: step of the loss drop; below 0 if it never came.
        event: index of the event at which the network is judged.
        cosine: smallest cosine within a cluster.
    """

    def __init__(
        self,
        trained: Trained,
        s: int,
        cos_delta: Array,
        drop: int,
        event: int,
        cosine: float = compression.COSINE,
    ):
        self.start, self.s, self.step = trained.start, s, trained.runs.step
        self.cos_delta, self.drop = cos_delta, drop
        self.network = compression.Network(trained, s, cosine, event)

    def alignment(self) -> float:
        """Mean cosine between neurons and their pull, weighted by norm product. (E3)"""
        one = self.network
        # Weights have what is outside the data's span in more coordinates, where inputs are 0.
        X = np.pad(one.X, ((0, 0), (0, one.W.shape[1] - one.X.shape[1])))
        R = equations.residual(equations.network_output(one.W, one.A, X), one.Y, one.kind)
        C = equations.gated_residual_correlation(one.W, X, R)
        cosines = equations.alignment(one.W, one.A, C)
        known = np.isfinite(cosines)
        return float(average(cosines[known], weights=one.c[known]))

    def statistics(self) -> dict[str, float]:
        """Undefined are those of a loss that never dropped, and of nothing learned."""
        network = self.network
        largest, norms = network.labels == 0, network.c
        early = self.cos_delta[snapshot_at(self.step, EARLY * max(self.drop, 0))]
        known = self.drop >= 0
        score = closed_form(self.start, self.s, network.kind)
        head, active = np.linalg.norm(self.start.A[self.s], axis=1), network.active
        told, by_head = (auroc(one[active], norms[active]) for one in (score, head))
        return {
            "clusters_per_neuron": clusters.per_neuron(network.labels, active),
            "rho_alignment": rank_correlation(early[largest], norms[largest]) if known else np.nan,
            "rho_race_score": rank_correlation(score[largest], norms[largest]),
            "auroc_beyond_head": told - by_head,
            **self._smaller(),
        }

    def _smaller(self) -> dict[str, float]:
        """The network merged, merged and pruned, and pruned."""
        network = self.network
        kept = smaller.number_kept(compression.DECLARED, len(network.c))
        W, A = smaller.merge(network.W, network.A, network.labels)
        best = np.argsort(-norm_product(W, A), kind="stable")[:kept]
        lowest = smaller.keep_largest(network.c, kept)
        arms = {
            "merge_then_prune": (W[best], A[best]),
            "lowest_first": (network.W[lowest], network.A[lowest]),
        }
        full = network.score(network.W, network.A)["loss"]
        lost = {arm: network.score(*weights)["loss"] - full for arm, weights in arms.items()}
        merged = len(W) / len(network.c) if np.isfinite(network.learned) else float("nan")
        shares = {f"{arm}_loss_share": loss / network.learned for arm, loss in lost.items()}
        return {"merged_per_neuron": merged, **shares}
