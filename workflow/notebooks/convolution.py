# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# A filter is a neuron that looks through a small window and is moved over the image. Its sample
# is a patch, and each image gives it many. The derivation does not mind: patches are samples, and
# the filter's head is all that the next layer makes of it.
#
# So filters should align, race, and be prunable. The picture asks it of two layers of filters,
# and of filters behind a batch normalisation, where a norm means something else.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E1", "E4")

# %% [markdown]
# *What a normalisation takes away.* Behind it, $w_j$ enters the function only through its
# direction. Its norm grows whatever the filter does, and is no measure of what it contributes.
#
# ## What theory predicts before any training
#
# From a small init: alignment at the drop, ranks told from init, low-norm filters idle, in both
# layers. With batch normalisation: no plateau, since outputs are of order one from the first
# step, and so no race that an init could decide.
#
# *What to try below.* Change the seed, then the number of filters.
#
# *What you should see.* From a small init filters are aligned at the drop, and the forecast ranks
# them, with some seeds well and with some badly; initial norms say nothing. From a large init they
# hardly align, and initial norms say much. A fifth of eight filters is two, a coarse knife.
#
# *What would be against it.* Filters that are not aligned at the drop from a small init, or whose
# initial norms rank them as well as the forecast does, seed after seed.

# %%
claim.study("convolution")

# %% [markdown]
# ## How it is measured
#
# Twelve and twenty-four filters on images of 8 by 8 pixels, average pooling; the worse of two
# layers counts. A fifth of the first layer is two filters, which is a coarse knife.

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
# - Take images on which small filters are needed (CIFAR-10), and layers of a hundred filters.
#   MNIST's first layer already does worse than the digits'.
# - Scale the gain of the normalisation down to the init scale. If a plateau comes back, and ranks
#   with it, the explanation is right.
# - Let filters race on whitened patches. Patches of images are all alike; if ranks improve, it
#   was the inputs.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `alignment_worst`, `lowest_50_worst`, `contribution_20_mean`, `drop_step`.

# %% tags=["play"]
STATISTIC = "rho_forecast_worst"
CONDITIONS = ["small", "lazy", "batch_norm"]

claim.compare("extension/convolution/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
