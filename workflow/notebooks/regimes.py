# %%
import numpy as np

from neuron_race.figures import style
from neuron_race.measures import compression, dynamics
from neuron_race.pages.lecture import Lecture, show, train

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# How small is "small"? All of the theory lives on the plateau, the time during which the output
# is negligible and neurons do not feel each other. A small init gives a long plateau, and neurons
# have turned before it ends. A large one gives none: the loss drops at once, and neurons keep the
# directions they were born with.
#
# The picture is a map: init scale to the right, width upwards. On its left the principles hold,
# on its right they do not, and in between there is a slope rather than an edge.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E6")

# %% [markdown]
# *What it says here.* The plateau lasts $\log(1/\alpha)/\lambda$, while the time that a neuron
# needs to turn does not depend on $\alpha$ at all (the plateau's equations are homogeneous:
# rescaling the init rescales the path and leaves its directions). At a small $\alpha$ neurons have
# long finished turning when the loss drops. At $\alpha$ of order one the plateau has no length:
# the loss drops at once, and neurons keep the directions they were born with. Because time enters
# through a logarithm the change is slow in $\alpha$: expect a slope over decades rather than an
# edge.
#
# Nothing in this refers to the width, except that the output adds up over neurons: a network four
# times as wide, at the same $\alpha$, has a shorter plateau by $\log 4/(2\lambda)$.
#
# ## What theory predicts before any training
#
# Alignment stops at scales of order one, where there is no plateau to turn on. Go through the
# scales below, from left to right. The prediction for alignment is E5's, up to the predicted drop.

# %%
claim.live("aligned", "groups", "drop", "pruned")

# %% [markdown]
# ## How it is measured
#
# A grid of scales and widths. Each cell is asked for alignment, clusters, merging and pruning;
# the claim is that they hold together on the left and end together on the right.

# %%
claim.reading()

# %% [markdown]
# The same along one line of the map, every run a dot. The dashed line is the time to the drop that
# E6 predicts, through the smallest scale, with $\lambda$ read off the next one: a logarithm and
# nothing else.

# %%
table = claim.table("dynamics/regimes/runs.csv")
own = table[table["condition"].str.endswith("_m300")].copy()
own["alpha"] = 10.0 ** -own["condition"].str.extract(r"a1e(\d)_", expand=False).astype(int)
figure, (count, drop) = style.panels(2, height=2.4)
count.plot(own["alpha"], own["clusters_per_neuron_99"], "o", ms=3, color=style.COLOURS["gaussian"])
drop.plot(own["alpha"], own["t_drop_10"], "o", ms=3, color=style.COLOURS["gaussian"])
mean = own.groupby("alpha")["t_drop_10"].mean().sort_index()
if len(mean) > 1 and mean.iloc[:2].notna().all():
    smallest, following = mean.index[:2]
    slope = (mean[following] - mean[smallest]) / np.log(following / smallest)
    line = mean[smallest] + slope * np.log(mean.index / smallest)
    drop.plot(mean.index, line, "--", lw=0.8, color="black")
for ax, title in ((count, "Clusters per neuron"), (drop, "Time to the drop")):
    ax.set(xscale="log", xlabel="init scale α", title=title)
show(figure, "Clusters per neuron and time to the drop against init scale, one dot per run")

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Alignment comes with training, at whatever scale.",
        "large_aligns_not",
        "At a large scale neurons are aligned at no time.",
        "Neurons align at a large scale too, so the scale is not what matters.",
    ),
    (
        "Clusters come with training, at whatever scale.",
        "large_clusters_not",
        "At a tenth each neuron is its own cluster.",
        "There are clusters at a tenth as well: the regime reaches further than claimed.",
    ),
    (
        "Prunability needs clusters.",
        "prunes_beyond_limit",
        "It outlives them: where no two neurons are equivalent, low norms can still go. Norms "
        "spread over a wider range of scales than directions gather.",
        "Where clusters are gone, pruning is not shown to be safe either.",
    ),
    (
        "The forecast works only at vanishing scales.",
        "forecast_at_limit",
        "It ranks neurons at the largest scale that has a plateau.",
        "It is not shown to rank neurons at the largest scale that has a plateau.",
    ),
)

# %% [markdown]
# ## What would change our mind
#
# - Take one learning rate for all scales (the cell below can). Rates differ here between small
#   and large scales; if the left half of the map changes with the rate, the rate and not the
#   scale draws it.
# - Scale the two layers differently, at one product. By E2 what counts is their imbalance as
#   well; a map that depends on the product alone would be wrong.
# - Scale the *output* by a small number, at large weights. Then there is a plateau, and nothing
#   turns. If neurons align there, it is the size of the output and not of the weights.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# A map of your own. One `RATE` serves all scales; is the left half of the map the same at 0.05 and
# at 0.25? (Small rates need more `STEPS` to reach the drop.) Try the head `balanced`: which of the
# two maps changes?

# %% tags=["play"]
SCALES, WIDTHS, SEED = [1e-4, 1e-2, 1e-1, 1.0], [20, 80], 0
RATE, STEPS, HEAD, TASK = 0.05, 800, "gaussian", "digits"

maps = {"clusters per neuron": [], "loss share at a fifth kept": []}
for width in WIDTHS:
    clusters, lost = [], []
    for alpha in SCALES:
        options = {"width": width, "alpha": alpha, "head": HEAD}
        trained = train(TASK, [SEED], learning_rate=RATE, max_steps=STEPS, **options)
        clusters.append(dynamics.tables(trained)["runs"]["clusters_per_neuron_99"][0])
        lost.append(compression.tables(trained)["runs"]["lowest_first_loss_share"][0])
    for title, row in zip(maps, (clusters, lost), strict=True):
        maps[title].append(row)

figure, axes = style.panels(2, height=2.2)
for ax, (title, grid) in zip(axes, maps.items(), strict=True):
    ax.imshow(np.clip(grid, 0, 1), cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
    for (row, column), number in np.ndenumerate(np.asarray(grid)):
        colour = "white" if number < 0.5 else "black"
        ax.text(column, row, f"{number:.2f}", ha="center", va="center", color=colour)
    ax.set_xticks(range(len(SCALES)), [f"{alpha:.0e}" for alpha in SCALES])
    ax.set_yticks(range(len(WIDTHS)), list(map(str, WIDTHS)))
    ax.set(xlabel="init scale α", ylabel="width m", title=title)
show(figure, "Maps of clusters per neuron and of the loss share lost, over init scale and width")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
