# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# The theory is about plain gradient descent. Hardly anybody uses it. Mini-batches add noise,
# momentum adds memory, weight decay a drag, and Adam divides each gradient by its usual size. The
# first three change the road a little. The last changes the rule of the race: nobody grows in
# proportion to what they have.
#
# The picture holds all of them against a forecast that knows only gradient descent.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E2", "E4")

# %% [markdown]
# *Where the rule is.* Growth in proportion to size is E4, and the balance of both layers E2. For
# plain steps both follow from one gradient. Adam's steps have the same length whatever the
# gradient, so that neither does.
#
# ## What theory predicts before any training
#
# Mini-batches keep E2 exactly, sample by sample. Momentum breaks it at each step, and keeps it
# nearly along the flow; weight decay shrinks both layers alike. For these the forecast should hold.
# With Adam, heads and weights grow at equal speed, whatever their pull, and the forecast has no
# reason to hold.
#
# *What to try below.* Change the head and α. Look for Adam's points in the middle picture.
#
# *What you should see.* The first four end in the forecast's order, one as well as the other.
# Adam does not: its steps are of one length, whatever the gradient, so that nobody grows in
# proportion to what it has. Its neurons are less aligned, and more is lost by pruning.
#
# *What would be against it.* Momentum or weight decay in an order of their own, or Adam in that of
# the forecast: then growth in proportion would not be what makes the order.

# %%
claim.study("optimizers")

# %% [markdown]
# ## How it is measured
#
# One hidden layer on pairs of digits, one learning rate for each optimizer. Asked: ranks of
# gradient descent's forecast, alignment at the drop, pruning, and how far E2 is broken.

# %%
claim.reading()

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# ## What would change our mind
#
# - Write the law for Adam: on the plateau its steps are signs of gradients, so that each weight
#   grows linearly. If that tells Adam's winners, the race is another one, and not absent.
# - Lower Adam's rate by a hundred. At the rate used here its first steps are longer than the
#   initial weights; a smaller one might let neurons turn first.
# - Normalise each *neuron's* gradient instead of each weight's. Directions then turn as in E3,
#   and only growth changes: which of the two is it that makes other neurons win?
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `alignment`, `lowest_20`, `conservation_error`, `winners`.

# %% tags=["play"]
STATISTIC = "rho_forecast"
CONDITIONS = ["gd", "minibatch", "momentum", "weight_decay", "adam"]

claim.compare("extension/optimizers/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
