"""What is wrong with a claim of the register, but for its statistics."""

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from neuron_race.settings.criteria import unknown
from neuron_race.settings.resolved import Settings, sources

Claim = Mapping[str, Any]


def faults(settings: Settings, claim: Claim) -> Iterator[str]:
    """Names that there are not, effects or controls that are missing, thresholds that are none."""
    at = f"claims.{claim['id']}"
    names = [criterion["name"] for criterion in claim["criteria"]]
    if len(set(names)) < len(names):
        yield f"{at}: criteria need different names, got {', '.join(names)}"
    for table, experiment, _ in (path.split("/") for path in claim["figure_tables"]):
        if experiment not in (known := settings.measured(table)):
            yield f"{at}.figure_tables: {unknown(experiment, known)}"
    counted = [c for c in claim["criteria"] if c.get("confirmatory", True)]
    for wanted, role in ((False, "effect"), (True, "control")):
        if not any(c.get("control", False) is wanted for c in counted):
            yield f"{at}: needs at least one confirmatory {role}"
    yield from _words(at, claim, names)
    for criterion in claim["criteria"]:
        yield from _criterion(f"{at}.{criterion['name']}", settings, criterion)
    for equation in claim["equations"]:
        if equation not in settings.equations:
            yield f"{at}.equations: {equation} is none of {', '.join(settings.equations)}"


def _words(at: str, claim: Claim, names: list[str]) -> Iterator[str]:
    """Faults of the answer to a claim's question, which quotes criteria."""
    if ("answer" in claim) != ("breaks" in claim):
        yield f"{at}: answer and breaks come together"
    for key in {"answer", "breaks"} & set(claim):
        try:
            used = {part[1] for part in Formatter().parse(claim[key])} - {None}
        except ValueError as error:
            yield f"{at}.{key}: {error}"
            continue
        for name in sorted(str(name) for name in used - set(names)):
            yield f"{at}.{key}: {{{name}}} is none of the criteria {', '.join(names)}"


def _criterion(at: str, settings: Settings, criterion: Mapping[str, Any]) -> Iterator[str]:
    if criterion["direction"] == "within" and criterion["threshold"] <= 0:
        yield f"{at}.threshold: a margin must be above 0"
    if len({point["x"] for point in criterion.get("trend", [])}) == 1:
        yield f"{at}.trend: x must differ between points"
    if criterion.get("proportion", False) and criterion["direction"] == "within":
        yield f"{at}.direction: a proportion is tested above or below a threshold"
    for table, runs in sources(criterion):
        experiment, condition = runs.split("/")
        known = settings.measured(table)
        if experiment not in known:
            yield f"{at}: experiment {unknown(experiment, known)}"
        elif condition not in known[experiment]:
            yield f"{at}: condition {unknown(condition, known[experiment])}"
