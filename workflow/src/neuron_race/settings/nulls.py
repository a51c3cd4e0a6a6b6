"""Nulls of the register: what lacks a part of the theory is asked what a claim asks of its runs.

A null stands in for runs (``runs: {pair/gaussian: pair/linear}``) or for a statistic (``statistics:
{race: {auroc_forecast: auroc_norm_a_init}}``). A claim says of each beforehand what theory expects.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuron_race.common.validation import unknown
from neuron_race.settings import dictionary

if TYPE_CHECKING:
    from neuron_race.settings.configuration import Settings

Criterion = Mapping[str, Any]


def asked(settings: "Settings", claim: str) -> list[dict[str, Any]]:
    """The effects of a claim as asked of nulls: criteria with a ``null`` and what it stands in.

    Controls are not asked, nor forecasts of a null that has none; and tables that are made only of
    the conditions that criteria name, of nulls that one does name.
    """
    return [
        {**variant, "null": name}
        for name, null in settings.nulls.items()
        for criterion in settings.claims[claim]["criteria"]
        if not criterion.get("control", False)
        for variant in [_variant(null, criterion)]
        if variant is not None and _measured(settings, variant)
    ]


def _variant(null: Mapping[str, Any], criterion: Criterion) -> dict[str, Any] | None:
    """A criterion of the null; None if the null stands in for nothing that it is about.

    Of a difference the null stands in for the first term. It is not asked of the null itself, for
    it could only be 0.
    """
    runs = null.get("runs", {})
    statistic = null.get("statistics", {}).get(criterion["table"], {}).get(criterion["statistic"])
    if statistic is not None:
        own = statistic == criterion.get("minus_statistic")
        return (
            None
            if own
            else {**criterion, "statistic": statistic, "against": criterion["statistic"]}
        )
    if "trend" in criterion:
        if not all(point["runs"] in runs for point in criterion["trend"]):
            return None
        points = [{**point, "runs": runs[point["runs"]]} for point in criterion["trend"]]
        return {**criterion, "trend": points}
    instead = runs.get(criterion["runs"])
    if instead is None or instead == criterion.get("minus"):
        return None
    return {**criterion, "runs": instead}


def _measured(settings: "Settings", criterion: Criterion) -> bool:
    """Whether the table of a criterion has rows of its runs."""
    points = criterion.get("trend", [criterion])
    places = [point["runs"].split("/") for point in points]
    if criterion["table"] == "race":
        return all(condition in settings.forecastable(name) for name, condition in places)
    if criterion["table"] in dictionary.SELECTIVE:
        return all(c in settings.conditions_read(criterion["table"], name) for name, c in places)
    return True


def redrawn(settings: "Settings", claim: str) -> list[dict[str, Any]]:
    """The effects of a claim on the same tasks drawn anew, named by what is drawn.

    Differences to other runs are left out, for these would have to be drawn anew too; and runs of
    another task, as where the data set of an experiment was changed, that of the redraw was not.
    """
    return [
        {**criterion, "runs": runs[criterion["runs"]], "null": name}
        for name, runs in settings.redraws.items()
        for criterion in settings.claims[claim]["criteria"]
        if not criterion.get("control", False)
        and "minus" not in criterion
        and criterion.get("runs") in runs
        and _of_one_task(settings, criterion["runs"], runs[criterion["runs"]])
        and _measured(settings, criterion)
    ]


def copied_runs(
    instead: Mapping[str, Mapping[str, str]], copies: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Runs that stand in for others, and their copies on other data sets for those of the others.

    Args:
        instead: by name, runs and what stands in for them.
        copies: ``replicate`` of the configuration.
    """
    found = {name: dict(runs) for name, runs in instead.items()}
    for copy, entry in copies.items():
        for name, runs in instead.items():
            for of, other in runs.items():
                if {of.split("/")[0], other.split("/")[0]} <= set(entry["experiments"]):
                    key, value = (r.replace("/", f"_{copy}/") for r in (of, other))
                    found[name][key] = value
    return found


def copied(nulls: Mapping[str, Any], copies: Mapping[str, Any]) -> dict[str, Any]:
    """Nulls that stand in for the copies of experiments on other data sets too."""
    runs = copied_runs({name: null.get("runs", {}) for name, null in nulls.items()}, copies)
    return {
        name: {**null, **({"runs": runs[name]} if runs[name] else {})}
        for name, null in nulls.items()
    }


def faults(settings: "Settings") -> list[str]:
    """Faults of nulls and of what claims say of them, each with its key, and what is allowed."""
    trained = {**settings.experiments, **settings.extensions}
    known = [f"{name}/{condition}" for name, own in trained.items() for condition in own]
    found = []
    for name, null in settings.nulls.items():
        found += [
            f"nulls.{name}.runs: {unknown(runs, known)}"
            for pair in null.get("runs", {}).items()
            for runs in pair
            if runs not in known
        ]
    for name, redrawn_runs in settings.redraws.items():
        for of, other in redrawn_runs.items():
            at = f"redraws.{name}.{of}"
            if missing := [runs for runs in (of, other) if runs not in known]:
                found.append(f"{at}: {unknown(missing[0], known)}")
            else:
                found += _redraw_faults(settings, at, name, of, other)
    if found:
        return found
    for claim, entry in settings.claims.items():
        there = dict.fromkeys(criterion["null"] for criterion in asked(settings, claim))
        for name in entry.get("nulls", {}):
            at = f"claims.{claim}.nulls"
            if name not in settings.nulls:
                found.append(f"{at}: {unknown(name, settings.nulls)}")
            elif name not in there:
                found.append(f"{at}.{name}: stands in for nothing that this claim's effects ask of")
    return found


def _options(settings: "Settings", runs: str) -> dict[str, Any]:
    experiment, condition = runs.split("/")
    return dict(settings.experiments[experiment][condition])


def _of_one_task(settings: "Settings", of: str, other: str) -> bool:
    """Whether the data sets of two conditions are equal but for their names."""
    one, two = (settings.datasets[_options(settings, runs)["dataset"]] for runs in (of, other))
    return one == two


def _redraw_faults(settings: "Settings", at: str, name: str, of: str, other: str) -> list[str]:
    """What else than the init, or than the split of the data, is another in runs drawn anew."""
    own, again = (_options(settings, runs) for runs in (of, other))
    anew = "redraw_init" if name == "other_init" else "dataset"
    one, two = own.pop(anew, False), again.pop(anew, False)
    differing = [key for key in sorted({*own, *again}) if own.get(key) != again.get(key)]
    if differing:
        return [f"{at}: {other} differs in {', '.join(differing)} too"]
    return [f"{at}: {other} has the same {anew}: {one}"] if one == two else []
