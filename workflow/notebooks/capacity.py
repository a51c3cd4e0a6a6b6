# %%
from neuron_race.figures import style
from neuron_race.measures import dynamics
from neuron_race.pages.lecture import Lecture, show, train

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# A network of width $m$ *could* draw functions of $m$ pieces. How many does gradient descent use?
# From a small init, as many as the task offers directions, and not more because there is room.
# Make the task richer, and more neurons differ. Make the network wider, and there are more
# copies.
#
# To count without being fooled by dust, take the neurons' final norm products, add them up
# cluster by cluster, and ask over how many clusters the total is spread: with shares $p_k$ the
# **effective width** is $1/\sum_k p_k^2$. It is the number of clusters if they are equally
# strong, and counts a negligible one as negligible.

# %%
claim.figure()

# %% [markdown]
# ## The equations

# %%
claim.equations("E3", "L4")

# %% [markdown]
# *What it has to do with capacity.* From a small init every neuron ends at one of the places where
# this equation stands still, the target directions. They are summits of a landscape made of data
# and labels alone: the number of neurons does not occur in it. So the number of directions in use
# should follow the task, and should not follow the width. That gives two tests in opposite
# directions, which no measure of size passes by accident: it must *grow* with one thing and *not*
# with the other.
#
# ## What theory predicts before any training
#
# For clusters with XOR labels L4 counts these summits: many more than the fewest neurons that
# could do the task. So "capacity" here means how many directions attract, which is not how many
# are needed. Change the width below: groups that count should not follow.

# %%
claim.live("groups", "idle", "merged")

# %% [markdown]
# ## How it is measured
#
# Tasks of two, four and eight cluster directions; widths from narrow to wide; clusters, effective
# width and stable rank (the squared Frobenius norm of the weights over their squared largest
# singular value), each a way of counting.

# %%
claim.reading()

# %%
table = claim.table("dynamics/capacity/runs.csv")
figure, axes = style.panels(3, height=2.4)
tasks = {"axes2": 2, "axes4": 4, "axes8": 8}
for ax, column in zip(axes, ("clusters_99", "effective_width", "stable_rank"), strict=True):
    own = table[table["condition"].isin(tasks)]
    x = own["condition"].map(tasks) * (1 + 0.02 * (own["seed"] % 5 - 2))
    ax.plot(x, own[column], "o", ms=3, color=style.COLOURS["gaussian"])
    ax.set_xscale("log", base=2)
    ax.set(xlabel="cluster directions in the task", title=column.replace("_", " "))
show(figure, "Clusters, effective width and stable rank against task complexity, one dot per run")

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "The measure can't grow with width in any network.",
        "lazy_grows_with_width",
        "From a large init it does grow with width, so standing still is a finding.",
        "It does not grow from a large init either, so that it saturates shows nothing.",
    ),
    (
        "It measures the inputs, not the task.",
        "random_labels_use_more",
        "Same inputs, permuted labels: more is used. So labels count, and structure saves "
        "capacity.",
        "Permuted labels use no more, so the measure may reflect inputs alone.",
    ),
    (
        "It hides the clusters that wider networks add.",
        "clusters_with_width",
        "The plain number of clusters saturates too.",
        "The plain number of clusters is not shown to saturate. **In part this stands**: wider "
        "networks keep more small stragglers, which carry little of the function.",
    ),
    (
        "It is an artefact of clustering at one cosine.",
        "stable_rank_grows",
        "The stable rank, which needs no clusters, grows with the task as well.",
        "The stable rank does not grow with the task, so the finding hangs on the clustering.",
    ),
)

# %% [markdown]
# ## What would change our mind
#
# - Make a task whose inputs have many directions and whose labels need few. If what is used grows
#   with the inputs, the measure follows the data and not the task. No control here excludes it.
# - Make two tasks with equally many attracting directions, one of which needs only half of them.
#   By E3 both use as many; if the easier one uses fewer, descent knows of need after all.
# - Train ten times as long, through later races. If effective width goes on growing, "what the
#   task needs" is a matter of patience.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# Tasks of growing complexity, and networks of two widths. Do the lines for two widths lie on each
# other? Then set `SHUFFLE = True` (permuted labels), or `ALPHA, RATE = 1.0, 0.02`.

# %% tags=["play"]
AXES, WIDTHS, SEEDS, STEPS = [2, 4, 8], [50, 100], [0, 1], 500
ALPHA, RATE, HEAD, SHUFFLE = 1e-4, 0.25, "gaussian", False

figure, (used, counted) = style.panels(2)
for width, marker in zip(WIDTHS, "os^v", strict=False):
    options = {"width": width, "alpha": ALPHA, "learning_rate": RATE, "head": HEAD}
    options |= {"max_steps": STEPS, "shuffle_labels": SHUFFLE}
    found = [dynamics.tables(train("clusters", SEEDS, axes=n, **options))["runs"] for n in AXES]
    for ax, column in ((used, "effective_width"), (counted, "clusters_99")):
        ax.plot(AXES, [runs[column].mean() for runs in found], f"{marker}-", label=f"m = {width}")
for ax, title in ((used, "Effective width"), (counted, "Clusters at .99")):
    ax.set_xscale("log", base=2)
    ax.set(xlabel="cluster directions in the task", title=title)
    ax.legend(fontsize=7)
show(figure, "Effective width and number of clusters against task complexity, for two widths")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
