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
# The paper names three principles: mutual alignment, *unlocking* and racing. What it means by the
# second we do not know: no definition is in anything we have. So we ask for a cause. After the
# loss has fallen, a few neurons that the race left behind grow faster than all others. Is it
# because of the samples on which they are open, that is, because of their *gates*?
#
# Think of a door that opens late. Once the winners have fitted what they can, the error that is
# left looks different. A neuron that is open on just those samples has, all at once, a lane to
# itself. Older readings are kept beside this one:
#
# - **U1, gates.** Before the loss drops, gates flip until few patterns are left.
# - **U2, turning.** A neuron that points away from its pull shrinks, until it turns and grows.
# - **U3, taking turns.** A second group is held back by the first, and set free once the first
#   has fitted its part.

# %%
claim.figure()

# %% [markdown]
# ## The equation

# %%
claim.equations("E4")

# %% [markdown]
# *Where it comes from.* By E1 the norm of $w$ grows at $\|a\|$ times the pull along $w$, and that
# of $a$ at $\|w\|$ times the same; the product rule does the rest. Growth begins when $\cos\delta$
# changes sign.
#
# Neurons meet in the residual alone (E1). Record it at each step of a run, and any neuron can be
# moved again by itself, with gates of one's choice: a *residual replay*. With its own gates it
# returns the run to rounding. Five neurons of each run are chosen before its end is read: behind
# in the forecast from init, and fastest where the residual is frozen at four times the drop. Then
# losers of equal sign and norm product get their gates.
#
# U2 needs no gates by theory: with constant gates the pull is constant, and by E5
# $\tan(\delta/2)$ falls as $e^{-\tau}$, so that every angle below 180 degrees decays.
#
# ## What theory predicts before any training
#
# E4 and E5 say when a neuron that points the wrong way begins to grow: every angle below 180
# degrees decays, so that by the drop nearly all have turned. For the second race the residual
# after the first one takes the place of the labels: freeze it, and the same equations tell who is
# next. What follows can be seen below for U2: predicted from the init, and measured.

# %%
claim.live("turned", "aligned", "drop")

# %% [markdown]
# ## How it is measured
#
# Record the residual at each step of a run, and any neuron can be moved again by itself, with
# gates of one's choice. Five neurons of each run are chosen before its end is read. Then losers
# of equal sign and norm product get their gates, and the outcome is how much larger they end.

# %%
claim.reading()

# %% [markdown]
# Each point of panel a is a task, another pair of digits. Lift and lead are of the same neurons,
# but the lead is known at four drops, and the lift at twenty-four. How often is a neuron from
# behind the largest in the end, and what else was asked:

# %%
runs = claim.table("late_winners/late_winners/runs.csv")
asked = ["late_winner_earlier", "late_winner", "late_share", "auroc_second", "false_positives"]
runs.groupby("condition")[asked].mean().round(3)

# %% [markdown]
# ## The verdict

# %%
claim.verdict()

# %% [markdown]
# Could something duller produce the same numbers?

# %%
claim.alternatives(
    (
        "Any foreign gates disturb a loser, and some lift it.",
        "foreign_gates_do_not",
        "Gates of another loser do nothing.",
        "Gates of another loser lift too, so that it is no matter of the candidate's.",
    ),
    (
        "Neurons share directions without gates having to move.",
        "together_without_gates",
        "Only where all have one pull, as in a linear network.",
        "Not even a linear network aligns, so that frozen gates are not what keeps neurons apart.",
    ),
    (
        "U3: the second group speeds up by itself with time, whatever the first does.",
        "first_never_fits",
        "If the first group is never fitted, the second does not rise: it is the fit that frees "
        "it.",
        "The second group rises though the first is never fitted, so U3 is about time, not order.",
    ),
    (
        "U3: any late group of neurons shows such a rise.",
        "single_feature",
        "With a single feature nothing rises.",
        "With a single feature something rises too, so the rise is no sign of a second feature.",
    ),
)

# %% [markdown]
# ## What would change our mind
#
# - Train on with a loser that has a late winner's gates, in more runs. We did it in twenty: in
#   nineteen the lift was that of the replay, in one it was smaller. If such runs turn out to be
#   common, the replay misses what the others do when one rises.
# - Choose candidates on one half of the samples, and give their gates on the other half. If they
#   lift as much, gates carry the task and not the sample.
# - Train a task whose second part needs no new gates, only larger weights. A late winner there
#   would not be one of gates.
# - Read the paper's definition. If unlocking is something else, this lecture is about our own
#   question alone.
#
# ## What this does not prove

# %%
claim.caveats()

# %% [markdown]
# ## Play
#
# U2 with your own hands: train with and without frozen gates, and see which fraction of the
# neurons that first pointed against their pull has not turned yet. Try the head `balanced`, or a
# larger init (`ALPHA = 0.1`), where the loss drops before neurons have turned. Or set `FREEZE` to
# `["residual"]`.

# %% tags=["play"]
ALPHA, WIDTH, HEAD, TASK, SEEDS = 1e-4, 100, "gaussian", "digits", [0, 1]
FREEZE = ["gates"]

figure, (turn, gates) = style.panels(2)
for label, freeze, colour in (("nothing frozen", [], "gaussian"), (f"{FREEZE}", FREEZE, "lazy")):
    options = {"width": WIDTH, "alpha": ALPHA, "head": HEAD, "freeze": freeze}
    trained = train(TASK, SEEDS, **options)
    cos = trained.runs.measured["cos_delta"]
    against = (cos[:, 0] < 0) & (trained.runs.measured["open"][:, 0] > 0)
    # Not turned yet: against the pull at every snapshot so far.
    still = np.logical_and.accumulate(cos < 0, axis=1)
    share = (still & against[:, None]).sum(axis=(0, 2)) / max(against.sum(), 1)
    time = trained.runs.step * trained.recipe.learning_rate
    turn.step(time, share, where="post", color=style.COLOURS[colour], label=label)
    path = dynamics.tables(trained)["trajectory"]
    patterns = path.groupby("time")["gate_patterns"].mean()
    gates.plot(patterns.index, patterns, color=style.COLOURS[colour], label=label)
turn.set(xlabel="time", ylabel="still against the pull", ylim=(-0.03, 1.03))
turn.legend(fontsize=7)
gates.set(xlabel="time", ylabel="distinct gate patterns", yscale="log")
show(figure, "Fraction of neurons still against their pull, and gate patterns, over time")

# %% [markdown]
# ## Where to go next

# %%
claim.neighbours()
