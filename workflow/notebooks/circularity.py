# %%
from dataclasses import replace

import numpy as np

from neuron_race.figures import style
from neuron_race.models.norms import norm_product
from neuron_race.pages.lecture import Lecture, show, train
from neuron_race.theory import forecast

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# A referee's first suspicion of "we can tell the winners in advance" is that something of the
# outcome leaked into the prediction: a final norm, the true time of the drop, a cluster known
# only later. The second is that the forecast *is* the run: to integrate the equations up to the
# drop takes as many gradients as training up to it.
#
# So this claim is an audit of both, of what forecasts know and of what they cost.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E1")

# %% [markdown]
# *Why that suffices, and where it could cheat.* With $r$ frozen at $f=0$ the right-hand side knows
# data, labels, and the neuron itself. Integrated from the init, it gives a path that ends at no
# natural moment. Stopping it at the real loss drop would be the leak; so it stops when the network
# *it describes* would have lost its first tenth of the loss. That moment is a function of init and
# data.
#
# ## What theory predicts before any training
#
# The closed form takes a single gradient. On this page nothing can leak: the numbers under
# "predicted" stand there before the first step is taken, and are not touched again.

# %%
claim.live("ranks", "drop", "pruned")

# %% [markdown]
# ## How it is measured
#
# In the workflow's graph no run is an input of a forecast. But graphs can be wrong, so the audit
# also replaces everything recorded after step 0 by noise, forecasts again, and compares *bits*.
# The test is worth something only if it can fail: the same noise is given to a "forecast" that
# peeks at the norms at the drop, which must change; and a forecast must change if the init does.

# %%
claim.reading()

# %%
audit = claim.table("audit/pair/runs.csv")
audit.drop(columns=["condition", "seed"]).describe().loc[["min", "mean", "max"]]

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Forecasts are blind to the future because they are blind to everything.",
        "sees_the_init",
        "One per cent of change in the initial weights moves them.",
        "They hardly depend on the init, so that they ignore the future shows nothing.",
    ),
    (
        "The noise is too weak, or in the wrong place, to betray a leak.",
        "leak_is_seen",
        "A forecast that peeks is caught by the same noise.",
        "A forecast that peeks is not caught: the audit has no teeth.",
    ),
    (
        "The forecast is the run itself, under another name.",
        "integration_costs_the_run",
        "The integrated one nearly is, and its cost tells. The closed form takes one gradient, and "
        "tells winners as well.",
        "The integrated forecast takes far fewer gradients than the run does up to its drop.",
    ),
    (
        "The leak is in the settings: budget or snapshots tell when the loss will drop.",
        "blind_to_budget",
        "Other budgets, snapshots and loss targets leave forecasts as they are.",
        "Forecasts change with the settings of training: there may be a leak.",
    ),
)

# %%
claim.nulls()

# %% [markdown]
# ## What would change our mind
#
# - Let somebody else forecast: hand over initial weights and data, keep the training, and compare
#   afterwards. Any party that has never seen our runs will do.
# - Forecast with the closed form at half precision, or from a tenth of the samples. If it tells
#   winners as well, it knows less than it seems to need, and the question is what.
# - Find a task where the closed form ranks final norms no better than chance, and the integrated
#   forecast well. There the second suspicion would be right: only the run itself knows.
#
# One circularity that this audit *can't* see is in the scoring, not in the forecast. Ranks are
# compared within the largest cluster, and which neurons form it is known only after training. The
# claim `lottery_ticket` therefore scores forecasts over *all* neurons too.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# Audit a network yourself. Shake the initial weights by `SHAKE`; train with another budget and
# rate of snapshots; and spoil the outcome. At `SHAKE = 0` even the second row must be exactly
# zero.

# %% tags=["play"]
SHAKE, HEAD, WIDTH, TASK, SEED = 0.01, "gaussian", 100, "digits", 0

trained = train(TASK, [SEED], head=HEAD, width=WIDTH)
rng = np.random.default_rng(SEED)


def told(start, **options):
    """The forecast of this start, whatever else is different."""
    return forecast.forecast(start, {**trained.options, **options}, "play")["norm_product"]


def change(before, after):
    return float(np.median(np.abs(after - before) / np.abs(before)))


start, honest = trained.start, told(trained.start)
shaken = replace(start, W=start.W * (1 + SHAKE * rng.standard_normal(start.W.shape)))
flipped = replace(start, Y=rng.permutation(start.Y, axis=1))
W, A = trained.runs.W_events[:, 2], trained.runs.A_events[:, 2]  # at the drop
peeked = norm_product(W, A)
spoilt = norm_product(rng.standard_normal(W.shape), rng.standard_normal(A.shape))
rows = {
    "budget and snapshots changed": change(honest, told(start, max_steps=900, snapshots=7)),
    f"initial weights shaken by {SHAKE}": change(honest, told(shaken)),
    "labels permuted": change(honest, told(flipped, max_steps=3000)),
    "outcome spoilt, forecast that peeks": change(peeked, spoilt),
}
figure, (ax,) = style.panels(1, height=2.2)
ax.plot(list(rows.values()), list(rows), "o", color="#0072B2")
ax.set_xscale("symlog", linthresh=1e-16)
ax.set_xticks([0, 1e-12, 1e-8, 1e-4, 1, 1e4])
ax.set_xlim(-1e-17, None)
ax.invert_yaxis()
ax.set_xlabel("median relative change of the forecast (0: identical to the bit)")
show(figure, "What moves a forecast: " + ", ".join(f"{k}: {v:.2g}" for k, v in rows.items()))

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
