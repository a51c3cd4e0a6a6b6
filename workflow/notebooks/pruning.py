# %%
import numpy as np

from neuron_race.figures import style
from neuron_race.models import clusters, norms, shallow, smaller
from neuron_race.pages.lecture import Lecture, show, train

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# If a race spreads the sizes of neurons far apart, most of them hardly matter in the end: cut
# those with small norm products, and the network should do as well with a fifth of its neurons.
# That is what the paper says, and it is half of the story.
#
# The other half is in the picture. Winners of one lane are copies of each other. Where they start
# with equal heads they end nearly equal, and cutting four fifths of the copies cuts four fifths
# of the function, though one copy, made stronger, would do.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E8", "L1")

# %% [markdown]
# *Where it comes from.* A neuron adds at most $\|a_j\|\,|w_j\cdot x|$, hence at most $c_j\|x\|$;
# sum over those removed. That is all. It promises that neurons of small *total* norm product can
# go. It does not promise that four fifths of the neurons have a small total.
#
# Whether they have is a question of the race: it must have spread the norms far apart. With a
# Gaussian head a few neurons start far ahead and stay there. With a balanced head starts within a
# lane differ less, the function is spread over the lane, and removing four fifths of it removes a
# good part of the function, though each neuron removed is a duplicate of one that stays. Merging
# first would have kept it. So the law of the race predicts that this claim depends on the head,
# and we test both.
#
# ## What theory predicts before any training
#
# L1 says it in numbers. If the fifth that stays holds a share $s$ of its lane, $(1-s)^2$ of what
# was learned is lost. For a Gaussian head that is .12, whatever the task; for a balanced head
# about a half. Below, the drawn init gives each run its own number. Change the head, and see the
# price of pruning follow.

# %%
claim.live("pruned", "idle", "merged")

# %% [markdown]
# ## How it is measured
#
# Neurons are ordered by norm product and the smallest are cut. What counts is how much of what
# was learned is lost with a fifth kept; beside it, random cuts, the reverse order, an oracle that
# adds the best neuron at each step, and merging first.

# %%
claim.reading()

# %% [markdown]
# What is lost when a fifth of the neurons is kept, run by run:

# %%
claim.runs("loss_kept", "loss_kept_balanced", "merge_then_prune_balanced")

# %% [markdown]
# The same comparison as a curve, averaged over runs: what is lost relative to the random arm
# (below 1: better than random). It is drawn from the table of all arms.

# %%
table = claim.table("compression/pair/pruning.csv")
mean = table.groupby(["condition", "arm", "fraction"])["loss"].mean()
figure, axes = style.panels(3, height=2.3)
for ax, condition in zip(axes, ("gaussian", "balanced", "lazy"), strict=True):
    base = mean[condition]["random"]
    for arm, line in (("lowest_first", "-"), ("stratified", "--"), ("merge_then_prune", ":")):
        curve = mean[condition][arm] / base
        ax.plot(
            curve.index, curve, line, color=style.COLOURS[condition], label=arm.replace("_", " ")
        )
    ax.axhline(1, lw=0.8, color="black")
    ax.set(xlabel="fraction kept", yscale="log", title=style.NAMES[condition])
axes[0].set_ylabel("loss over that of random pruning")
axes[0].legend(fontsize=6.5)
show(figure, "Loss after pruning relative to random pruning, for three inits")

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "The network is so wide that any fifth would do.",
        "random_loss",
        "A random fifth loses much of what was learned, so it matters which neurons stay.",
        "A random fifth does well too. **This alternative stands**: norms are not needed.",
    ),
    (
        "Norm means nothing; the order of removal could be reversed.",
        "highest_first",
        "Removing the largest first is worse than removing at random.",
        "Removing the largest first is no worse than random, so norms do not measure importance.",
    ),
    (
        "Low-norm pruning is as safe where nobody races.",
        "less_than_lazy",
        "A lazy network that starts at f = 0 loses more. But not by much: that little is lost "
        "shows no race, only that the head's squares differ (L1).",
        "It is as safe in a lazy network, so the race is not needed to explain it.",
    ),
    (
        "Norms are a poor guide; a better choice of neurons would lose far less.",
        "as_good_as_greedy",
        "An oracle that adds the best neuron at each step does hardly better.",
        "An oracle does better. **This alternative stands.**",
    ),
    (
        "It is a fact about Gaussian heads rather than about races.",
        "loss_kept_balanced",
        "With a balanced head pruning is as safe.",
        "With a balanced head it costs much of the loss. **This alternative stands**: as a "
        "statement about norms alone, the claim holds where heads' initial norms differ.",
    ),
    (
        "... and with a balanced head the capacity is really in use.",
        "merge_then_prune_balanced",
        "No: merged first, the same network can be cut to a fifth. The neurons are duplicates, "
        "which pruning alone cannot exploit.",
        "Merging first does not help either, so the neurons are not mere duplicates.",
    ),
)

# %%
claim.nulls()

# %% [markdown]
# ## What would change our mind
#
# - Rescale each layer of a *trained* network so that all norm products are equal and the function
#   is unchanged (split large neurons in two). Pruning by norm then must fail, and what "low-norm"
#   means is a matter of bookkeeping. If it still works, norms carry something that we have not
#   understood.
# - Start with heads of heavy tails and equal total norm. L1 predicts that a fifth then loses a
#   tenth as much or less. If it loses as much as with a Gaussian head, the law is wrong.
# - Prune by the *predicted* norm, before training, and train the rest. If that loses more than
#   pruning by the measured one, something other than the grid decides which neurons matter.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# Prune a small network yourself. Change the head to `balanced` and see the blue curve rise towards
# the grey one, while the green stays down; then set `ALPHA = 1.0` and `RATE = 0.05`.

# %% tags=["play"]
HEAD, ALPHA, RATE, WIDTH, TASK, SEED = "gaussian", 1e-4, 0.25, 100, "digits", 0

trained = train(TASK, [SEED], head=HEAD, alpha=ALPHA, learning_rate=RATE, width=WIDTH)
X, Y = trained.start.X[0], trained.start.Y[0]
W, A = trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]
labels = clusters.find(W, A, 0.99, clusters.active(X, W))
rng = np.random.default_rng(0)


def loss(W, A):
    return shallow.loss(shallow.forward(X, W, A), Y, "squared")


def curve(W, A, score):
    """Share of what was learned that is lost, against the number of neurons kept."""
    masks = [smaller.keep_largest(score, min(kept, len(score))) for kept in KEPT]
    return [(loss(W[mask], A[mask]) - full) / (zero - full) for mask in masks]


KEPT = [max(1, round(f * WIDTH)) for f in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)]
full, zero = loss(W, A), loss(0 * W, A)
merged = smaller.merge(W, A, labels)
arms = {
    "lowest norm first": ("#0072B2", curve(W, A, norms.norm_product(W, A))),
    "merged first": ("#009E73", curve(*merged, norms.norm_product(*merged))),
    "random": ("#7F7F7F", np.mean([curve(W, A, rng.random(WIDTH)) for _ in range(10)], axis=0)),
}
figure, (ax,) = style.panels(1)
for name, (colour, lost) in arms.items():
    ax.plot(KEPT, lost, "o-", ms=4, color=colour, label=name)
limit = claim.criteria["loss_kept"]["threshold"]
ax.axhline(limit, ls="--", lw=0.8, color="black")
ax.axvline(0.2 * WIDTH, ls=":", lw=0.8, color="black")
ax.set(xlabel="neurons kept", ylabel="share of the learned loss that is lost", xscale="log")
ax.set_title(f"{HEAD} head (dashed: {limit} at a fifth)")
ax.legend(fontsize=7)
show(figure, "Share of the loss lost against neurons kept, three ways of choosing them")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
