"""What jobs will cost: time, memory and disk, scaled from what jobs have cost.

The measured costs are those of a run of the default preset (``docs/reference/costs.csv``). The time
of a job is a start-up plus a rate times its work; the rate is measured, the work counted.
"""

import csv
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_race.common.storage import ResultError
from neuron_race.data import kind as data_kind
from neuron_race.settings import dictionary
from neuron_race.settings.resolved import Settings
from neuron_race.training.recipe import Recipe, snapshot_steps

FLOAT = 8  # bytes
CACHE = 30e6  # bytes
MEASURED_PER_NEURON = 8  # arrays (S, T, m) of a run file
# Values per fetched image; of others as many as the largest of these.
DIMENSIONS = {"mnist": 784, "cifar10": 3072}
# Memory of a process that has imported what it needs, in MB: measured at small work.
BASE_MB = {"torch": 450, "tables": 250}


@dataclass(frozen=True)
class Size:
    """The numbers that decide what a condition costs: S runs, N samples, m neurons, ..."""

    seeds: int
    samples: int
    tested: int
    neurons: int
    dim: int
    kept: int
    outputs: int
    steps: int
    snapshots: int
    events: int
    weights: int
    basis: int

    @classmethod
    def of(cls, options: Mapping[str, Any], data: Mapping[str, Any]) -> "Size":
        """Size of a condition with these options on a data set with those."""
        recipe = Recipe.of(options)
        dim, outputs = dimensions(data)
        dim += bool(options.get("bias", False))
        rank = min(dim, data["n_train"]) if options.get("reduce", True) else dim
        seeds, m = len(options["seeds"]), options["width"]
        kept = min(dim, rank + m)
        snapshots = _snapshots(recipe.max_steps, recipe.snapshots)
        twice = 2 if options.get("without") == "gates" else 1  # each sample has its mirror image
        weights = FLOAT * seeds * snapshots * m * (kept + outputs)
        return cls(
            seeds=seeds,
            samples=twice * data["n_train"],
            tested=data["n_test"],
            neurons=m,
            dim=rank,
            kept=kept,
            outputs=outputs,
            steps=recipe.max_steps,
            snapshots=snapshots,
            events=len(recipe.events),
            weights=weights if weights <= recipe.max_weight_bytes else 0,
            # Whether the data span less than their coordinates shows only when they are there.
            basis=seeds * dim * kept if options.get("reduce", True) else 0,
        )

    @property
    def training(self) -> float:
        """Work of training, up to a constant: S N m (d + k + 8) per step.

        The 8 are passes over the activations; they and the products slow down where the
        activations leave the cache (both measured: width 200 and 300, d = 20 and 54; width 4096).
        """
        activations = self.seeds * self.samples * self.neurons
        slower = 3 if FLOAT * activations > CACHE else 1
        return slower * activations * (self.dim + self.outputs + 8) * self.steps

    @property
    def measuring(self) -> float:
        """Work of the tables, up to a constant: neurons are compared in pairs, S m (m + N)."""
        return self.seeds * self.neurons * (self.neurons + self.samples)

    @property
    def file_bytes(self) -> int:
        """Bytes of the run file."""
        S, m, k = self.seeds, self.neurons, self.outputs
        events = S * self.events * m * (self.kept + k)
        measured = MEASURED_PER_NEURON * S * (self.snapshots + 1) * m
        data = S * (self.samples * (self.dim + k) + self.tested * (self.kept + k))
        return FLOAT * (events + measured + data + self.basis) + self.weights

    @property
    def training_mb(self) -> int:
        """Peak memory of training: the results, twice while they are written, and activations."""
        activations = 4 * FLOAT * self.seeds * self.samples * self.neurons
        return BASE_MB["torch"] + math.ceil((2 * self.file_bytes + activations) / 1e6)

    @property
    def measuring_mb(self) -> int:
        """Peak memory of a table: one condition, copies of its events, all pairs of one run."""
        pairs = 4 * FLOAT * self.neurons**2
        return BASE_MB["tables"] + math.ceil((2 * self.file_bytes + pairs) / 1e6)


def dimensions(data: Mapping[str, Any]) -> tuple[int, int]:
    """Input and output dimension of a data set."""
    if "images" in data:
        known = DIMENSIONS.get(data["images"])
    else:
        known = data_kind.of(data["kind"]).inputs(data)
    return known or max(DIMENSIONS.values()), dictionary.outputs(data)


@dataclass(frozen=True)
class Cost:
    """Of one job: time in seconds of one core, peak memory in MB, disk in bytes."""

    seconds: float
    memory_mb: float
    disk: float
    rule: str
    name: str


TRAINED = ("train", "forecast", "tickets", "audit", "delays", "late_winners")
STUDIES = ("train_study", "extension")  # each target has a model of its own
BY_SEEDS = ("weight_tickets", "dataset")
SHARDS = ("multiverse_train", "multiverse_measure")
MULTIVERSE = (*SHARDS, "multiverse_runs", "multiverse_claims")
TABLES = ("dynamics", "compression", "moments", "race", "cosines", "predict", "laws")


@functools.cache
def _snapshots(max_steps: int, snapshots: int) -> int:
    """How many snapshots there are; a plan asks thousands of times."""
    return len(snapshot_steps(max_steps, snapshots))


def job(path: Path | str) -> tuple[str, str]:
    """Rule and name of the job with this benchmark file; the name is that of a lone job's rule."""
    inside = Path(path).with_suffix("").as_posix().rpartition("benchmarks/")[2]
    rule, _, name = inside.partition("/")
    return rule, name or rule


def sizes(settings: Settings, rule: str, name: str) -> list[Size]:
    """Sizes of a job's conditions; ``name`` is ``experiment`` or ``experiment/condition``."""
    experiment, _, condition = name.partition("/")
    if rule in ("forecast", "race"):
        wanted = list(settings.forecastable(experiment))
    elif rule == "predict":
        wanted = list(settings.predicted(experiment))
    elif rule in dictionary.SELECTIVE:
        wanted = settings.conditions_read(rule, experiment)
    else:
        wanted = [condition] if condition else list(settings.experiments[experiment])
    options = [settings.experiments[experiment][one] for one in wanted]
    return [Size.of(one, settings.datasets[one["dataset"]]) for one in options]


def work(settings: Settings, rule: str, name: str) -> float:
    """Work of a job in the units of its rule; 1 where it does not depend on sizes."""
    if rule in TRAINED:
        return sum(size.training for size in sizes(settings, rule, name))
    if rule in TABLES:
        return sum(size.measuring for size in sizes(settings, rule, name))
    if rule in STUDIES:  # of images, positions count: channels cost in the first layer only
        data = settings.datasets
        return sum(
            len(o["seeds"]) * o["max_steps"] * _values(data[o["dataset"]]) / o.get("channels", 1)
            for o in settings.extensions[name].values()
        )
    if rule in MULTIVERSE:  # one of the shards, or all
        shards = settings.multiverse["shards"] if rule in SHARDS else 1
        return len(settings.multiverse["universes"]) / shards
    return float(len(settings.seeds)) if rule in BY_SEEDS else 1.0


def _values(data: Mapping[str, Any]) -> float:
    """Numbers in the inputs that are trained on."""
    return float(data["n_train"] * dimensions(data)[0])


def shard_mb(settings: Settings) -> int:
    """Peak memory of measuring a shard of the multiverse: all pairs of neurons of the widest
    network, once for SciPy and once for the copy that it works on, and what else there is."""
    widest = max(settings.multiverse["decisions"]["width"]["options"])
    return BASE_MB["torch"] + 500 + math.ceil(FLOAT * widest**2 / 1e6)


def memory_mb(settings: Settings, rule: str, name: str) -> int:
    """Peak memory of a job in MB, from sizes alone."""
    largest = sizes(settings, rule, name)
    if rule in TRAINED:
        return max((size.training_mb for size in largest), default=BASE_MB["torch"])
    return max((size.measuring_mb for size in largest), default=BASE_MB["tables"])


def read_measured(path: Path) -> list[Cost]:
    """Measured costs, a table ``rule, name, seconds, memory_mb`` with one row per job.

    Read at each start of the workflow, hence without pandas.

    Raises:
        ResultError: no such table.
    """
    try:
        with open(path, encoding="utf-8", newline="") as table:
            return [
                Cost(float(row["seconds"]), float(row["memory_mb"]), 0.0, row["rule"], row["name"])
                for row in csv.DictReader(table)
            ]
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise ResultError(f"{path}: no table of measured costs ({error!r})") from error


class Forecaster:
    """Costs of any preset's jobs, from the measured costs of the default preset's."""

    def __init__(self, measured: Iterable[Cost], default: Settings):
        """Fit rates.

        Args:
            measured: see :func:`read_measured`.
            default: the preset that was measured; jobs that it no longer has are left out.
        """
        self.rates: dict[str, float] = {}
        self.startup: dict[str, float] = {}
        self.memory: dict[str, float] = {}
        jobs: dict[str, list[Cost]] = {}
        for job in measured:
            jobs.setdefault(kind(job.rule, job.name), []).append(job)
        for what, own in jobs.items():
            own = [job for job in own if _known(default, job)]
            if not own:
                continue
            done = sum(work(default, job.rule, job.name) for job in own)
            scaled = own[0].rule in (*TRAINED, *TABLES, *BY_SEEDS)
            # Time of the smallest job, of which most is start-up.
            least = min(3.0, *(job.seconds for job in own)) if scaled else 0.0
            self.startup[what] = least
            self.rates[what] = sum(max(0.0, job.seconds - least) for job in own) / done
            self.memory[what] = max(job.memory_mb for job in own)

    def cost(self, settings: Settings, rule: str, name: str) -> Cost:
        """Cost of one job; rules that were not measured (downloads) count as nothing."""
        what = kind(rule, name)
        if rule in STUDIES and what not in self.rates:  # a copy costs as its original does
            what = max((k for k in self.rates if what.startswith(f"{k}_")), key=len, default=what)
        if what not in self.rates:
            return Cost(0.0, 0.0, 0.0, rule, name)
        seconds = self.startup[what] + self.rates[what] * work(settings, rule, name)
        memory = self.memory[what]
        disk = 1e6  # tables, verdicts and figures are small
        if rule in (*TRAINED, *TABLES):
            memory = max(memory, memory_mb(settings, rule, name))
        if rule == "multiverse_measure":
            memory = max(memory, shard_mb(settings))
        if rule == "train":
            disk = sum(size.file_bytes for size in sizes(settings, rule, name))
        if rule == "dataset":
            data = settings.datasets[name]
            dim, k = dimensions(data)
            disk = FLOAT * len(settings.seeds) * (data["n_train"] + data["n_test"]) * (dim + k)
        return Cost(seconds, memory, disk, rule, name)

    def minutes(self, settings: Settings, rule: str, name: str) -> int:
        """Time limit of a job: three times what is planned, on a machine like the measured one, and
        ten minutes more; an hour at most, which no job of a preset needs (`make plan`)."""
        return min(60, 10 + math.ceil(3 * self.cost(settings, rule, name).seconds / 60))


def _known(settings: Settings, job: Cost) -> bool:
    try:
        return work(settings, job.rule, job.name) > 0
    except KeyError:
        return False


def kind(rule: str, name: str) -> str:
    """Jobs whose costs scale alike: those of a rule, but each extension has a model of its own."""
    return f"{rule}/{name}" if rule in STUDIES else rule
