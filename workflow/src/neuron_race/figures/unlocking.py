"""Figure of the claim unlocking: gate patterns, neurons turning to growth, the second group."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from statsmodels.duration.survfunc import SurvfuncRight

from neuron_race.figures import style


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``dynamics/{pair,two_features}`` tables; returns the numbers drawn."""
    figure, (gates, turn, staircase) = style.panels(3)
    path = tables["dynamics/pair/trajectory.csv"]
    numbers = []
    for condition in ("gaussian", "lazy"):
        own = path[path["condition"] == condition]
        curve = style.summarise(own, ["condition", "time"], "gate_patterns")
        style.band(
            gates,
            curve[curve["time"] > 0],
            "time",
            color=style.COLOURS[condition],
            label=style.NAMES[condition],
        )
        numbers.append(curve)
    gates.set(xscale="log", yscale="log", xlabel="time t", ylabel="distinct gate patterns")
    gates.set_title("U1: gate patterns collapse")
    gates.legend(fontsize=6.5)

    neurons = tables["dynamics/pair/neurons.csv"]
    for condition in ("gaussian", "gates_frozen"):
        own = neurons[(neurons["condition"] == condition) & (neurons["cos_delta_000"] < 0)]
        if own.empty:
            continue
        curve = SurvfuncRight(own["t_turned"], own["turned"].astype(int))
        times = np.concatenate([[0], curve.surv_times])
        share = np.concatenate([[1], curve.surv_prob])
        turn.step(
            times, share, where="post", color=style.COLOURS[condition], label=style.NAMES[condition]
        )
        numbers.append(
            pd.DataFrame(
                {"condition": condition, "time": times, "mean": share, "quantity": "not turned"}
            )
        )
    turn.set(xlabel="time t", ylabel="fraction still against the pull", ylim=(-0.02, 1.02))
    turn.set_title("U2: turning to growth")
    turn.legend(fontsize=6.5)

    path = tables["dynamics/two_features/trajectory.csv"]
    for condition in ("two", "one"):
        own = path[path["condition"] == condition]
        for value, line in (("growth_first", "-"), ("growth_second", "--")):
            curve = style.summarise(own, ["condition", "time"], value)
            style.band(
                staircase,
                curve[curve["time"] > 1],
                "time",
                color=style.COLOURS[condition],
                ls=line,
                label=f"{style.NAMES[condition]}, {'first' if line == '-' else 'second'} group",
            )
            numbers.append(curve)
    staircase.set(
        xlabel="time t", ylabel="growth rate d log c / dt", xlim=(0, 150), ylim=(None, 1.4)
    )
    staircase.set_title("U3: the second group rises")
    staircase.legend(fontsize=6)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
