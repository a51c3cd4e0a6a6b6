"""The phases of a run, read off what was recorded: turn, grow, drop, second race, after."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common.defined import average
from neuron_race.common.ranks import top

Array = NDArray[Any]
ALIGNED = 0.9  # mean alignment, weighted by norm products, from which neurons grow rather than turn
RACED = 0.5  # the least at the drop of a run that is called a race
ARRIVED = 0.9  # fraction of their largest sum of norm products at which neurons have arrived
WINNERS = 0.2  # the fraction of neurons that counts as winners, as in the claims
LATE = 0.05  # the fraction of neurons among which late winners end


def late_winners(forecast: Array, at_drop: Array, final: Array) -> Array:
    """Whether neurons (m,) end among the largest twentieth, left behind by forecast and drop.

    Left behind is who is outside the top fifth .

    Args:
        forecast: norm products forecast from init (m,); NaN where there is no forecast.
        at_drop: norm products at the drop (m,); NaN where the loss did not drop.
        final: norm products at the end (m,).
    """
    if not (np.isfinite(forecast).any() and np.isfinite(at_drop).any()):
        return np.zeros(len(final), dtype=bool)
    late: Array = ~top(forecast, WINNERS) & ~top(at_drop, WINNERS) & top(final, LATE)
    return late


def arrived(product: Array, start: int) -> int:
    """First snapshot from ``start`` on at which a sum (T,) is near the largest that it reaches."""
    later = product[start:]
    return start + int(np.argmax(later >= ARRIVED * later.max()))


def phases(
    step: Array, cos_delta: Array, product: Array, drop: int | None, late: Array
) -> tuple[list[dict[str, Any]], bool]:
    """Where each phase of a run begins, and whether there was a race.

    *Turn* lasts until the mean alignment, weighted by norm products, is :data:`ALIGNED`; *grow*
    until the loss drops; *drop* until the largest fifth at the drop have arrived; *second* until
    late winners have, if they had less than half of their final sum before; *after* to the end.
    A phase of no snapshot is left out. A run that never dropped keeps growing to its end.

    Args:
        step: of the snapshots (T,).
        cos_delta, product: alignments and norm products (T, m).
        drop: step at which a tenth of the initial loss was lost, or None.
        late: whether a neuron is a late winner (m,).

    Returns:
        ``name`` and first snapshot ``start`` of each phase in order; and whether the weighted
        alignment at the drop is at least :data:`RACED`.
    """
    last = len(step) - 1
    alignment = average(cos_delta, axis=1, weights=product)
    dropped = last + 1 if drop is None else int(np.searchsorted(step, drop))
    turned = int(np.argmax(alignment >= ALIGNED)) if (alignment >= ALIGNED).any() else last + 1
    starts = {"turn": 0, "grow": min(turned, dropped), "drop": dropped}
    if drop is not None:
        at = min(dropped, last)
        end = arrived(product[:, top(product[at], WINNERS)].sum(axis=1), at)
        starts["second"] = starts["after"] = end
        behind = product[:, late].sum(axis=1)
        if late.any() and behind[end] < 0.5 * behind[-1]:
            starts["after"] = arrived(behind, end)
    ends = [*list(starts.values())[1:], last + 1]
    kept = [
        {"name": name, "start": start}
        for (name, start), end in zip(starts.items(), ends, strict=True)
        if start < end
    ]
    raced = drop is not None and bool(alignment[min(dropped, last)] >= RACED)
    return kept, raced
