"""What overlays add to the default configuration, told where nothing reads it."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from neuron_race.settings.resolved import Settings, sources

# Conditions that a figure draws, whatever there are of them, without a criterion that names them.
DRAWN = {
    "capacity": re.compile("(width|lazy)(4|8|16|32|64|128|256|512|1024|2048|4096)"),
    "regimes": re.compile(r"a(\d)e(\d)_m(\d+)"),
}


def unread(config: Mapping[str, Any], default: Mapping[str, Any], settings: Settings) -> list[str]:
    """What a configuration adds to the default one that no claim and no page reads, a line each.

    A misspelt name is such an addition, while what was to be changed stays as it was. Nothing of
    it is refused: runs are trained for a look at them, and targets can be asked for by name.

    Args:
        config: valid configuration, with what overlays add.
        default: ``config/config.yaml`` alone.
        settings: of the configuration.
    """
    criteria = [c for claim in settings.claims.values() for c in claim["criteria"]]
    read = {runs for criterion in criteria for _, runs in sources(criterion)}
    for experiment, conditions in settings.explorer["conditions"].items():
        read |= {f"{experiment}/{condition}" for condition in conditions}
    tables = [path for claim in settings.claims.values() for path in claim["figure_tables"]]
    entries = {runs.split("/")[0] for runs in read} | {path.split("/")[1] for path in tables}
    used = {
        options["dataset"]
        for conditions in (
            *settings.experiments.values(),
            *settings.extensions.values(),
            *settings.weight_tickets.values(),
        )
        for options in conditions.values()
    }
    images = {options.get("images") for options in settings.datasets.values()}
    kinds = {"datasets": (used, "no condition uses it"), "images": (images, "no data set uses it")}
    lines = []

    def tell(at: str, name: str, known: Iterable[str], what: str) -> None:
        near = get_close_matches(name, list(known), 1)
        also = f"; did you mean {near[0]}?" if near else ""
        lines.append(f"{at}.{name}: {what}{also}")

    for section, (names, what) in kinds.items():
        for name in set(config[section]) - set(default[section]) - names:
            tell(section, name, default[section], what)
    for section in ("experiments", "extensions", "weight_tickets"):
        known = default.get(section, {})
        for name, entry in config.get(section, {}).items():
            if name not in known:
                if name not in entries:
                    tell(section, name, known, "no claim reads it")
                continue
            own, old = entry, known[name]
            at = f"{section}.{name}"
            if section != "weight_tickets":
                own, old, at = own["conditions"], old["conditions"], f"{at}.conditions"
            drawn = DRAWN[name].fullmatch if name in DRAWN else lambda condition: None
            for condition in own:
                known_here = condition in old or f"{name}/{condition}" in read or drawn(condition)
                if not known_here:
                    tell(at, condition, old, "no claim reads it")
    return sorted(lines)
