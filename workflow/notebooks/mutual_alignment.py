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
# Start a wide network with tiny weights and watch where its neurons point. At first they point
# anywhere. Long before the loss moves they turn, and when it falls they point in a few directions
# only: hundreds of neurons, a handful of arrows. No neuron knows of any other. They agree because
# they are drawn by the same data.
#
# The picture shows it. On the left, how well neurons are aligned with what draws them; then how
# many different directions are left, for small inits and for large ones.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E3")

# %% [markdown]
# *Where it comes from.* Differentiate $w/\|w\|$ and insert the gradient: only the part of the pull
# across the neuron's own direction turns it. For one output this is a climb on the sphere, and the
# places where the climb ends are the **target directions**. There are only as many of them as
# there are summits, however many neurons climb. Two things follow that could be false:
#
# 1. at the moment the loss drops, neurons that matter point along their pull;
# 2. afterwards, neurons that climbed the same summit have parallel total weight vectors.
#
# And one thing that must *not* follow: a network that starts large changes its loss before its
# neurons have time to turn, so it must show neither.
#
# ## What theory predicts before any training
#
# While the output is close to zero, every neuron climbs a fixed landscape, made of data and
# labels alone. So before any training one can say: neurons turn at a speed that the init scale
# does not change, and the plateau lasts the longer the smaller the init. From a small init they
# have arrived when the loss drops; from a large one they have hardly begun. Move the scale below
# and see both columns follow.

# %%
claim.live("aligned", "groups", "drop")

# %% [markdown]
# ## How it is measured
#
# Each neuron's cosine with its own pull is taken at the drop, weighted by its norm product.
# Neurons whose total weight vectors have cosines of at least .99 with each other are one cluster.
# Each run is another pair of digits.

# %%
claim.reading()

# %% [markdown]
# Did neurons turn, or were they aligned from the start? Each line is a run on the image pair, from
# the first step to the loss drop.

# %%
table = claim.table("dynamics/pair/runs.csv")
figure, axes = style.panels(4, height=2.2)
for ax, condition in zip(axes, ("gaussian", "balanced", "pytorch", "lazy"), strict=True):
    own = table[table["condition"] == condition]
    for _, run in own.iterrows():
        ax.plot(
            ["start", "drop"],
            [run["alignment_at_init"], run["alignment_at_drop_10"]],
            "o-",
            ms=3,
            lw=0.7,
            color=style.COLOURS[condition],
        )
    ax.set(ylim=(-0.25, 1.05), title=style.NAMES[condition])
    ax.margins(x=0.3)
axes[0].set_ylabel("alignment cos δ, weighted")
show(figure, "Alignment at the start and at the loss drop, one line per run, for four inits")

# %% [markdown]
# Flat lines are networks whose neurons did not turn. From a large init the loss drops within few
# steps, so that the controls below look at all of training instead.
#
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Any training makes neurons parallel; the small init has nothing to do with it.",
        "lazy_clusters",
        "Large networks train too and keep a direction per neuron, so training alone is not it.",
        "Large networks cluster as well, so the explanation by a small init is in trouble.",
    ),
    (
        "Neurons were nearly parallel to their pull from the start.",
        "lazy_alignment",
        "Random directions are not aligned, at no time of training, unless the neurons turn.",
        "Neurons are aligned without turning, so alignment at the drop is no evidence of turning.",
    ),
    (
        "The threshold of .99 is lucky: a stricter cosine would find many clusters.",
        "few_clusters_cosine_999",
        "A cosine ten times as strict still finds few clusters.",
        "At a stricter cosine the clusters fall apart: the claim depends on the threshold.",
    ),
    (
        "It is the simple task: two classes have few summits.",
        "few_clusters_ten_classes",
        "Ten classes give few clusters as well.",
        "With ten classes clusters are many. **This alternative stands**: neurons may align to "
        "their pull there too, but not to each other. *Mutual* alignment is shown for simple "
        "tasks.",
    ),
    (
        "It is the overlap of the inputs: neurons that see the same samples turn the same way.",
        "few_clusters_orthogonal",
        "Even orthogonal inputs give few clusters.",
        "With orthogonal inputs each neuron keeps the target that its first gates gave it. **This "
        "alternative stands**: overlap of the inputs is part of the cause.",
    ),
)

# %%
claim.nulls()

# %% [markdown]
# ## What would change our mind
#
# - Train on data in which two classes differ in nothing but which *pairs* of inputs occur
#   together, so that no single direction attracts. If neurons still gather in few directions, the
#   landscape of E3 is not what gathers them.
# - Start small, but add noise to each gradient, as large as the pull itself. Alignment by
#   climbing should blur into a cone of a width that the noise tells. If it stays sharp, something
#   else holds it.
# - Take a network of twice the width from the same init, neuron by neuron. If the directions of
#   the first half depend on whether the second half is there, neurons do talk to each other
#   before the drop.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# The claim says "from a small init". How small? Move the scales, the width, the head (`gaussian`,
# `balanced`, `pytorch`) or the task (`digits`, `clusters`), and run the cell: it trains a small
# network at each scale now. Seeds here are none of those of the verdict.

# %% tags=["play"]
SCALES = [1e-4, 1e-2, 1e-1, 1.0]
WIDTH, HEAD, TASK, SEEDS = 100, "gaussian", "digits", [0, 1]
COSINE = "99"  # or "95", "999"

found = []
for alpha in SCALES:
    # Large inits have large curvature, and need smaller steps.
    rate = 0.25 if alpha < 0.1 else 0.05
    options = {"width": WIDTH, "head": HEAD, "alpha": alpha, "learning_rate": rate}
    found.append(dynamics.tables(train(TASK, SEEDS, **options))["runs"])

figure, (count, aligned) = style.panels(2)
for ax, column in ((count, f"clusters_per_neuron_{COSINE}"), (aligned, "alignment_peak")):
    for seed in range(len(SEEDS)):
        ax.plot(SCALES, [runs[column].iloc[seed] for runs in found], "o-", ms=4)
    ax.set(xscale="log", xlabel="init scale", ylim=(-0.03, 1.05))
limit = claim.criteria["few_clusters"]["threshold"]
count.axhline(limit, ls="--", lw=0.8, color="black")
count.set_title(f"Clusters per neuron (dashed: {limit})")
aligned.set_title("Highest alignment in training")
show(figure, "Clusters per neuron and highest alignment against init scale")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
