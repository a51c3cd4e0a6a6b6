# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# Practice turns the learning rate up and down while a network trains. In a race that is the
# clock's speed: all runners slow down or hurry together. If the grid decides who wins, the clock
# should not matter.
#
# The picture compares who ends large under five schedules, from one and the same init.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E5")

# %% [markdown]
# *Why the clock should not matter.* In E5 time enters only through $\tau=\|D\|t$, the same for
# all neurons of a lane. A schedule changes how fast $\tau$ runs, and nothing else, as long as
# steps are small.
#
# ## What theory predicts before any training
#
# Ranks under warm-up, cosine and step decay are those at a constant rate; they are fixed by the
# drop, and not at the init as such, for neurons first have to turn. What may change them is time
# after the fit, in which a second race can begin, and steps so large that the flow is left.
#
# *What to try below.* Lower α, and the steps of the drops move apart. Change the head and the
# seed.
#
# *What you should see.* Schedules move the step of the drop, and not its time t. The order of
# final norms stays that of the constant rate. Steps six times as long leave the flow: the drop
# comes at another time.
#
# *What would be against it.* Schedules that drop at different times t, or end in different orders:
# then something other than the clock would decide who wins.

# %%
claim.study("schedule")

# %% [markdown]
# ## How it is measured
#
# Final norm products of each run are ranked against those of its twin at a constant rate. Then:
# which part of all pairs of neurons is in its final order at the drop, and at the init?

# %%
claim.reading()

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# ## What would change our mind
#
# - Change the rate *between lanes*: a schedule per neuron, which the flow does not have. Ranks
#   must then change, by an amount that E5 tells.
# - Train at the edge of stability, where the largest curvature sits at its limit. The flow is no
#   guide there; if ranks hold, the race is more robust than its theory.
# - Restart the rate after the fit, with a warm restart. If ranks then change as much as in three
#   times the training, it is time and not the rate.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `overlap` (winners in common), `decided_at_drop`, `rho_other_init` (what
# another init would give).

# %% tags=["play"]
STATISTIC = "rho_constant"
CONDITIONS = ["warmup", "cosine", "step_decay", "longer", "large_rate", "lazy"]

claim.compare("extension/schedule/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
