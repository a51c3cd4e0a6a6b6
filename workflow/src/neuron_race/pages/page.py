"""What pages share: templates, embedded data, and the warnings that a preset calls for."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from neuron_race.settings import changes

HERE = Path(__file__).parent
EXPLORATORY_SEEDS = range(3)  # config/config.yaml says what they were used for

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def asset(name: str) -> Markup:
    """Text of a style sheet or script beside this module, to be put into the page as it is."""
    return Markup((HERE / name).read_text(encoding="utf-8"))


def embed(content: Any) -> Markup:
    """JSON for a ``<script type="application/json">``: nothing in it can end the element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def warnings(preset: str, changed: Mapping[str, Sequence[Any]], seeds: Sequence[int]) -> list[str]:
    """What a reader must know before reading any number on the page."""
    found = []
    if preset == "smoke":
        found.append("Smoke preset: too few runs for any conclusion.")
    if changed:
        found.append(f"Not the settings of preset {preset}: {changes.words(changed)}.")
    if set(seeds) & set(EXPLORATORY_SEEDS):
        found.append("Exploratory seeds: runs that helped to set thresholds confirm nothing.")
    return found


def render(
    name: str,
    preset: str,
    changed: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    provenance: Mapping[str, Any],
    **context: Any,
) -> str:
    """Fill the template ``<name>.html`` with its style sheet and script.

    Args:
        name: such as ``explorer``.
        preset: name of the preset.
        changed: settings that differ from the preset's, see
            :func:`neuron_race.settings.changes.changes`.
        seeds: seeds of the runs shown.
        provenance: see :func:`neuron_race.common.storage.provenance`; put into the page's foot.
        context: whatever else the template reads.
    """
    return TEMPLATES.get_template(f"{name}.html").render(
        style=asset("page.css") + asset(f"{name}.css"),
        script=asset(f"{name}.js"),
        preset=f"{preset}, changed" if changed else preset,
        seeds=spans(seeds),
        warnings=warnings(preset, changed, seeds),
        versions=provenance["versions"],
        provenance=embed(provenance),
        **context,
    )


def spans(seeds: Sequence[int]) -> str:
    """Seeds as people write them: ``300–319`` where they follow one another."""
    first, last = min(seeds), max(seeds)
    if len(seeds) > 2 and sorted(seeds) == list(range(first, last + 1)):
        return f"{first}–{last}"
    return ", ".join(map(str, seeds))
