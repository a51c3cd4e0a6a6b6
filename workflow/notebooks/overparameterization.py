# %%
import numpy as np

from neuron_race.figures import style
from neuron_race.measures import dynamics
from neuron_race.pages.lecture import Lecture, show, train

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# If each task needs a handful of directions, why train three hundred neurons? Two answers follow
# from the race. A narrow network may have *no* neuron whose start leads to a target that is
# needed, and then it never fits. And the wider the network, the sooner the sum of growing neurons
# makes the loss drop.
#
# In the end most of them idle. Width is needed for the start, not for the result.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E6", "L3")

# %% [markdown]
# *Where it comes from.* On the plateau the equations are homogeneous, so a start $\alpha$ times as
# large gives the same path $\alpha$ times as large; the plateau ends when the output is of order
# one. Width enters through the constant, and through $\lambda$: the largest rate over the targets
# that some neuron *reaches*.
#
# The constant can be said precisely. By E9, twice the neurons are, on average, twice the sum of
# norm products, and that alone advances the drop by $\log 2/(2\lambda)$. So there are two
# explanations of "sooner": **more starts add up**, as the claim says, or **the best of more starts
# is better**. Two criteria tell them apart: the lead per doubling is the predicted one, and at one
# sum of norm products the drop does not move. The cell to play with below draws the first as a
# line.
#
# ## What theory predicts before any training
#
# By L3 half of the neurons are later by $\log 2/(2\lambda)$: not more, not less. The page takes
# the first half of its neurons, trains them alone, and compares. That the lower half holds next
# to nothing is predicted too, for a Gaussian head; for a balanced one it is predicted to hold a
# real share.

# %%
claim.live("half", "idle", "drop")

# %% [markdown]
# ## How it is measured
#
# Widths from 4 to 256 on clusters with XOR labels: the part of runs that fit, the time of the
# drop, and the share of all norm products in the lower half.

# %%
claim.reading()

# %% [markdown]
# Every run of the small init: the loss it ends with (dashed: what counts as fitted), the time to
# the drop, and the part of the function that the lower half of the neurons holds.

# %%
table = claim.table("dynamics/capacity/runs.csv")
figure, axes = style.panels(3, height=2.3)
for ax, (column, title) in zip(
    axes,
    {
        "loss_end_relative": "final loss, over initial",
        "t_drop_10": "time to the drop",
        "lower_half_share": "share of the lower half",
    }.items(),
    strict=True,
):
    own = table[table["condition"].str.fullmatch(r"width\d+")]
    width = own["condition"].str[5:].astype(int)
    ax.plot(width * (1 + 0.02 * (own["seed"] % 5 - 2)), own[column], "o", ms=2.5, color="#0072B2")
    ax.set_xscale("log", base=2)
    ax.set(xlabel="width m", title=title)
axes[0].axhline(0.05, ls="--", lw=0.8, color="black")
show(
    figure,
    "Final loss, time to the drop and share of the lower half against width, one dot per run",
)

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "In any network half of the neurons carry little.",
        "lazy_lower_half",
        "From a large init the lower half carries its part, so idleness comes from the race.",
        "The lower half is idle from a large init too, so the race is not needed to explain it.",
    ),
    (
        "Neurons are idle because Gaussian heads differ, not because there are too many.",
        "excess_is_idle_balanced",
        "With a balanced head the lower half is idle as well.",
        "With a balanced head the lower half carries a real share. **This alternative stands**: "
        "excess neurons are idle where heads' initial norms differ, and duplicates elsewhere.",
    ),
)

# %% [markdown]
# ## What would change our mind
#
# - Go on comparing widths at one *sum* of norm products (a control of this claim), at widths below
#   32. If narrow networks are later there, the best of more starts matters too.
# - Give a narrow network the starts of a wide one's winners. By the race it should fit as often.
#   If it does not, width does more than offer starts.
# - Choose a task that the narrowest network can represent exactly, and count failures there. At
#   the narrowest widths of these tasks that is open.
#
# An alternative that no control here rules out: *wide networks are simply more expressive*. At the
# narrowest widths the task may not be representable at all, so that failing to fit need not be a
# failure of the race.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# The black line is what adding up alone predicts, drawn through the widest network, with the rate
# read off its plateau: $\log 2$ over the growth rate of norm products, sooner per doubling. Dots
# above the line, at small widths, are networks that lacked a good start. Try `HEAD = "balanced"`,
# or `AXES = 2`.

# %% tags=["play"]
WIDTHS, SEEDS, STEPS = [4, 8, 16, 32, 64], [0, 1, 2, 3, 4, 5], 500
HEAD, ALPHA, AXES = "gaussian", 1e-4, 4

figure, (fits, drops) = style.panels(2)
found = {}
for width in WIDTHS:
    options = {"width": width, "head": HEAD, "alpha": ALPHA, "max_steps": STEPS}
    trained = train("clusters", SEEDS, axes=AXES, **options)
    runs = found[width] = dynamics.tables(trained)["runs"]
    fits.plot([width] * len(runs), runs["loss_end_relative"], "o", ms=3, color="#0072B2")
    drops.plot([width] * len(runs), runs["t_drop_10"], "o", ms=3, color="#0072B2")
fits.plot(WIDTHS, [runs["loss_end_relative"].mean() for runs in found.values()], color="#0072B2")
drops.plot(WIDTHS, [runs["t_drop_10"].mean() for runs in found.values()], color="#0072B2")

# Growth rate of the norm products half-way to the drop, in the widest network: 2 lambda.
measured, time = trained.runs.measured, trained.runs.step * trained.recipe.learning_rate
at = dynamics.snapshot_at(time, 0.5 * np.nanmean(found[width]["t_drop_10"]))
c = measured["norm_w"][:, at] * measured["norm_a"][:, at]
growth = np.average(measured["growth"][:, at], weights=c)
sooner = np.log(width / np.asarray(WIDTHS)) / growth
drops.plot(WIDTHS, np.nanmean(found[width]["t_drop_10"]) + sooner, color="black", lw=0.8)
for ax, title in ((fits, "Final loss, over initial"), (drops, "Time to the drop")):
    ax.set_xscale("log", base=2)
    ax.set(xlabel="width m", title=title)
show(figure, "Final loss and time to the drop against width, with the prediction of the sum alone")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
