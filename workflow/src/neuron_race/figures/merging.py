"""Figure of the claim merging: what merging costs, and how many neurons are left."""

import pandas as pd

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

HEADS = ("gaussian", "balanced")
RULES = {
    "merge_loss_change": "merged by E7",
    "naive_average_loss_change": "averaged instead (control)",
    "shuffled_membership_loss_change": "wrong groups (control)",
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``compression/{pair,clusters}`` tables; returns the numbers drawn."""
    figure, (left, change, pruned) = style.sheet(
        "Can equivalent neurons be merged into one?", (1.75, (1,)), (2.3, (1,)), (1.6, (1,))
    )
    nets = [(task, head) for task in style.TASKS for head in HEADS]
    rows = {
        left: [
            Row(
                _words(task, name),
                f"compression/{task}/{name}",
                "merged_per_neuron",
                style.COLOURS[name],
            )
            for task in style.TASKS
            for name in (*HEADS, "lazy")
        ],
        change: [
            Row(
                f"{style.TASKS[task]}: {words}",
                f"compression/{task}/gaussian",
                rule,
                style.GREY if "control" in words else style.BLUE,
            )
            for task in style.TASKS
            for rule, words in RULES.items()
        ],
        pruned: [
            Row(
                _words(task, name),
                f"compression/{task}/{name}",
                "merge_then_prune_loss_share",
                style.COLOURS[name],
            )
            for task, name in [*nets, ("pair", "lazy")]
        ],
    }
    numbers = [strips.strip(ax, verdict, tables, own) for ax, own in rows.items()]
    left.set(xlabel="neurons left over neurons before, K/m", xlim=(-0.02, 1.02))
    left.set_title("Few neurons are left")
    change.set(xlabel="change of the loss, over the loss before")
    change.set_xscale("symlog", linthresh=0.01)
    change.set_xlim(left=-0.03)
    change.set_xticks([-0.01, 0, 0.01, 1, 100], ["−1 %", "0", "1 %", "1", "100"])
    change.set_title("The loss stays, but only with the right rule and groups")
    pruned.set(xlabel="share of what was learned that is lost")
    pruned.set_xscale("symlog", linthresh=1e-4)
    pruned.set_xlim(-5e-5, 1.5)
    pruned.set_title("Merged, then pruned to a fifth of the neurons")
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _words(task: str, condition: str) -> str:
    return f"{style.TASKS[task]}, {style.NAMES[condition]}"
