# %%
from neuron_race.figures import style
from neuron_race.measures import merging
from neuron_race.models import clusters, shallow, smaller
from neuron_race.pages.lecture import Lecture, show, train

claim = Lecture(snakemake.input)
claim.opening()

# %%
claim.reading()

# %% [markdown]
# ## How two neurons become one
#
# Two neurons with the same gates compute $a_1\,w_1\cdot x + a_2\,w_2\cdot x$ wherever they are on,
# which is the output of a single neuron with total weight $a_1w_1+a_2w_2$. So one adds *total
# weight vectors*, of one sign, and nothing is lost where gates agree.

# %%
claim.equation("E7")

# %% [markdown]
# *Where it comes from.* Where the merged neuron is on, the sum of the parts exceeds it by what the
# members that are off would have taken away, and conversely. So the error at $x$ is the sum of
# $c_j|\hat w_j\cdot x|$ over the members whose gate at $x$ differs from the merged one, and in a
# tight group such a member has $x$ nearly at a right angle. No assumption about training enters.
# Training from a small init matters only because it makes the groups.
#
# Note what the merge is *not*: the mean of the incoming weights with the sum of the outgoing ones.
# That multiplies averages where the average of products is needed, and in a raced group, where
# strong heads go with long weights, the two differ.
#
# ## What was seen

# %%
claim.figure()

# %%
claim.runs("few_left", "free_to_a_fifth", "loss_unchanged")

# %% [markdown]
# Each dot is a run, dashed lines are thresholds.
#
# ## The verdict in numbers

# %%
claim.effects()

# %% [markdown]
# ## The controls
#
# The same numbers of neurons, grouped or merged in the wrong way, and a network in which no two
# neurons are equivalent.

# %%
claim.controls()

# %% [markdown]
# Reported, but not counted:

# %%
claim.exploratory()

# %% [markdown]
# ## Against nulls
#
# The same questions, asked of networks that lack a part of the theory. What theory says of each was
# written down before.

# %%
claim.nulls()

# %% [markdown]
# ## What would change my mind

# %%
claim.turning_points("few_left", "free_to_a_fifth", "few_left_balanced", "few_left_xor")

# %%
claim.alternatives(
    (
        "The network is so redundant that any grouping into so few would do.",
        "shuffled_membership",
        "Groups of the same sizes filled at random change the loss: it matters who merges with "
        "whom.",
        "Random groups do as well. **This alternative stands**: the clusters mean nothing.",
    ),
    (
        "Any sensible average of a group would do.",
        "naive_average",
        "The average of incoming weights with the sum of outgoing ones changes the loss: it is the "
        "sum of total weight vectors that is preserved.",
        "The naive average does as well, so the race left no trace within groups.",
    ),
    (
        "The measure is blind: it would call any network mergeable.",
        "lazy_left",
        "Of a network that started large nothing merges.",
        "Networks that started large merge as well, so merging is no sign of alignment.",
    ),
    (
        "It works since the loss is far from zero: two per cent of it is a loose demand.",
        "loss_unchanged_teacher",
        "On the teacher, whose loss is close to zero, the change is within the margin too.",
        "On the teacher the margin is not shown to be kept. **In part this stands**: relative to "
        "a tiny loss the merge's tiny error is no longer tiny.",
    ),
    (
        "It works since there are two classes.",
        "few_left_ten_classes",
        "With ten classes few neurons are left as well.",
        "With ten classes most neurons are left: merging is safe there, but saves less.",
    ),
)

# %% [markdown]
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# How parallel must neurons be to count as equivalent? Lower `COSINES` until the merge breaks;
# start larger (`ALPHA = 0.1`) until there is nothing to merge; or try the head `balanced`, with
# which norms within a group differ less: does the naive average do less harm there?

# %% tags=["play"]
COSINES = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999]
ALPHA, HEAD, WIDTH, TASK, SEED = 1e-4, "gaussian", 100, "digits", 0

trained = train(TASK, [SEED], alpha=ALPHA, head=HEAD, width=WIDTH)
X, Y = trained.start.X[0], trained.start.Y[0]
W, A = trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]
full = shallow.loss(shallow.forward(X, W, A), Y, "squared")
rules = {"merge (E7)": smaller.merge, "naive average": merging.naive_average}
change, left = {rule: [] for rule in rules}, []
for cosine in COSINES:
    labels = clusters.find(W, A, cosine, clusters.active(X, W))
    left.append(clusters.count(labels) / len(W))
    for name, rule in rules.items():
        merged = shallow.loss(shallow.forward(X, *rule(W, A, labels)), Y, "squared")
        change[name].append(abs(merged / full - 1))

figure, (loss, count) = style.panels(2)
for name, colour in zip(rules, ("gaussian", "lazy"), strict=True):
    loss.plot(COSINES, change[name], "o-", ms=4, color=style.COLOURS[colour], label=name)
limit = claim.criteria["loss_unchanged"]["threshold"]
loss.axhline(limit, ls="--", lw=0.8, color="black")
loss.set(
    yscale="log", xlabel="cosine required within a cluster", title="Relative change of the loss"
)
loss.legend(fontsize=7)
count.plot(COSINES, left, "o-", ms=4, color=style.COLOURS["gaussian"])
count.axhline(claim.criteria["few_left"]["threshold"], ls="--", lw=0.8, color="black")
count.set(xlabel="cosine required within a cluster", title="Neurons left, K/m", ylim=(0, 1.05))
show(figure, "Change of the loss, and neurons left, against the cosine required within clusters")
