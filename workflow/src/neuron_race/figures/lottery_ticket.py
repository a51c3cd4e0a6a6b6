"""Figure of the claim lottery_ticket: delays of tickets, exchanged starts, winners told at init."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuron_race.figures import style

HEADS = ("gaussian", "balanced", "pytorch")
ARMS = {
    "winners": "winners",
    "stratified": "winners by cluster",
    "forecast": "forecast at init",
    "random": "random",
    "losers": "losers",
    "redrawn": "redrawn (control)",
    "sign_flipped": "winners, sign flipped (control)",
}
SHORT = {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch"}


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``tickets/pair`` and ``race/pair`` tables; returns the numbers drawn."""
    figure, (delay, predicted, exchange, told) = style.panels(2, rows=2, height=2.5)
    tickets = tables["tickets/pair/tickets.csv"].copy()
    tickets["delay"] = tickets["t_drop"] / tickets["t_drop_full"] - 1
    numbers = [
        *_delays(delay, tickets),
        _exchanged(exchange, tables["tickets/pair/runs.csv"]),
        _told(told, tables["race/pair/runs.csv"]),
    ]
    _predicted(predicted, tickets)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)


def _delays(ax: Axes, tickets: pd.DataFrame) -> list[pd.DataFrame]:
    """Extra time to the drop of each arm, for each head."""
    numbers = []
    y = np.arange(len(ARMS))[::-1]
    for offset, head in zip((0.2, 0, -0.2), HEADS, strict=True):
        own = style.summarise(tickets[tickets["condition"] == head], ["arm"], "delay")
        own = own.set_index("arm").loc[list(ARMS)].reset_index()
        ax.errorbar(
            100 * own["mean"],
            y + offset,
            xerr=100 * np.abs(own[["low", "high"]].to_numpy().T - own["mean"].to_numpy()),
            fmt="o",
            ms=3,
            color=style.COLOURS[head],
            label=style.NAMES[head],
        )
        numbers.append(own.assign(condition=head))
    ax.set_yticks(y, list(ARMS.values()))
    ax.set(xlabel="extra time to the drop (%)")
    ax.set_title("Tickets of a fifth\nof the neurons")
    ax.legend(fontsize=5.5, loc="lower right")
    return numbers


def _predicted(ax: Axes, tickets: pd.DataFrame) -> None:
    """Measured against predicted extra time."""
    for head in HEADS:
        own = tickets[(tickets["condition"] == head) & tickets["predicted_delay"].notna()]
        measured = own["t_drop"] - own["t_drop_full"]
        ax.plot(own["predicted_delay"], measured, "o", ms=2, color=style.COLOURS[head])
    limit = [0, float(tickets["predicted_delay"].max())]
    ax.plot(limit, limit, lw=0.8, color="black")
    ax.set(xlabel="predicted (E9)", ylabel="measured", title="Extra time,\nevery run and arm")


def _exchanged(ax: Axes, runs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a winner and a loser whose ranks follow what they exchange."""
    runs = style.ordered(runs, HEADS)
    rows = pd.concat(
        style.summarise(runs, ["condition"], f"exchanged_{what}") for what in ("direction", "head")
    )
    labels = [f"{SHORT[r.condition]}: {r.quantity[10:]}" for r in rows.itertuples()]
    style.dots(ax, rows, labels, [style.COLOURS[c] for c in rows["condition"]])
    ax.set(xlabel="pairs whose ranks follow", xlim=(-0.05, 1.05))
    ax.set_title("Winner and loser\nexchange")
    return rows


def _told(ax: Axes, race: pd.DataFrame) -> pd.DataFrame:
    """How well the winners are told at init."""
    race = style.ordered(race, HEADS)
    rows = pd.concat(
        style.summarise(race, ["condition"], name)
        for name in ("auroc_forecast", "auroc_forecast_shuffled")
    )
    words = {"auroc_forecast": "forecast", "auroc_forecast_shuffled": "shuffled"}
    labels = [f"{SHORT[r.condition]}: {words[r.quantity]}" for r in rows.itertuples()]
    colours = [
        style.COLOURS[r.condition] if r.quantity == "auroc_forecast" else style.COLOURS["lazy"]
        for r in rows.itertuples()
    ]
    style.dots(ax, rows, labels, colours)
    ax.axvline(0.5, ls="--", lw=0.8, color="black")
    ax.set(xlabel="AUROC", xlim=(0.3, 1.03), title="Top fifth told at init\n(grey: control)")
    return rows
