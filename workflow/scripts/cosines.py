"""Cosines between total weight vectors, ordered by final cluster."""

from pathlib import Path

import numpy as np
import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.models import clusters
from neuron_race.training import runs


def work(job) -> None:
    """One row per neuron and moment, ordered by final ``cluster``; ``own``: its cluster by then."""
    tables = []
    for path in (Path(p) for p in job.input.runs if p.endswith(".npz")):
        trained = runs.load(path)
        X, W, A = trained.start.X[0], trained.runs.W_events[0], trained.runs.A_events[0]
        found = {
            moment: clusters.find(W[event], A[event], 0.99, clusters.active(X, W[event]))
            for moment in ("init", "drop_10", "end")
            for event in [trained.event(moment)]
        }
        labels = found["end"]
        order = np.argsort(np.where(labels < 0, len(labels), labels), kind="stable")
        for moment, own in found.items():
            event = trained.event(moment)
            cosine = clusters.cosines(W[event], A[event])[np.ix_(order, order)]
            about = {"moment": moment, "cluster": labels[order], "own": own[order]}
            tables.append(pd.DataFrame(np.round(cosine, 3)).assign(condition=path.stem, **about))
    storage.write_table(job.output.cosines, pd.concat(tables))


script.run(snakemake, work)
