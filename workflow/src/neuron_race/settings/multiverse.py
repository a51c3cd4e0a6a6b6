"""The multiverse: which decisions there are, and universes that draw one option of each."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from neuron_race.common.seeds import stream
from neuron_race.common.validation import SettingsError
from neuron_race.common.words import told
from neuron_race.data import datasets as data_sets
from neuron_race.settings.dictionary.multiverse import CLAIMED

Section = Mapping[str, Any]
NAME = "multiverse"
# What each decision decides: an option of the sample, of the training, or of what is asked of it.
SAMPLED = {"centring": "centre", "samples": "n_train"}
TRAINED = ("alpha", "bias", "head", "loss", "rate", "width")
JUDGED = ("cosine", "drop", "moment")
DROP = 0.1  # which after_drop counts from
END = "end"


def resolved(section: Section | None, device: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    """What jobs are told: ``universes``, ``shards``, ``data``, ``decisions`` and ``criteria``.

    Raises:
        SettingsError: a criterion that is to lend its threshold is not one of its claim's.
    """
    if section is None:
        return {}
    if wrong := list(_unknown_criteria(section, claims)):
        raise SettingsError("\n".join(f"config: {fault}" for fault in wrong))
    kept = {key: section[key] for key in ("shards", "data", "decisions")}
    found = universes(section, device)
    return {**kept, "universes": found, "criteria": criteria(section, claims)}


def universes(section: Section, device: str) -> list[dict[str, Any]]:
    """All universes. Each depends on the seed and its number alone, not on how many there are.

    Returns:
        For each: its number ``universe`` and ``decisions`` (name -> option in words); ``sample``
        (options of the data, without classes), ``classes`` (a pair for each task), ``options`` of
        the training, ``kept`` (fractions of the initial loss whose loss is a moment of judgement),
        and ``judged``, what decides statistics alone.
    """
    count, tasks, seed = (section[key] for key in ("universes", "tasks", "seed"))
    drawn = {
        name: [
            decision["options"][int(at * len(decision["options"]))]
            for at in stream(NAME, seed, f"decision {name}").random(count)
        ]
        for name, decision in section["decisions"].items()
    }
    shared = {
        **{key: section[key] for key in ("after_drop", "max_steps", "precision", "snapshots")},
        **{"drops": _drops(section), "device": device},
    }
    kept = _fitted(section)
    found = []
    for number in range(count):
        seeds = [seed + tasks * number + task for task in range(tasks)]
        decisions = {name: chosen[number] for name, chosen in drawn.items()}
        data = dict(section["data"][decisions["data"]])
        pairs = list(combinations(data.pop("classes"), 2))
        which = stream(NAME, seeds[0], "pairs").choice(len(pairs), tasks, replace=False)
        sampled = {key: decisions[name] for name, key in SAMPLED.items()}
        trained = {name: decisions[name] for name in TRAINED}
        found.append(
            {
                "universe": number,
                "decisions": {name: told(option) for name, option in decisions.items()},
                # No statistic asks for other samples than those trained on.
                "sample": {**data, **sampled, "n_test": 1},
                "classes": [list(pairs[pair]) for pair in which.tolist()],
                "kept": kept,
                "options": {**shared, **trained, "seeds": seeds},
                "judged": {name: decisions[name] for name in JUDGED},
            }
        )
    return found


def _fitted(section: Section) -> list[float]:
    """Fractions of the initial loss whose loss is a moment of judgement."""
    moments = section["decisions"]["moment"]["options"]
    return [round(1 - moment, 9) for moment in moments if moment != END]


def _drops(section: Section) -> list[float]:
    """Fractions whose loss is an event of some universe: its drop, or its judgement."""
    return sorted({DROP, *section["decisions"]["drop"]["options"], *_fitted(section)})


def shard(found: list[dict[str, Any]], number: int, shards: int) -> list[dict[str, Any]]:
    """What one job trains: every so many-th universe, without what decides statistics alone."""
    untrained = ("judged", "decisions")
    return [
        {key: value for key, value in universe.items() if key not in untrained}
        for universe in found[number::shards]
    ]


def faults(section: Section | None, images: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the section that its schema can't tell.

    Args:
        section: ``multiverse`` of the configuration.
        images: section of the settings.
    """
    if section is None:
        return
    decisions, data = section["decisions"], section["data"]
    for name, decision in decisions.items():
        if decision["paper"] not in (None, *decision["options"]):
            allowed = ", ".join(map(str, decision["options"]))
            yield f"{NAME}.decisions.{name}.paper: {decision['paper']!r} is none of {allowed}"
    moments = decisions["moment"]["options"]
    wrong = [at for at in moments if at != END and not (isinstance(at, float) and 0 < at < 1)]
    if wrong:
        yield (
            f"{NAME}.decisions.moment.options: {wrong[0]!r} is neither {END} nor a fraction of the "
            "initial loss, between 0 and 1"
        )
        return
    percents = [round(100 * drop) for drop in _drops(section)]
    if len(set(percents)) < len(percents):
        yield f"{NAME}.decisions: drops and moments must differ when rounded to whole per cents"
    if section["shards"] > section["universes"]:
        yield f"{NAME}.shards: {section['shards']} for {section['universes']} universes"
    for name in decisions["data"]["options"]:
        if name not in data:
            yield f"{NAME}.decisions.data: {name!r} is none of {', '.join(data)}"
            continue
        if (data[name]["kind"] == "images") != ("images" in data[name]):
            yield f"{NAME}.data.{name}.images: for data of kind images, and for no others"
            continue
        pairs = list(combinations(data[name]["classes"], 2))
        if len(pairs) < section["tasks"]:
            yield f"{NAME}.tasks: {section['tasks']}, but {name} has {len(pairs)} pairs of classes"
        sizes = {"n_train": max(decisions["samples"]["options"]), "n_test": 1}
        own = (data_sets.faults({**data[name], **sizes, "classes": p}, images) for p in pairs)
        # Of the first pair alone that has too few images, for others say the same.
        yield from (f"{NAME}.data.{name}.{fault}" for fault in next(filter(None, own), []))


def _unknown_criteria(section: Section, claims: Mapping[str, Any]) -> Iterator[str]:
    """Criteria that are to lend their thresholds, and are not in a claim of the register."""
    for statistic, claim in CLAIMED.items():
        name = section["criteria"][statistic]
        known = [criterion["name"] for criterion in claims.get(claim, {}).get("criteria", [])]
        if known and name not in known:
            at = f"{NAME}.criteria.{statistic}"
            yield f"{at}: {name!r} is no criterion of {claim}, which has {', '.join(known)}"


def criteria(section: Section, claims: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What statistics are held against: claim, statistic, and the criterion's threshold.

    A statistic of a claim that the register lacks has no threshold.
    """
    found = []
    for statistic, claim in CLAIMED.items():
        own = {c["name"]: c for c in claims.get(claim, {}).get("criteria", [])}
        lent = own.get(section["criteria"][statistic], {})
        kept = {key: lent.get(key) for key in ("threshold", "direction")}
        found.append({"claim": claim, "statistic": statistic, **kept})
    return found
