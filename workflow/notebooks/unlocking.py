# %%
import numpy as np

from neuron_race.figures import style
from neuron_race.measures import dynamics
from neuron_race.pages.lecture import Lecture, show, train

claim = Lecture(snakemake.input)
claim.opening()

# %% [markdown]
# The paper names three principles: mutual alignment, *unlocking* and racing. What it means by the
# second we do not know: no definition is in anything we have. So we wrote down the three things
# that the word could mean for a neuron, and tested each.
#
# - **U1, gates.** A neuron is locked in by the samples on which its gate is open. Before the loss
#   drops, gates flip until few patterns are left.
# - **U2, turning.** A neuron that points away from its pull shrinks. It is unlocked when it turns
#   and grows, *and for this it needs its gates to change*.
# - **U3, taking turns.** A second group is held back by the first, and set free once the first has
#   fitted its part.

# %%
claim.reading()

# %% [markdown]
# ## The equations
#
# Whether a neuron grows is a matter of the sign of one cosine:

# %%
claim.equation("E4")

# %% [markdown]
# *Where it comes from.* By E1 the norm of $w$ grows at $\|a\|$ times the pull along $w$, and that
# of $a$ at $\|w\|$ times the same; the product rule does the rest. Growth begins when $\cos\delta$
# changes sign.
#
# Now look hard at U2. Freeze the gates. Then the pull is constant, and the race law (E5) says
# $\tan(\delta/2) = \tan(\delta_0/2)\,e^{-\tau}$: for a balanced neuron *every* angle below 180
# degrees decays. A neuron that points almost straight away from its pull will still turn, only
# later. So theory itself predicts that frozen gates do not prevent turning, and U2 with its second
# half should fail. That control was put into the register because the reading calls for it, not
# because we expected it to behave.
#
# ## What was seen

# %%
claim.figure()

# %% [markdown]
# How late does a neuron turn that points away? Follow the general solution of E5: the head's size
# $|a|$ and the component $|q|$ of the weights against the pull shrink together, until the smaller
# of the two passes zero, after $\tau=\mathrm{artanh}\frac{\min(|a_0|,|q_0|)}{\max(|a_0|,|q_0|)}$.
# If that is $q$, the neuron turns round; if it is $a$, the *head* changes its sign, and with it
# the pull. Either way it grows from then on, and no gate occurs in the formula. Neurons of the
# image pair that started against their pull, first run:

# %%
neurons = claim.table("dynamics/pair/neurons.csv")
figure, axes = style.panels(2, height=2.5)
for ax, condition in zip(axes, ("gaussian", "gates_frozen"), strict=True):
    own = neurons[
        (neurons["condition"] == condition)
        & (neurons["seed"] == neurons["seed"].min())
        & (neurons["cos_delta_000"] < 0)
        & neurons["turned"]
    ]
    a, q = own["norm_a_init"], -own["norm_w_init"] * own["cos_delta_000"]
    tau = np.arctanh(np.minimum(a, q) / np.maximum(a, q))
    for by, chosen, colour in (
        ("turns round", a > q, style.COLOURS[condition]),
        ("head changes sign", a <= q, style.COLOURS["lazy"]),
    ):
        ax.plot(tau[chosen], own["t_turned"][chosen], "o", ms=3, color=colour, label=by)
    ax.set(xlabel="τ from the init", ylabel="time of turning", title=style.NAMES[condition])
    ax.legend(fontsize=7)
show(figure, "Time at which neurons turn to growth against the time from the race law")

# %% [markdown]
# ## The verdict in numbers

# %%
claim.effects()

# %% [markdown]
# ## The controls
#
# Each reading has its own: a large init for U1, frozen gates for U2, a first group that never fits
# and a task with one feature for U3.

# %%
claim.controls()

# %% [markdown]
# ## What would change my mind

# %%
claim.turning_points(
    "gate_patterns_collapse", "turned", "turned_with_frozen_gates", "second_group_rises"
)

# %%
claim.alternatives(
    (
        "U1: gates flip in any training, there is no collapse to speak of.",
        "lazy_gate_patterns",
        "From a large init the patterns stay distinct, so the collapse belongs to the small init.",
        "Patterns collapse from a large init too, so U1 says nothing about small inits.",
    ),
    (
        "U2: neurons turn by the pull alone; gates have no part in it.",
        "turned_with_frozen_gates",
        "Without moving gates they do not turn: gates are the lock.",
        "Neurons turn just as well with their gates frozen. **This alternative stands**: turning "
        "is what a constant pull does, and the word 'unlocking' adds nothing to it.",
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
