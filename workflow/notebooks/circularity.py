# %%
from dataclasses import replace

import numpy as np

from neuron_race.figures import style
from neuron_race.models.norms import norm_product
from neuron_race.pages.lecture import Lecture, show, train
from neuron_race.theory import forecast

claim = Lecture(snakemake.input)
claim.opening()

# %% [markdown]
# A referee's first suspicion of "we can tell the winners in advance" is that something of the
# outcome leaked into the prediction: a final norm, the true time of the drop, a cluster known only
# later. The second is that the forecast *is* the run: to integrate the equations up to the drop
# takes as many gradients as training up to it. So this claim is an audit of both, of what forecasts
# know and of what they cost.

# %%
claim.reading()

# %% [markdown]
# ## What a forecast is
#
# The neuron equations, with one change: the residual stays as it is for the zero function.

# %%
claim.equation("E1")

# %% [markdown]
# *Why that suffices, and where it could cheat.* With $r$ frozen at $f=0$ the right-hand side knows
# data, labels, and the neuron itself. Integrated from the init, it gives a path that ends at no
# natural moment. Stopping it at the real loss drop would be the leak; so it stops when the network
# *it describes* would have lost its first tenth of the loss. That moment is a function of init and
# data.
#
# ## The method: spoil the evidence
#
# In the workflow's graph no run is an input of a forecast. But graphs can be wrong, so the audit
# also does this: it replaces everything recorded after step 0 by noise, forecasts again, and
# compares *bits*. The test is worth something only if it can fail. So the same noise is given to a
# "forecast" that peeks at the norms at the drop, which must change; and a forecast must change if
# the init does.
#
# ## What was seen

# %%
claim.figure()

# %%
audit = claim.table("audit/pair/runs.csv")
audit.drop(columns=["condition", "seed"]).describe().loc[["min", "mean", "max"]]

# %% [markdown]
# ## The verdict in numbers

# %%
claim.effects()

# %% [markdown]
# ## The controls

# %%
claim.controls()

# %% [markdown]
# ## Against nulls
#
# The same questions, asked of networks that lack a part of the theory. What theory says of each was
# written down before.

# %%
claim.nulls()

# %% [markdown]
# ## What would change my mind
#
# A closed form that tells less than the integrated forecast; or a single run in which a single bit
# of a forecast moves when the future does.

# %%
claim.turning_points(
    "closed_form_tells_as_well_pytorch",
    "costs_one_gradient",
    "blind_to_training",
    "blind_to_budget",
)

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

# %% [markdown]
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
