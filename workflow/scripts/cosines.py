"""Cosines between total weight vectors, ordered by final cluster."""

import numpy as np
import pandas as pd

from neuron_race.common import job as script
from neuron_race.common import storage
from neuron_race.measures import clusters
from neuron_race.training import runs


def work(job) -> None:
    """One row per pair of positions and moment; positions follow the final clusters."""
    trained = runs.load(next(p for p in job.input.runs if p.endswith(".npz")))
    W, A = trained.runs.W_events[0], trained.runs.A_events[0]
    labels = clusters.find(W[-1], A[-1], 0.99, clusters.active(trained.start.X[0], W[-1]))
    order = np.lexsort((np.arange(len(labels)), np.where(labels < 0, len(labels), labels)))
    tables = []
    for moment in ("init", "drop_10", "end"):
        event = trained.event(moment)
        cosine = clusters.cosines(W[event], A[event])[np.ix_(order, order)]
        tables.append(
            pd.DataFrame(np.round(cosine, 3)).assign(moment=moment, cluster=labels[order])
        )
    storage.write_table(job.output.cosines, pd.concat(tables))


script.run(snakemake, work)
