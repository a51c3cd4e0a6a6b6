# %%
import numpy as np

from neuron_race.common import ranks
from neuron_race.figures import style
from neuron_race.models import clusters, norms
from neuron_race.pages.lecture import Lecture, show, train
from neuron_race.theory import forecast

style.apply()
claim = Lecture(snakemake)
claim.opening()

# %% [markdown]
# ## The idea
#
# Put a hundred neurons on a line and give all of them the same push, in proportion to what each
# already has. A small lead then becomes a large one: what grows in proportion to itself keeps its
# order and spreads its distances. That is the race. Nobody wins by luck on the way. The grid
# decides.
#
# A *lane* is a set of neurons with the same target. Within a lane the push is common to all, so
# that the only things which differ are where a neuron starts and how large it is. The picture
# shows final sizes against what could be known at the start.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E5")

# %% [markdown]
# *Where it comes from.* With a constant pull the equations of motion are linear: the outgoing
# weight $a$ and the component $q$ of the incoming weight along the pull feed each other, so $a+q$
# grows and $a-q$ decays, at the same rate. What is left in the end is the growing mode, and its
# size was fixed at the start. There is no chance in it: *it's a race, and the grid decides*.
#
# Read the root of the score carefully, for it contains the whole dispute about this claim. With a
# balanced head it is $\rho_0(1+\cos\delta_0)$: size *and* alignment. With an independent head it
# is $|a_0|+w_0\cdot\widehat{s_0D}$: a neuron can win by its head alone, however it points. "Closer
# early alignment, higher final norm" is then true as a correlation, since strong heads align
# sooner, and misleading as a cause.
#
# ## What theory predicts before any training
#
# From the initial weights and one gradient the score $S$ of each neuron follows, and with it the
# order of final norm products within a lane: exactly as scored, as long as gates stay as they
# are. Below, the right-hand plot has the prediction on one axis and what came of it on the other.
# Try all three heads: the order stays, while what decides it changes.

# %%
claim.live("ranks", "drop", "idle")

# %% [markdown]
# ## How it is measured
#
# Ranks are compared within the largest cluster of each run: those of early alignment, of the
# forecast, and of the closed form, against final norm products. To see what counts beyond the
# head's size, that is held fixed.

# %%
claim.reading()

# %% [markdown]
# A forecast uses the initial weights and the data and nothing else. Here it is against what
# happened, neuron by neuron, in the largest cluster of the first run:

# %%
neurons = claim.table("race/pair/neurons.csv")
first = neurons[(neurons["seed"] == neurons["seed"].min()) & (neurons["cluster_99"] == 0)]
figure, axes = style.panels(3, height=2.4)
for ax, head in zip(axes, ("gaussian", "balanced", "pytorch"), strict=True):
    own = first[first["condition"] == head]
    for column, colour, label in (
        ("forecast_shuffled", style.COLOURS["lazy"], "labels shuffled"),
        ("forecast", style.COLOURS[head], "forecast"),
    ):
        ax.plot(
            own[column].rank(pct=True),
            own["norm_product_end"],
            "o",
            ms=3,
            color=colour,
            label=label,
        )
    ax.set(xlabel="rank of the forecast", ylabel="final norm product", title=style.NAMES[head])
    ax.legend(fontsize=6)
show(figure, "Final norm product against forecast rank, for three heads")

# %% [markdown]
# Grey is the same forecast made from shuffled labels. Where grey rises as well, the labels are not
# what decides who wins.
#
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Alignment is a bystander: the head's initial norm sets the pace, and strong heads align "
        "early.",
        "alignment_beyond_head",
        "Given the head's norm, early alignment still ranks the winners, so it is more than a "
        "shadow of the head.",
        "Given the head's norm, alignment says little: **the head explains the race**.",
    ),
    (
        "The head's norm is all there is: no data needed.",
        "shuffled_forecast_gaussian",
        "With the labels shuffled the forecast fails even where heads differ most.",
        "With a Gaussian head a forecast from shuffled labels ranks the winners. **This "
        "alternative "
        "stands for raw ranks**, and only what the next two tests say speaks against it.",
    ),
    (
        "... and with equal heads nothing is left of the forecast's use of the data.",
        "shuffled_forecast_balanced",
        "With a balanced head shuffled labels spoil the forecast: direction and data decide.",
        "Shuffled labels do as well with a balanced head, so the data play no part there either.",
    ),
    (
        "... nor beyond the head's norm, where it varies.",
        "shuffled_forecast_beyond_head",
        "Beyond the head's norm, true labels are needed.",
        "Beyond the head's norm, shuffled labels do as well.",
    ),
    (
        "Ranks go with anything that changes early in training.",
        "lazy_alignment_ranks",
        "In a network that starts large, alignment at no time ranks final norms.",
        "Alignment ranks final norms in a large network too, where the law does not apply.",
    ),
    (
        "The growth law is an empty identity that any numbers satisfy.",
        "growth_identity_permuted",
        "With alignments handed to the wrong neurons the law is off: it could have failed.",
        "The law holds with alignments permuted: it is not testing anything.",
    ),
)

# %%
claim.nulls()

# %% [markdown]
# ## What would change our mind
#
# - Swap the initial weights of the predicted winner and of a loser in its lane, and train again.
#   If the old winner's *place* wins, and not its start, there is no grid. (The lecture on winning
#   tickets does it for pairs.)
# - Shake one neuron after a tenth of the plateau, by as much as its own weights. The law says
#   that its score then is that of the shaken weights. If it returns to its old rank, something
#   other than E5 holds ranks.
# - Train with a head that is frozen: norms then grow linearly, and the order may change on the
#   way. If ranks are told as well, exponential growth is not what fixes them.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# Choose the head, and see who tells the winners: the forecast, the forecast from shuffled labels,
# or the head's initial norm alone. The head is balanced here. Then try `"gaussian"`, with which
# all three should tell them, and `"pytorch"`.

# %% tags=["play"]
HEAD, ALPHA, WIDTH, TASK, SEED = "balanced", 1e-4, 100, "digits", 0

trained = train(TASK, [SEED], head=HEAD, alpha=ALPHA, width=WIDTH)
told = forecast.forecast(trained.start, trained.options, "play")
W, A = trained.runs.W_events[0, -1], trained.runs.A_events[0, -1]
labels = clusters.find(W, A, 0.99, clusters.active(trained.start.X[0], W))
lane, final = labels == 0, norms.norm_product(W, A)

figure, axes = style.panels(3, height=2.4)
predictors = {
    "forecast": told["norm_product"][0],
    "forecast, labels shuffled": told["norm_product_shuffled"][0],
    "head's initial norm": np.linalg.norm(trained.start.A[0], axis=1),
}
for ax, (name, value) in zip(axes, predictors.items(), strict=True):
    rho = ranks.rank_correlation(value[lane], final[lane])
    ax.plot(value[lane].argsort().argsort(), final[lane], "o", ms=3, color=style.COLOURS[HEAD])
    ax.set(xlabel=f"rank by {name}", ylabel="final norm product", title=f"ρ = {rho:.2f}")
show(figure, f"Final norm product against three predictors, {HEAD} head, {lane.sum()} neurons")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
