# %%
import numpy as np

from neuron_race.common import ranks
from neuron_race.figures import style
from neuron_race.measures import dynamics
from neuron_race.models import clusters
from neuron_race.pages.lecture import Lecture, show, train

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# This is a claim about a picture. Of the paper's Figure 1 we have captions and not the drawing,
# and its two versions differ. In both, 300 neurons train on 200 samples from a small init; the
# loss stays flat and then drops; a matrix of cosines falls into blocks; and neurons that are
# closer to their target early on end larger.
#
# The second version shows the last point within the *largest cluster*, at several early times.
# The first shows it over *all* neurons, at init and at step 500. Panel (d) breaks off after the
# word "Number". Whatever the captions leave open (data, init scale, head) is our choice, and
# panel (d) is ours altogether.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E4", "E3")

# %% [markdown]
# *Where they come from.* Both are the equations of motion split into length and direction: the
# part of the pull along the neuron makes it grow, the part across makes it turn. As the sum of
# growing exponentials is tiny until it isn't, the loss stays flat and then falls at once, and the
# time of the fall is logarithmic in the init scale.
#
# ## What theory predicts before any training
#
# Each panel is a prediction. **Panel a**: a flat loss and then a drop, at a time that init and
# data tell. **Panel b**: as many blocks as there are lanes. **Panel c**: within a lane, those
# ahead stay ahead, so that dots fan out in order. The page below predicts the first two and draws
# the third.

# %%
claim.live("drop", "groups", "ranks")

# %% [markdown]
# ## How it is measured
#
# Each panel becomes a number: whether there is a plateau, how much larger cosines are within
# blocks than between them, and the rank correlation of alignment with final norm at the moments
# that the captions name.

# %%
claim.reading()

# %% [markdown]
# And is panel c the rule or a well-chosen run? Here is the rank correlation that panel c shows, in
# every run and at every moment:

# %%
runs = claim.table("dynamics/caption/neurons.csv")
runs = runs[(runs["condition"] == "v2") & (runs["cluster_99"] == 0)]
moments = [0, 5, 10, 25, 50, 100]
figure, (ax,) = style.panels(1, height=2.4)
for _, own in runs.groupby("seed"):
    rho = [
        ranks.rank_correlation(
            own[f"cos_delta_{m:03d}"].to_numpy(), own["norm_product_end"].to_numpy()
        )
        for m in moments
    ]
    ax.plot(moments, rho, "o-", ms=3, lw=0.8, color=style.COLOURS["gaussian"], alpha=0.5)
limit = claim.criteria["v2_alignment_ranks_010"]["threshold"]
ax.axhline(limit, ls="--", lw=0.8, color="black")
ax.axhline(0, lw=0.8, color="black")
ax.set(xlabel="% of the time to the drop", ylabel="rank correlation", ylim=(-1, 1.05))
ax.set_title(f"Alignment with final norm, one line per run (dashed: {limit}, asked for at 10 %)")
show(figure, "Rank correlation of alignment with final norm at six moments, one line per run")

# %% [markdown]
# Note the left end: how well neurons are aligned *at the start* need not say who wins. The second
# version speaks of "very early in training", which is not the init; the first shows the init, too.
# With a Gaussian head it is the head's norm that decides there, with PyTorch's default less so.
#
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Ordering any matrix of cosines by clusters makes blocks for the eye.",
        "lazy_blocks",
        "Ordered in the same way, the matrix of a large init has no blocks.",
        "A large init gives blocks too: they are the work of the ordering.",
    ),
    (
        "In any training those that align early end large.",
        "lazy_alignment_before_drop",
        "From a large init alignment before the drop does not rank final norms.",
        "From a large init it ranks them as well, so the fan needs no small init.",
    ),
)

# %% [markdown]
# ## What would change our mind
#
# - Open the paper. Its panels say which data, scale and head it used; ours can then be drawn from
#   the same, and compared point by point (docs/with-the-paper.md says how).
# - Draw panel (c) with neurons whose heads all start equal. If early alignment then ranks final
#   norms *worse* than with Gaussian heads, the fan of the caption is mostly one of heads.
# - Turn one neuron by hand, early, towards its target, with its norms as they are. If it does not
#   move up the fan, alignment is a bystander.
#
# What no control here can rule out: that early alignment is a *symptom*. With an independent head,
# neurons with a strong head both align sooner and grow faster, and panel c would look the same if
# alignment itself did nothing. The lecture on the claim `racing` takes that up; a picture can't.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# Draw the figure for a setting of your own. What becomes of the blocks at `ALPHA = 0.1`? Of the
# fan with `HEAD = "balanced"`? When does the loss drop at `ALPHA = 1e-8` (give it `STEPS = 500`)?

# %% tags=["play"]
ALPHA, HEAD, WIDTH, TASK, SEED, STEPS = 1e-4, "gaussian", 150, "digits", 0, 300

trained = train(TASK, [SEED], alpha=ALPHA, head=HEAD, width=WIDTH, max_steps=STEPS)
tables = dynamics.tables(trained)
path, neurons = tables["trajectory"], tables["neurons"]
W, A = trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]
order = np.argsort(np.where(neurons["cluster_99"] < 0, WIDTH, neurons["cluster_99"]), kind="stable")

figure, (loss, blocks, fan) = style.panels(3, height=2.4)
loss.plot(path["time"], path["loss"], color=style.COLOURS[HEAD])
loss.set(xlabel="time", title="Training loss")
image = clusters.cosines(W, A)[order][:, order]
blocks.imshow(image, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
blocks.set(xticks=[], yticks=[], title=f"{neurons['cluster_99'].max() + 1} clusters")
largest = neurons[neurons["cluster_99"] == 0]
for moment in ("005", "010", "025", "050"):
    fan.scatter(
        largest[f"cos_delta_{moment}"],
        largest[f"norm_product_{moment}"],
        c=largest["norm_product_end"],
        s=6,
        lw=0,
    )
fan.set(xlabel="alignment cos δ", yscale="log", title="Norm product, early")
show(figure, "Loss, matrix of cosines and norm product against alignment, for the chosen setting")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
