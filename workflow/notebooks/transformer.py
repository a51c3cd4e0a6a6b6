# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# Two thirds of a transformer's weights sit in its MLPs: wide layers of neurons between layers of
# attention. If these neurons race, much of a large model would be losers that could be cut. But a
# transformer's MLP has a skip path around it, and attention beside it, both of which learn as
# well.
#
# The picture shows one small block, with and without the path around its MLP.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E1", "E3")

# %% [markdown]
# *What carries over.* Tokens count as samples. The MLP's input moves while attention learns, and
# its residual is what comes back through all that follows.
#
# ## What theory predicts before any training
#
# Where the MLP is the only way to the output, its neurons should race as ever. With the usual
# skip path, attention and embedding can fit first, and the residual at $f=0$ says little about
# what is left for the neurons.
#
# *What to try below.* Start the MLP larger, up to the size of all else. Change the seed.
#
# *What you should see.* Where the MLP is the only way, its neurons are aligned at the drop and end
# in the order that was forecast. With a way around it they are not aligned, and a random fifth
# does nearly as well as the largest: the rest of the block has fitted first.
#
# *What would be against it.* Neurons that align as well with the way around the MLP as without:
# then it would not matter who comes first.

# %%
claim.study("transformer")

# %% [markdown]
# ## How it is measured
#
# Rows of a digit are tokens; 48 neurons start small, all else at a usual scale. Asked: alignment
# at the drop, ranks of the forecast, directions, pruning.

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
# - Freeze attention and embedding, and keep the skip path. If the neurons race then, it is who
#   learns first that decides.
# - Start *everything* small, as the theory would have it; here only the MLP does.
# - Ask a trained language model: are norm products of its MLPs spread as a race would spread
#   them, and do neurons of low norm product matter less than chance would have it?
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `alignment_mean`, `lowest_20_mean`, `effective_width_mean`, or
# `rho_heads_mean` for attention's heads.

# %% tags=["play"]
STATISTIC = "rho_forecast_mean"
CONDITIONS = ["no_skip", "layer_norm", "skip", "lazy"]

claim.compare("extension/transformer/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
