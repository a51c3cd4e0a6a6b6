"""What the workflow asks of the configuration and the register, once they are read."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neuron_race.data import kind
from neuron_race.settings import dictionary, nulls


@dataclass(frozen=True)
class Settings:
    """What the workflow asks of the configuration.

    Attributes:
        preset: name of the preset.
        seeds: seeds of the runs.
        datasets: options of each data set.
        experiments: experiment -> condition -> all options of that condition.
        weight_tickets: protocol -> task -> options, for tickets of single weights.
        claims: claims by id, with the id inside.
        equations: one line for each equation of ``paper_notes.md``.
        explorer: what the race explorer shows: ``seeds``, ``snapshots`` and ``conditions``.
        nulls: what lacks a part of the theory, by name.
        unopened: tasks that nothing has seen, in words.
        shard: what one training job trains, all of an ``experiment`` or one ``condition``.
        extensions: target -> condition -> all options of that condition.
        multiverse: see :func:`neuron_race.settings.multiverse.resolved`.
        redraws: of ``other_init`` and ``other_split``, runs and those that repeat their task.
    """

    preset: str
    seeds: list[int]
    datasets: dict[str, dict[str, Any]]
    experiments: dict[str, dict[str, dict[str, Any]]]
    weight_tickets: dict[str, dict[str, dict[str, Any]]]
    claims: dict[str, dict[str, Any]]
    equations: dict[str, str]
    explorer: dict[str, Any]
    nulls: dict[str, dict[str, Any]] = field(default_factory=dict)
    unopened: list[str] = field(default_factory=list)
    shard: str = "experiment"
    extensions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    multiverse: dict[str, Any] = field(default_factory=dict)
    redraws: dict[str, dict[str, str]] = field(default_factory=dict)

    def measured(self, table: str) -> dict[str, dict[str, dict[str, Any]]]:
        """What has a table of this name: experiments, extensions, or protocols of tickets."""
        others = {"weights": self.weight_tickets, "extension": self.extensions}
        return others.get(table, self.experiments)

    def tables(self, claim: str) -> list[tuple[str, str]]:
        """Pairs (table, experiment) that a claim's criteria read, of nulls too, each once."""
        return list(
            dict.fromkeys(
                (table, runs.split("/")[0])
                for criterion in self.asked(claim)
                for table, runs in sources(criterion)
            )
        )

    def asked(self, claim: str) -> list[dict[str, Any]]:
        """A claim's criteria, and its effects as asked of nulls and of the same tasks redrawn."""
        return list(self._asked[claim])

    @functools.cached_property
    def _asked(self) -> dict[str, list[dict[str, Any]]]:
        """Of each claim, for a plan asks hundreds of times."""
        return {
            name: [*claim["criteria"], *nulls.asked(self, name), *nulls.redrawn(self, name)]
            for name, claim in self.claims.items()
        }

    def tasks(self, claim: str) -> dict[str, dict[int, str]]:
        """Tasks of the runs that a claim rests on, where each run has its own: by run and seed."""
        return self._tasks({pair for own in self.asked(claim) for pair in sources(own)})

    def tasks_drawn(self, claim: str) -> dict[str, dict[int, str]]:
        """The same of all runs whose tables the claim's figure draws."""
        return self.tasks_measured(self.claims[claim]["figure_tables"])

    def tasks_measured(self, paths: Iterable[str]) -> dict[str, dict[int, str]]:
        """The same of all runs in tables ``table/experiment/name.csv``."""
        parts = [path.split("/") for path in paths]
        return self._tasks(
            {
                (table, f"{experiment}/{condition}")
                for table, experiment, _ in parts
                for condition in self.measured(table)[experiment]
            }
        )

    def _tasks(self, pairs: set[tuple[str, str]]) -> dict[str, dict[int, str]]:
        """Tasks of the runs of pairs (table, ``experiment/condition``)."""
        found = {}
        for table, runs in pairs:
            experiment, condition = runs.split("/")
            options = self.measured(table)[experiment][condition]
            own = self.datasets[options["dataset"]]
            of = kind.of(own["kind"]).task
            named = {seed: of(own, seed) for seed in options["seeds"]}
            if tasks := {seed: task for seed, task in named.items() if task}:
                found[runs] = tasks
        return {runs: found[runs] for runs in sorted(found)}

    def datasets_of(self, experiment: str) -> list[str]:
        """Data sets that the conditions of an experiment or an extension use, each once."""
        conditions = {**self.experiments, **self.extensions}[experiment]
        return list(dict.fromkeys(options["dataset"] for options in conditions.values()))

    def forecastable(self, experiment: str) -> dict[str, dict[str, Any]]:
        """Options of conditions that can be forecast: a plateau at f = 0, and nothing frozen."""
        return {
            name: options
            for name, options in self.experiments[experiment].items()
            if options["alpha"] <= 0.01 and not options.get("freeze")
        }

    def conditions_read(
        self, table: str, experiment: str, statistic: str | None = None
    ) -> list[str]:
        """Conditions of an experiment that any claim reads from a table, each once.

        Of one statistic, or of any.
        """
        read = self._read.get((table, experiment), [])
        return list(dict.fromkeys(name for name, of in read if statistic in (None, of)))

    @functools.cached_property
    def _read(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Conditions and statistics that criteria read, by table and experiment."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for claim in self.claims.values():
            for criterion in claim["criteria"]:
                for table, runs in sources(criterion):
                    experiment, condition = runs.split("/")
                    own = (condition, criterion["statistic"])
                    found.setdefault((table, experiment), []).append(own)
        return found

    def predicted(self, experiment: str) -> dict[str, dict[str, Any]]:
        """Options of the conditions whose predictions any claim reads."""
        read = {*self.conditions_read("laws", experiment)}
        read |= {*self.conditions_read("delays", experiment)}
        own = self.experiments[experiment]
        return {name: own[name] for name in own if name in read}

    def impossible(self) -> list[str]:
        """Faults: criteria that need of a condition what it can't have, such as a forecast."""
        return [
            f"claims.{claim['id']}.{criterion['name']}: {runs} {fault}"
            for claim in self.claims.values()
            for criterion in claim["criteria"]
            for table, runs in sources(criterion)
            for fault in self._impossible(table, *runs.split("/"))
        ]

    def _impossible(self, table: str, experiment: str, condition: str) -> list[str]:
        """What a table can't be made of, and why; conditions of experiments only."""
        options = self.experiments.get(experiment, {}).get(condition, {})
        found = []
        forecast = ("race", "tickets", "audit", "late_winners")
        if table in forecast and condition not in self.forecastable(experiment):
            found.append("can't be forecast, which needs alpha <= 0.01 and nothing frozen")
        if table not in ("laws", "delays", "late_winners"):
            return found
        one = dictionary.outputs(self.datasets[options["dataset"]]) == 1
        if table == "late_winners" and not (one and options["loss"] == "squared"):
            found.append("can't be replayed, which needs one output and loss: squared")
        if table != "late_winners" and options.get("freeze"):
            found.append("can't be predicted, which needs nothing frozen")
        return found


def sources(criterion: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tables that a criterion reads, as pairs (table, "experiment/condition")."""
    where = [criterion["runs"]] if "runs" in criterion else []
    where += [criterion["minus"]] if "minus" in criterion else []
    where += [point["runs"] for point in criterion.get("trend", [])]
    return [(criterion["table"], runs) for runs in where]
