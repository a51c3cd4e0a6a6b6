# %%
from neuron_race.pages.lecture import Lecture

claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# The dream of the lottery ticket is to find the winners *before* training, and to train only
# them. There are scores for that: magnitude, SNIP, GraSP, SynFlow. The race offers one of its
# own, the forecast of who will win. If the theory is right, that should be hard to beat.
#
# The picture is the contest: the same number of neurons kept by each score, and trained.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E5", "E9")

# %% [markdown]
# *Why it should win, and why it might not.* By E9 the ticket with the largest share of the scores
# drops first. But the winners of one lane are copies of each other. A ticket made of copies is
# fast, and may miss what other lanes know.
#
# ## What theory predicts before any training
#
# Speed: the forecast's tickets drop first, with one hidden layer, by as much as E9 says. The end:
# nothing is promised. With two layers, and many lanes, a choice of winners lane by lane should do
# better than one over all.
#
# *What to try below.* Change the share that is kept, and the seed. Take two hidden layers, where
# the claim fails.
#
# *What you should see.* With one hidden layer the forecast's ticket drops first of all tickets,
# and its losers last. It may still end higher, for winners of one lane are copies of each other.
# With two layers it need not even be the first.
#
# *What would be against it.* With one hidden layer, tickets of another score that drop sooner than
# the forecast's, seed after seed.

# %%
claim.study("pruning_at_init")

# %% [markdown]
# ## How it is measured
#
# Each score keeps a tenth or a fifth of the neurons. What counts is the mean relative loss over
# the whole course of training, which rewards speed as well as the end; for two layers, the final
# loss.

# %%
claim.reading()

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# ## What would change our mind
#
# - Choose by the lanes' *need*: simulate the race of lanes (L5), and keep what the pruned network
#   would miss most. That uses the theory as it stands, and was not tried.
# - Compare at equal compute. The forecast costs as many steps as the plateau, and SNIP a single
#   one.
# - Cut single weights instead of neurons, which is what SNIP, GraSP and SynFlow were made for.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# One dot per run. Try `course_snip_10`, `course_random_10`, `loss_forecast_20`, `loss_lanes_20`,
# `test_forecast_10`.

# %% tags=["play"]
STATISTIC = "course_forecast_10"
CONDITIONS = ["one_layer", "two_layers"]

claim.compare("extension/pruning_at_init/runs.csv", STATISTIC, CONDITIONS)

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
