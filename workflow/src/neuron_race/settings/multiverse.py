"""The multiverse: which decisions there are, and universes that draw one option of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

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
    found = Universes(section, device)
    return {**kept, "universes": found, "criteria": criteria(section, claims)}


@dataclass(frozen=True)
class Universes(Sequence[dict[str, Any]]):
    """All universes, each made when it is asked for: there may be a million, and a job needs few.

    Each depends on the seed and its number alone, not on how many there are. It has its number
    ``universe`` and ``decisions`` (name -> option in words); ``sample`` (options of the data,
    without classes), ``classes`` (a pair for each task), ``options`` of the training, ``kept``
    (fractions of the initial loss whose loss is a moment of judgement), and ``judged``, what
    decides statistics alone.
    """

    section: Section
    device: str

    @cached_property
    def _drawn(self) -> dict[str, NDArray[np.float64]]:
        """For each decision a number in [0, 1) for each universe."""
        seed, decisions = self.section["seed"], self.section["decisions"]
        return {n: stream(NAME, seed, f"decision {n}").random(len(self)) for n in decisions}

    @cached_property
    def _shared(self) -> dict[str, Any]:
        """Options that all have in common."""
        keys = ("after_drop", "max_steps", "precision", "snapshots")
        shared = {key: self.section[key] for key in keys}
        return {**shared, "drops": _drops(self.section), "device": self.device}

    def __len__(self) -> int:
        return int(self.section["universes"])

    @overload
    def __getitem__(self, which: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, which: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, which: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """The universe of a number, or a list of some."""
        numbers = range(len(self))[which]
        return self._one(numbers) if isinstance(numbers, int) else list(map(self._one, numbers))

    def _one(self, number: int) -> dict[str, Any]:
        section = self.section
        decisions = {
            name: decision["options"][int(self._drawn[name][number] * len(decision["options"]))]
            for name, decision in section["decisions"].items()
        }
        tasks = int(section["tasks"])
        seeds = [section["seed"] + tasks * number + task for task in range(tasks)]
        data = dict(section["data"][decisions["data"]])
        pairs = list(combinations(data.pop("classes"), 2))
        which = stream(NAME, seeds[0], "pairs").choice(len(pairs), tasks, replace=False)
        sampled = {key: decisions[name] for name, key in SAMPLED.items()}
        trained = {name: decisions[name] for name in TRAINED}
        return {
            "universe": number,
            "decisions": {name: told(option) for name, option in decisions.items()},
            # No statistic asks for other samples than those trained on.
            "sample": {**data, **sampled, "n_test": 1},
            "classes": [list(pairs[pair]) for pair in which.tolist()],
            "kept": _fitted(section),
            "options": {**self._shared, **trained, "seeds": seeds},
            "judged": {name: decisions[name] for name in JUDGED},
        }


def _fitted(section: Section) -> list[float]:
    """Fractions of the initial loss whose loss is a moment of judgement."""
    moments = section["decisions"]["moment"]["options"]
    return [round(1 - moment, 9) for moment in moments if moment != END]


def _drops(section: Section) -> list[float]:
    """Fractions whose loss is an event of some universe: its drop, or its judgement."""
    return sorted({DROP, *section["decisions"]["drop"]["options"], *_fitted(section)})


def shard(found: Universes, number: int, shards: int) -> list[dict[str, Any]]:
    """The universes of one job, with what they are asked.

    They follow one another, so that tables of shards need only be put together; and as many more
    shards as universes leave the others as they were.

    Raises:
        SettingsError: there are not so many shards.
    """
    if number >= shards:
        raise SettingsError(f"{NAME}.shards: no shard {number}, for there are 0 to {shards - 1}")
    first, end = (at * len(found) // shards for at in (number, number + 1))
    return found[first:end]


def to_train(universes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a training is told of universes: nothing of what decides statistics alone."""
    asked = ("judged", "decisions")
    return [{k: v for k, v in universe.items() if k not in asked} for universe in universes]


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
