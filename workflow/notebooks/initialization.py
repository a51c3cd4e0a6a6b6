# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# If the start decides, design the start. Compute from the data where neurons want to go, point
# them there before training, and share them out over all targets, so that none is missed and none
# is crowded. Such a network should be faster, use more of its neurons, and end better.
#
# It is a test of the theory by engineering. The picture compares the designed init with the usual
# ones, at equal compute.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E5", "E6")

# %% [markdown]
# *How much there is to win.* By E5 a neuron that already points at its target gains a factor of
# two at most in $\sqrt c$, against one that points across: $2/(1+\cos\delta_0)$. The plateau has
# to make up a factor $1/\alpha$.
#
# ## What theory predicts before any training
#
# So the gain in time is at most $\log 2/\log(1/\alpha)$ of the plateau, a tenth at the scale used
# here, for *any* design of directions. More neurons win, since all start alike. The final loss is
# not promised to be lower: targets at $f=0$ serve the first drop.
#
# *What to try below.* Lower α: the plateau gets longer, and what a design gains does not.
#
# *What you should see.* A design saves the same few steps at every scale, so that its part of the
# plateau shrinks as α does; the design from shuffled labels saves none. The forecast tells each
# drop before training. The loss in the end is about the same.
#
# *What would be against it.* A design that gains more steps at a smaller α, or one from shuffled
# labels that gains as many: then its directions would not be what it gains by.

# %%
claim.study("initialization")

# %% [markdown]
# ## How it is measured
#
# The norms are those of a balanced draw and only directions change; the rounds of the design
# count as steps of training. Compared are the steps to the drop, the share of winners, the size
# after merging, and the final loss.

# %%
claim.reading()

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# ## What would change our mind
#
# - Design for the *second* race: point some neurons at what is left after the first drop. If the
#   final loss then falls, the theory can be built with; here it is only obeyed.
# - Design norms instead of directions, with heavy tails. By L1 the network can then be cut to any
#   size after one training.
# - Design from a tenth of the samples. If it is as fast, the design is cheap enough to be of use.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `winners`, `merged`, `loss_end`, `alignment_init`.

# %% tags=["play"]
STATISTIC = "log_work"
CONDITIONS = ["balanced", "aligned", "spread", "spread_shuffled", "gaussian", "pytorch"]

claim.compare("extension/initialization/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
