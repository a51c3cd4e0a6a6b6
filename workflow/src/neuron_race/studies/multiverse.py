"""What is asked of the networks of each universe: one number or two for each core claim."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_race.common.defined import average
from neuron_race.common.ranks import rank_correlation
from neuron_race.data.loader import Images
from neuron_race.measures import compression
from neuron_race.measures.dynamics import snapshot_at
from neuron_race.measures.race import auroc
from neuron_race.models import clusters, smaller
from neuron_race.models.norms import norm_product
from neuron_race.studies.trained.multiverse import begin, kept_events
from neuron_race.theory.forecast import closed_form
from neuron_race.training.runs import Runs, Trained

Array = NDArray[Any]
Universe = Mapping[str, Any]
EARLY = 0.1  # fraction of the time to the drop at which alignment is early


def table(
    universes: Iterable[Universe], arrays: Mapping[str, Array], images: Mapping[str, Images]
) -> pd.DataFrame:
    """One row for each task of each universe.

    Args:
        universes: with what they are asked.
        arrays: of all of them, see :func:`neuron_race.studies.trained.multiverse.train`.
        images: fetched ones, by name.
    """
    rows = []
    for universe in universes:
        start = f"{universe['universe']}."
        own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
        trained = restored(universe, own, images)
        for s, pair in enumerate(universe["classes"]):
            rows.append(
                {
                    "universe": universe["universe"],
                    "seed": universe["options"]["seeds"][s],
                    "task": "-".join(map(str, pair)),
                    **universe["decisions"],
                    "learning_rate": float(own["learning_rate"]),
                    "halvings": int(own["halvings"]),
                    "steps": int(own["step"][-1]),
                    **_Task(trained, s, own, universe["judged"]).statistics(),
                }
            )
    return pd.DataFrame(rows)


def restored(universe: Universe, own: Mapping[str, Array], images: Mapping[str, Images]) -> Trained:
    """A universe's runs as trained, with weights at the events at which they were kept."""
    start, options = begin(universe, images), universe["options"]
    events = kept_events(universe)
    S, E = own["event_step"].shape
    W_events, A_events = (np.full((S, E, *own[name].shape[2:]), np.nan) for name in ("W", "A"))
    W_events[:, events], A_events[:, events] = own["W"], own["A"]
    step, loss, event_step = (own[key] for key in ("step", "loss", "event_step"))
    runs = Runs(step, loss, event_step, W_events, A_events)
    return Trained(start, runs, {**options, "learning_rate": float(own["learning_rate"])})


class _Task:
    """One task of a universe, asked as the universe says."""

    def __init__(self, trained: Trained, s: int, own: Mapping[str, Array], judged: Universe):
        self.trained, self.s = trained, s
        self.cos_delta, self.c = own["cos_delta"][s], own["norm_product"][s]
        events = trained.recipe.events
        drop = self._event(judged["drop"])
        self.drop = int(trained.runs.event_step[s, drop])
        asked = len(events) - 1 if judged["moment"] == "end" else self._event(1 - judged["moment"])
        self.reached = bool(trained.runs.event_step[s, asked] >= 0)
        at = asked if self.reached else -1
        self.network = compression.Network(trained, s, judged["cosine"], at)

    def _event(self, drop: float) -> int:
        return self.trained.event(f"drop_{round(100 * drop):02d}")

    def statistics(self) -> dict[str, float]:
        """Undefined are those of a loss that never dropped, and of nothing learned."""
        network, step = self.network, self.trained.runs.step
        row = {"drop_step": self.drop if self.drop >= 0 else np.nan}
        row |= {"reached": float(self.reached)}
        row["clusters_per_neuron"] = clusters.per_neuron(network.labels, network.active)
        at, early = (snapshot_at(step, f * max(self.drop, 0)) for f in (1, EARLY))
        row["alignment_at_drop"] = float(average(self.cos_delta[at], weights=self.c[at]))
        largest, final = network.labels == 0, network.c
        row["rho_alignment"] = rank_correlation(self.cos_delta[early][largest], final[largest])
        start = self.trained.start
        score = closed_form(start, self.s, network.kind)
        row["rho_race_score"] = rank_correlation(score[largest], final[largest])
        row |= self.smaller()
        head, active = np.linalg.norm(start.A[self.s], axis=1), network.active
        told, by_head = (auroc(known[active], final[active]) for known in (score, head))
        row["auroc_beyond_head"] = told - by_head
        if self.drop < 0:
            row |= dict.fromkeys(("alignment_at_drop", "rho_alignment"), np.nan)
        return row

    def smaller(self) -> dict[str, float]:
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
