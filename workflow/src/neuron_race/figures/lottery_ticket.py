"""Figure of the claim lottery_ticket: delays of tickets, exchanged starts, winners told at init."""

from typing import Any

import numpy as np
import pandas as pd
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


def draw(tables: dict[str, pd.DataFrame], verdict: dict[str, Any]) -> tuple[Figure, pd.DataFrame]:
    """Draw from ``tickets/pair`` and ``race/pair`` tables; returns the numbers drawn."""
    figure, (delay, predicted, exchange, told) = style.panels(2, rows=2, height=2.5)
    tickets = tables["tickets/pair/tickets.csv"].copy()
    tickets["delay"] = tickets["t_drop"] / tickets["t_drop_full"] - 1
    numbers = []
    y = np.arange(len(ARMS))[::-1]
    for offset, head in zip((0.2, 0, -0.2), HEADS, strict=True):
        own = style.summarise(tickets[tickets["condition"] == head], ["arm"], "delay")
        own = own.set_index("arm").loc[list(ARMS)].reset_index()
        delay.errorbar(
            100 * own["mean"],
            y + offset,
            xerr=100 * np.abs(own[["low", "high"]].to_numpy().T - own["mean"].to_numpy()),
            fmt="o",
            ms=3,
            color=style.COLOURS[head],
            label=style.NAMES[head],
        )
        numbers.append(own.assign(condition=head))
    delay.set_yticks(y, list(ARMS.values()))
    delay.set(xlabel="extra time to the drop (%)")
    delay.set_title("Tickets of a fifth\nof the neurons")
    delay.legend(fontsize=5.5, loc="lower right")

    for head in HEADS:
        own = tickets[(tickets["condition"] == head) & tickets["predicted_delay"].notna()]
        measured = own["t_drop"] - own["t_drop_full"]
        predicted.plot(own["predicted_delay"], measured, "o", ms=2, color=style.COLOURS[head])
    limit = [0, float(tickets["predicted_delay"].max())]
    predicted.plot(limit, limit, lw=0.8, color="black")
    predicted.set(
        xlabel="predicted (E9)", ylabel="measured", title="Extra time,\nevery run and arm"
    )

    runs = style.ordered(tables["tickets/pair/runs.csv"], HEADS)
    rows = pd.concat(
        style.summarise(runs, ["condition"], f"exchanged_{what}") for what in ("direction", "head")
    )
    short = {"gaussian": "Gaussian", "balanced": "balanced", "pytorch": "PyTorch"}
    labels = [f"{short[r.condition]}: {r.quantity[10:]}" for r in rows.itertuples()]
    style.dots(exchange, rows, labels, [style.COLOURS[c] for c in rows["condition"]])
    exchange.set(xlabel="pairs whose ranks follow", xlim=(-0.05, 1.05))
    exchange.set_title("Winner and loser\nexchange")
    numbers.append(rows)

    race = style.ordered(tables["race/pair/runs.csv"], HEADS)
    rows = pd.concat(
        style.summarise(race, ["condition"], name)
        for name in ("auroc_forecast", "auroc_forecast_shuffled")
    )
    words = {"auroc_forecast": "forecast", "auroc_forecast_shuffled": "shuffled"}
    labels = [f"{short[r.condition]}: {words[r.quantity]}" for r in rows.itertuples()]
    colours = [
        style.COLOURS[r.condition] if r.quantity == "auroc_forecast" else style.COLOURS["lazy"]
        for r in rows.itertuples()
    ]
    style.dots(told, rows, labels, colours)
    told.axvline(0.5, ls="--", lw=0.8, color="black")
    told.set(xlabel="AUROC", xlim=(0.3, 1.03), title="Top fifth told at init\n(grey: control)")
    numbers.append(rows)
    style.footer(figure, verdict)
    return figure, pd.concat(numbers, ignore_index=True)
