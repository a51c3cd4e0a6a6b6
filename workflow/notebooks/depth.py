# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# A deep network is a relay: each layer passes on what the one before made of the image. Does each
# layer hold a race of its own? A neuron still feels a pull, made of what comes in and of the
# error that comes back. But now both of them move while the neuron runs: the road shifts under
# the runners.
#
# The picture follows networks of one to five hidden layers, layer by layer.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E1", "E5")

# %% [markdown]
# *What carries over, exactly.* The derivation of E1 used nothing but the chain rule, so that
# motion, conservation, direction and growth hold in every layer, with the layer's own inputs and
# the residual that back-propagation brings to it. *What does not* is E5, which holds both of them
# fixed.
#
# ## What theory predicts before any training
#
# With $L$ hidden layers the output starts as $\alpha^{L+1}$, so that the plateau lasts as long as
# $\alpha^{1-L}$: much longer than one layer's logarithm. While it lasts, a forecast that moves
# *all* layers together, with the residual at the output held fixed, should rank every layer's
# units. A layer's own race law, with inputs and residual as at init, should not: layers choose
# winners together.
#
# *What to try below.* Lower the gain to 0.01, and two layers pause as well. Raise it to 1, where
# nothing has to grow.
#
# *What you should see.* While the loss pauses half-way down, at its first saddle, the forecast
# ranks the units of every layer, and neither initial norms nor a layer's own race law do: layers
# choose winners together. Once a network has left the saddle, that order is lost: other units fit
# the rest. At gain 1 there is no plateau and no race, and initial norms say nearly as much as the
# forecast.
#
# *What would be against it.* A paused network that the forecast ranks no better than initial norms
# do, seed after seed. That the order is lost behind the saddle is the claim's known limit.

# %%
claim.study("depth")

# %% [markdown]
# ## How it is measured
#
# Each hidden layer is asked what one layer was asked: alignment, directions, ranks of the
# forecast, pruning. The claim's numbers are those of the *worst* layer.

# %%
claim.reading()

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %%
claim.nulls()

# %% [markdown]
# ## What would change our mind
#
# - Freeze all layers but one after init, and let it race alone; then let two move. If ranks
#   change only when the second moves, "layers choose winners together" is right; we infer it, and
#   have not done it.
# - Follow a five-layer network through all of its saddles and forecast each one from the state
#   before it. If ranks can be told saddle by saddle, the race goes on, and only the first
#   forecast ends.
# - Take a task that a deep network needs depth for. A pair of digits needs none; what is true of
#   idle layers need not be of working ones.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Look at another statistic: `alignment_worst`, `lowest_20_worst` (what pruning
# to a fifth costs), `rho_local_worst` (a layer by itself), `rho_init_mean` (initial norms alone).

# %% tags=["play"]
STATISTIC = "rho_forecast_worst"
CONDITIONS = ["depth1", "depth2", "depth3", "depth4", "depth5", "fitted", "lazy"]

claim.compare("extension/depth/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
