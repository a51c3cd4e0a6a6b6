"""Figure of the claim lottery_ticket: delays of tickets, exchanged starts, winners told at init."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuron_race.figures import strips, style
from neuron_race.figures.strips import Row

HEADS = ("gaussian", "balanced", "pytorch")
SHORT = {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch"}
ARMS = {
    "winners": "winners",
    "forecast": "winners as forecast",
    "random": "random",
    "losers": "losers",
    "redrawn": "redrawn (control)",
    "sign_flipped": "winners, sign flipped (control)",
}
SCORES = {
    "auroc_forecast": "forecast",
    "auroc_race_score": "closed form",
    "auroc_norm_a_init": "head's size alone",
    "auroc_forecast_shuffled": "shuffled labels (control)",
}


def draw(tables: style.Tables, verdict: style.Verdict) -> style.Drawn:
    """Draw from ``tickets/pair``, ``race/pair`` and ``weights/lenet``; returns the numbers."""
    figure, (told, delay, predicted, error, exchange, *weights) = style.sheet(
        "Do winning tickets win by their start?",
        (2.9, (1,)),
        (2.6, (1,)),
        (2.3, (1, 1.1)),
        (1.7, (1,)),
        (1.2, (1, 1)),
    )
    drawn = {
        told: strips.by_head(HEADS, SCORES),
        delay: _delays(),
        error: _errors(),
        exchange: _exchanged(),
    }
    lenet = "weights/lenet/digits"
    drawn[weights[0]] = [Row("LeNet", lenet, "winning_minus_reinitialised")]
    drawn[weights[1]] = [Row("LeNet", lenet, "speed_gain_reinitialised")]
    numbers = [strips.strip(ax, verdict, tables, rows) for ax, rows in drawn.items()]
    told.set(xlabel="chance that a winner has the higher score (AUROC)", xlim=(0.3, 1.03))
    told.set_title("Who will be in the top fifth, told at init")
    delay.set(xlabel="extra time to the drop, over the full network's")
    delay.set_title("Tickets of a fifth of the neurons")
    numbers.append(_predicted(predicted, tables["tickets/pair/tickets.csv"]))
    error.set(xlabel="error, over full time", title="and its error (Gaussian)")
    exchange.set(xlabel="pairs whose ranks follow, share", xlim=(-0.05, 1.05))
    exchange.set_title("Winner and loser exchange a part")
    weights[0].set(xlabel="accuracy over redrawn (points)", title="Tickets of weights")
    weights[1].set(xlabel="share of steps saved", title="and their speed")
    style.key(predicted)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _delays() -> list[Row]:
    """Extra time of each arm, for the two heads that are asked."""
    return [
        Row(
            f"{words}, {SHORT[head]}",
            f"tickets/pair/{head}",
            f"delay_{arm}",
            style.GREY if "control" in words else style.COLOURS[head],
        )
        for arm, words in ARMS.items()
        for head in HEADS[:2]
    ]


def _errors() -> list[Row]:
    """Errors of the predicted extra time."""
    return [
        Row(arm, "tickets/pair/gaussian", f"delay_error_{arm}")
        for arm in ("winners", "random", "losers")
    ]


def _exchanged() -> list[Row]:
    """Exchanged heads and directions, of extremes and of pairs drawn at random."""
    return [
        Row(f"{words}, {SHORT[head]}", f"tickets/pair/{head}", f"exchanged_{what}", colour)
        for what, words, head, colour in (
            ("head", "heads", "gaussian", style.BLUE),
            ("head_random", "heads, random pairs", "gaussian", style.BLUE),
            ("direction", "directions", "gaussian", style.BLUE),
            ("direction", "directions", "balanced", style.RED),
            ("direction_random", "directions, random pairs", "balanced", style.RED),
            ("direction", "directions", "pytorch", style.GREEN),
        )
    ]


def _predicted(ax: Axes, tickets: pd.DataFrame) -> pd.DataFrame:
    """Measured against predicted extra time, every run and arm."""
    drawn = []
    for head, marker in zip(HEADS, style.MARKERS, strict=False):
        own = tickets[(tickets["condition"] == head) & tickets["predicted_delay"].notna()]
        own = own.assign(delay=own["t_drop"] - own["t_drop_full"])
        look: dict[str, Any] = {"ms": 2, "mew": 0, "color": style.COLOURS[head], "gid": "runs"}
        ax.plot(own["predicted_delay"], own["delay"], marker, **look, label=style.NAMES[head])
        drawn.append(own[["condition", "seed", "arm", "predicted_delay", "delay"]])
    limit = np.array([0, tickets["predicted_delay"].max()])
    ax.plot(limit, limit, lw=0.8, color="black", zorder=0)
    ax.set(xlabel="predicted (E9), time", ylabel="measured, time", title="Extra time to the drop,")
    return pd.concat(drawn)
