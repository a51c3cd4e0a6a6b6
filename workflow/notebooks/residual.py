# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# A skip path is a by-pass: what comes into a block goes around its neurons as well as through
# them. It is in nearly every network in use, and it lets the error reach all blocks at once. But
# it also lets the network fit something *without* its neurons. If the by-pass takes the first
# prize, what are the neurons racing for?
#
# The picture compares blocks with and without skip paths, and three ways to scale their init.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E1", "E8")

# %% [markdown]
# *What changes.* E1 holds in each block as it stands. The plateau does not: its frozen residual
# was that of $f=0$, and a path around the units moves the output away from 0 before the units
# have grown.
#
# ## What theory predicts before any training
#
# Theory says where the forecast must fail: once another path can fit a part of the task first,
# the residual that units race on is not the one at init. It also says that pruning stays cheap,
# for units that have hardly been used can go. Without the skip path all should be as in a deep
# network.
#
# *What to try below.* Take one block, then three. Raise the gain to 1, where there is no plateau,
# and lower it to 0.01.
#
# *What you should see.* With skip paths units are hardly aligned at the drop, and the forecast
# ranks them worse. Of three blocks a random fifth of the units costs little, for they have hardly
# been used; one block has to do the task by itself, and there it costs much. From a gain of 0.01
# units with skip paths do align, and the forecast still ranks them badly. At gain 1 initial norms
# rank units as well as the forecast does, with skip paths as without.
#
# *What would be against it.* Our reason for the failure is that the path around the units fits
# first. A forecast as good with skip paths as without, from a small init, would refute it. So
# would a random fifth of three blocks that costs as much.

# %%
claim.study("residual")

# %% [markdown]
# ## How it is measured
#
# Three blocks of 48 units on clusters with XOR labels, which no straight path can fit. Asked of
# the worst block: the forecast's ranks, alignment at the drop, pruning.

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
# - Freeze the path around the units at zero, and release it after the first drop. If the forecast
#   then ranks as without skip paths, who comes first is the cause; that the by-pass fits first is
#   our reading, untested by itself.
# - Forecast from the residual *after* the by-pass has converged. If winners can be told from
#   there, the race is only delayed.
# - Use a task in which the by-pass can fit nothing at all, not even in its sums with other
#   blocks.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `alignment_worst`, `lowest_20_worst`, `random_20_mean`: where a random cut
# costs as little as one by norm, units have hardly been used.

# %% tags=["play"]
STATISTIC = "rho_forecast_worst"
CONDITIONS = ["plain", "plain_longer", "skip", "inverse_sqrt", "fixup", "lazy"]

claim.compare("extension/residual/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
