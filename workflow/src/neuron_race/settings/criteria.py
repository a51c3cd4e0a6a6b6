"""Criteria against the dictionary of statistics: what can only go wrong is told before any job."""

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from neuron_race.common.validation import unknown
from neuron_race.settings import dictionary
from neuron_race.settings.dictionary.statistic import ZERO_OR_ONE, Statistic, Table
from neuron_race.settings.resolved import Settings

Criterion = Mapping[str, Any]
Range = tuple[float, float]
Described = tuple[Table, dict[str, Statistic], dict[str, Any]]
Describe = Callable[[str, str], Described | None]


def faults(settings: Settings) -> list[str]:
    """Faults of criteria and figure tables, each with its claim and key, and what is allowed.

    Experiments and conditions that do not exist are left to others to tell.
    """
    describe = cache(partial(_described, settings))
    found = []
    for name, claim in settings.claims.items():
        found += [f"claims.{name}.figure_tables: {fault}" for fault in _figures(settings, claim)]
        for criterion in claim["criteria"]:
            at = f"claims.{name}.{criterion['name']}"
            found += [f"{at}.{fault}" for fault in _criterion(criterion, describe)]
    return found


def _described(settings: Settings, table: str, runs: str) -> Described | None:
    """A table of a condition, its columns and the options; None if there is no such condition."""
    experiment, condition = runs.split("/")
    own = settings.measured(table).get(experiment, {}).get(condition)
    if own is None:
        return None
    options = {**own, "outputs": dictionary.outputs(settings.datasets[own["dataset"]])}
    found = dictionary.table(table, options)
    return found, found.columns(options), options


def _terms(criterion: Criterion) -> list[tuple[float, str, str, str]]:
    """A criterion's value as a sum over columns: weight, key of the register, runs, column."""
    name = criterion["statistic"]
    if "trend" in criterion:
        x = [math.log2(point["x"]) for point in criterion["trend"]]
        mean = math.fsum(x) / len(x)
        spread = math.fsum((own - mean) ** 2 for own in x) or math.inf
        return [
            ((own - mean) / spread, "trend", point["runs"], name)
            for own, point in zip(x, criterion["trend"], strict=True)
        ]
    terms = [(1.0, "statistic", criterion["runs"], name)]
    if "minus" in criterion:
        terms.append((-1.0, "minus", criterion["minus"], name))
    if "minus_statistic" in criterion:
        terms.append((-1.0, "minus_statistic", criterion["runs"], criterion["minus_statistic"]))
    return terms


def _criterion(criterion: Criterion, describe: Describe) -> list[str]:
    """Faults of one criterion, without its name."""
    found: list[str] = []
    terms, ranges = _terms(criterion), []
    places = [(runs, name) for _, _, runs, name in terms]
    for i, (_, key, runs, name) in enumerate(terms):
        if places[i] in places[:i]:
            found.append(f"{key}: {name} of {runs} is taken twice")
    proportion, plain = criterion.get("proportion", False), len(terms) == 1
    if proportion and not plain:
        found.append("proportion: a difference or a slope is no proportion")
    for weight, key, runs, name in terms:
        described = describe(criterion["table"], runs)
        if described is None:
            continue
        table, columns, options = described
        if name not in columns:
            known = unknown(name, columns, table.listed(options))
            found.append(f"{key}: {known} (table {criterion['table']} of {runs})")
            continue
        statistic = columns[name]
        if statistic.undefined(options):
            found.append(f"{key}: {name} of {runs} is undefined {statistic.never}")
        zero_or_one = statistic.kind == ZERO_OR_ONE
        if proportion and not zero_or_one:
            found.append(f"proportion: {name} is no statistic that is 0 or 1 in each run")
        if plain and zero_or_one and not proportion:
            found.append(f"proportion: must be true, for {name} is 0 or 1 in each run")
        low, high = statistic.range(options)
        bounds = (weight * low, weight * high) if weight else (0.0, 0.0)
        ranges.append((min(bounds), max(bounds)))
    if proportion and not 0 < criterion["threshold"] < 1:
        found.append(
            f"threshold: that of a proportion lies between 0 and 1, got {criterion['threshold']:g}"
        )
    elif not found and len(ranges) == len(terms):
        found += _undecidable(criterion, (sum(r[0] for r in ranges), sum(r[1] for r in ranges)))
    return list(dict.fromkeys(found))


def _undecidable(criterion: Criterion, possible: Range) -> list[str]:
    """A threshold that all possible values, or none of them, satisfy."""
    (low, high), threshold, direction = possible, criterion["threshold"], criterion["direction"]
    holds, fails = {
        "above": (high > threshold, low <= threshold),
        "below": (low < threshold, high >= threshold),
        "within": (low < threshold and high > -threshold, low <= -threshold or high >= threshold),
    }[direction]
    if holds and fails:
        return []
    what = criterion["statistic"]
    if "trend" in criterion:
        what = f"the slope of {what}"
    elif {"minus", "minus_statistic"} & set(criterion):
        what = f"the difference of {what}"
    sign = "±" if direction == "within" else ""
    return [
        f"threshold: {direction} {sign}{threshold:g} can only {'hold' if holds else 'fail'}: "
        f"{what} lies between {low:.6g} and {high:.6g}"
    ]


def _figures(settings: Settings, claim: Mapping[str, Any]) -> list[str]:
    """Tables of a figure that no job makes."""
    found = []
    for path in claim["figure_tables"]:
        table, experiment, _ = path.split("/")
        conditions = settings.measured(table).get(experiment)
        if conditions is None:
            continue
        files = dictionary.table(table, next(iter(conditions.values()))).files
        known = [f"{table}/{experiment}/{name}.csv" for name in files]
        if path not in known:
            found.append(unknown(path, known))
        elif table == "race" and not settings.forecastable(experiment):
            found.append(
                f"{path} is never made: no condition of {experiment} can be forecast, which needs "
                "alpha <= 0.01 and nothing frozen"
            )
        elif table in dictionary.SELECTIVE and not settings.conditions_read(table, experiment):
            found.append(f"{path} is made only of conditions that a criterion reads from {table}")
    return found
