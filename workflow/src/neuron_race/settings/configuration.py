"""The configuration and the claims register, checked before anything runs."""

import functools
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

from neuron_race.common.imports import without
from neuron_race.settings import criteria, dictionary, register
from neuron_race.settings.canonical import canonical, in_order
from neuron_race.settings.options import (
    EXTENSION_KEYS,
    GAIN_PARTS,
    MODEL_KEYS,
    ONE_LAYER,
    unread_options,
)
from neuron_race.settings.reading import MAX_DEPTH, SettingsError, read_yaml

# Read before every run, even one with nothing to do, so imports are few. One of jsonschema's
# optional checkers, of a format that no schema here has, compiles a grammar at import (1 s).
with without("rfc3987_syntax"):
    from jsonschema import Draft202012Validator, validators

SCHEMAS = Path(__file__).with_name("schemas")
# Pixels of scikit-learn's digits, whose import is slow, and how many there are of each class.
DIGITS_PIXELS = 64
DIGITS_PER_CLASS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
MAX_ENTRIES = 200_000  # of a configuration; the full preset has some 2,000


# JSON Schema takes 3.0 for an integer; as a width or a number of seeds it is none.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


# Pixels, times colours, of what a loader of images gives.
PIXELS = {"mnist": 28 * 28, "cifar10": 3 * 32 * 32}
# Samples per step of the protocol for tickets of single weights, which imports torch.
TICKET_BATCH = 60


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
        shard: what one training job trains, all of an ``experiment`` or one ``condition``.
        extensions: target -> condition -> all options of that condition.
    """

    preset: str
    seeds: list[int]
    datasets: dict[str, dict[str, Any]]
    experiments: dict[str, dict[str, dict[str, Any]]]
    weight_tickets: dict[str, dict[str, dict[str, Any]]]
    claims: dict[str, dict[str, Any]]
    equations: dict[str, str]
    explorer: dict[str, Any]
    shard: str = "experiment"
    extensions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def tables(self, claim: str) -> list[tuple[str, str]]:
        """Pairs (table, experiment) that a claim's criteria read, each once."""
        return list(
            dict.fromkeys(
                (table, runs.split("/")[0])
                for criterion in self.claims[claim]["criteria"]
                for table, runs in sources(criterion)
            )
        )

    def datasets_of(self, experiment: str) -> list[str]:
        """Data sets that the conditions of an experiment or an extension use, each once."""
        conditions = {**self.experiments, **self.extensions}[experiment]
        return list(dict.fromkeys(options["dataset"] for options in conditions.values()))

    def forecastable(self, experiment: str) -> list[str]:
        """Conditions that can be forecast: with a plateau at f = 0, and nothing frozen."""
        return [
            name
            for name, options in self.experiments[experiment].items()
            if options["alpha"] <= 0.01 and not options.get("freeze")
        ]

    def conditions_read(self, table: str, experiment: str) -> list[str]:
        """Conditions of an experiment that any claim reads from a table, each once."""
        return list(
            dict.fromkeys(
                runs.split("/")[1]
                for claim in self.claims.values()
                for criterion in claim["criteria"]
                for where, runs in sources(criterion)
                if where == table and runs.split("/")[0] == experiment
            )
        )

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
        if table != "late_winners" and (not one or options.get("freeze")):
            found.append("can't be predicted, which needs one output and nothing frozen")
        return found

    def forecast_conditions(self, experiment: str) -> dict[str, dict[str, Any]]:
        """Options of the conditions that are forecast."""
        return {name: self.experiments[experiment][name] for name in self.forecastable(experiment)}


def validate(content: Any, schema: str, where: str, part: str = "") -> None:
    """Check content against a JSON schema of ``workflow/src/neuron_race/settings/schemas``, or
    against one of its ``$defs``.

    Raises:
        SettingsError: one line per fault, with file, key, and what is allowed.
    """
    if (entries := _entries(content)) > MAX_ENTRIES:
        raise SettingsError(f"{where}: more than {MAX_ENTRIES} entries (aliases can blow up)")
    if entries < 0:
        raise SettingsError(f"{where}: nested too deeply")
    rules = _schema(schema)
    if part:
        rules = {"$ref": f"#/$defs/{part}", "$defs": rules["$defs"]}
    validator = Validator(rules)
    faults = [f"{key}: {value} is not a finite number" for key, value in _not_finite(content)]
    for error in sorted(validator.iter_errors(content), key=lambda e: list(map(str, e.path))):
        faults += _explain(error, content)
    if faults:
        raise SettingsError("\n".join(f"{where}: {fault}" for fault in dict.fromkeys(faults)))


@functools.cache
def _schema(name: str) -> Any:
    """A schema of ``workflow/src/neuron_race/settings/schemas``, read once."""
    return read_yaml(SCHEMAS / f"{name}.schema.yaml")


def _entries(content: Any) -> int:
    """Number of values in nested content, counted no further than the limit; -1 if too deep."""
    stack, count = [(content, 0)], 0
    while stack and count <= MAX_ENTRIES:
        value, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            return -1
        if isinstance(value, Mapping):
            stack += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            stack += [(item, depth + 1) for item in value]
    return count


def _not_finite(content: Any, key: str = "") -> list[tuple[str, float]]:
    """Keys of all numbers that are NaN or infinite, which a JSON schema can't refuse."""
    if isinstance(content, float) and not math.isfinite(content):
        return [(key, content)]
    if isinstance(content, int) and abs(content) > sys.float_info.max:
        return [(key, math.inf)]
    items: Any = ()
    if isinstance(content, Mapping):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    return [fault for k, v in items for fault in _not_finite(v, f"{key}.{k}".lstrip("."))]


def _place(content: Any, path: Iterable[Any]) -> str:
    """Where something is in content: entries of lists by their names, if they have any."""
    words: list[str] = []
    in_group = False
    for step in path:
        content = content[step]
        if in_group and step in ("group", "of"):
            in_group = False
            continue
        group = content.get("of") if isinstance(content, Mapping) else None
        in_group = isinstance(step, int) and isinstance(group, list) and bool(group)
        named = group[0] if in_group and group else content
        name = named.get("name") if isinstance(named, Mapping) else None
        if isinstance(step, int) and isinstance(name, str):
            words.append(f"group of {name}" if in_group else name)
        else:
            words.append(str(step))
    return ".".join(words) or "top level"


def _explain(error: Any, content: Any) -> list[str]:
    key = _place(content, error.absolute_path)
    if error.validator == "oneOf" and isinstance(error.instance, dict) and "kind" in error.instance:
        # Of the alternatives, only that of the kind in question says anything useful.
        kind = error.instance["kind"]
        own = [e for e in error.context if _const_kind(error.schema, e) == kind]
        return [line for e in own for line in _explain(e, content)]
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known: set[str] = set(error.schema.get("properties", {}))
        if "allOf" in error.schema:
            shared = error.schema["allOf"][0]["$ref"].rsplit("/", 1)[-1]
            known |= set(_schema("config")["$defs"][shared]["properties"])
        unknown = sorted(map(str, set(error.instance) - known))
        if not unknown:  # a known key with a bad value, which has an error of its own
            return []
        if known:
            names = ", ".join(unknown)
            return [f"{key}: unknown key {names}; allowed are {', '.join(sorted(known))}"]
    if error.validator == "pattern" and error.schema.get("description", "").startswith("Names"):
        return [f"{key}: name {error.instance!r}: {error.schema['description']}"]
    return [f"{key}: {error.message}"]


def _const_kind(schema: Mapping[str, Any], error: Any) -> str:
    index = error.schema_path[0]
    return str(schema["oneOf"][index]["$ref"]).rsplit("/", 1)[-1]


def sources(criterion: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Tables that a criterion reads, as pairs (table, "experiment/condition")."""
    where = [criterion["runs"]] if "runs" in criterion else []
    where += [criterion["minus"]] if "minus" in criterion else []
    where += [point["runs"] for point in criterion.get("trend", [])]
    return [(criterion["table"], runs) for runs in where]


def read(config: Mapping[str, Any], root: Path) -> Settings:
    """Check configuration and register, and resolve them.

    Args:
        config: merged configuration.
        root: folder that the register's path starts from.

    Raises:
        SettingsError: anything wrong, before any job starts.
    """
    where = "config"
    validate(config, "config", where)
    if config.get("replicate"):
        config = replicated(config)
        validate(config, "config", where)  # what copies change is checked like all else
    config = canonical(config, _schema("config"))
    faults: list[str] = []
    seeds = _seeds(config["seeds"], faults)
    datasets = {name: dict(options) for name, options in config["datasets"].items()}
    for name, options in datasets.items():
        faults += _dataset_faults(name, options, config)
    experiments = {
        name: _conditions(name, experiment, datasets, seeds, config["device"], faults)
        for name, experiment in config["experiments"].items()
    }
    extensions = {
        name: _extension(name, extension, datasets, seeds, config["device"], faults)
        for name, extension in config.get("extensions", {}).items()
    }
    for name, extension in extensions.items():
        for condition, options in extension.items():
            at = f"extensions.{name}.conditions.{condition}"
            faults += _model_faults(at, options, datasets, config["images"])
    faults += unread_options(config, experiments, extensions)
    for name in set(experiments) & set(extensions):
        faults.append(f"extensions.{name}: an experiment has this name too")
    for name, tasks in config.get("weight_tickets", {}).items():
        for task, options in tasks.items():
            if options["dataset"] not in datasets:
                faults.append(
                    f"weight_tickets.{name}.{task}.dataset: {options['dataset']!r} is none of "
                    f"{', '.join(datasets)}"
                )
            elif len(datasets[options["dataset"]].get("classes", [])) < 3:
                faults.append(
                    f"weight_tickets.{name}.{task}.dataset: needs images of three classes or more"
                )
            elif datasets[options["dataset"]]["n_train"] <= TICKET_BATCH:
                faults.append(
                    f"weight_tickets.{name}.{task}.dataset: a step takes {TICKET_BATCH} samples, "
                    f"and n_train of {options['dataset']!r} must be above that"
                )
    explorer = {**config["explorer"], "seeds": seeds[: config["explorer"]["seeds"]]}
    faults += _explorer_faults(explorer["conditions"], experiments)
    if faults:
        raise SettingsError("\n".join(f"{where}: {fault}" for fault in faults))
    path, told = root / config["claims"], str(config["claims"])
    written = read_register(path, told)
    weight_tickets = {
        name: {
            task: in_order({**options, "seeds": seeds, "device": config["device"]})
            for task, options in tasks.items()
        }
        for name, tasks in config.get("weight_tickets", {}).items()
    }
    copies = config.get("replicate", {})
    claims = {
        name: {"id": name, **claim, "criteria": _replicated_criteria(claim["criteria"], copies)}
        for name, claim in written["claims"].items()
    }
    faults = [
        fault
        for claim in claims.values()
        for fault in _claim_faults(claim, experiments, weight_tickets, extensions)
    ]
    faults += [
        f"claims.{name}.equations: {equation} is none of {', '.join(written['equations'])}"
        for name, claim in claims.items()
        for equation in claim["equations"]
        if equation not in written["equations"]
    ]
    settings = Settings(
        config["preset"],
        seeds,
        datasets,
        experiments,
        weight_tickets,
        claims,
        written["equations"],
        explorer,
        config.get("shard", "experiment"),
        extensions,
    )
    faults += criteria.faults(settings)
    faults = faults or settings.impossible()
    if faults:
        files = {name: register.file_of(path, told, name) for name in claims}
        raise SettingsError("\n".join(f"{files[_claim_of(fault)]}: {fault}" for fault in faults))
    return settings


def read_register(path: Path, where: str | None = None) -> dict[str, Any]:
    """The claims register, with all that its criteria inherit: ``equations`` and ``claims``.

    Args:
        path: its folder, or its file.
        where: how messages name it, the path by default.

    Raises:
        SettingsError: one line per fault, with file, claim, criterion, key, and what is allowed.
    """
    where = str(path) if where is None else where
    parts = register.parts(path, where)
    for part in parts:
        validate(part.content, "claims", part.where, part.schema)
    claims: dict[str, Any] = {}
    for part in parts:
        own = {
            name: register.complete(claim) for name, claim in part.content.get("claims", {}).items()
        }
        validate({"claims": own}, "claims", part.where, "complete")
        claims |= own
    first = parts[0].content
    order = first.get("order", [])
    faults = [criteria.unknown(name, claims) for name in order if name not in claims]
    if faults:
        raise SettingsError("\n".join(f"{parts[0].where}: order: {fault}" for fault in faults))
    whole = {
        "equations": first["equations"],
        "claims": {name: claims[name] for name in dict.fromkeys([*order, *claims])},
    }
    ordered: dict[str, Any] = canonical(whole, _schema("claims"))
    return ordered


def _claim_of(fault: str) -> str:
    """The claim that a fault is of: ``claims.<claim>...``."""
    return re.split(r"[.:]", fault, maxsplit=2)[1]


def check_names(settings: Settings, rules: Iterable[Path]) -> None:
    """Refuse claims that have the name of a rule: each is the name of its target.

    Args:
        settings: with the claims.
        rules: files that define rules.

    Raises:
        SettingsError: the claim, and that its name is taken.
    """
    taken = {
        name
        for path in rules
        for name in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.M)
    }
    taken |= {f"train_{name}" for name in settings.experiments}
    taken |= {f"{prefix}_{name}" for name in settings.claims for prefix in ("figure", "explain")}
    for claim in taken.intersection(settings.claims):
        raise SettingsError(
            f"claims register: claims.{claim}: a rule of the workflow has this name; taken are "
            f"{', '.join(sorted(taken))}"
        )


def check_preset(results: Path, preset: str) -> None:
    """Refuse to mix results of two presets in one folder.

    Raises:
        SettingsError: the folder's stamp names another preset, or can't be read.
    """
    stamp = results / "preset.json"
    try:
        made_by = json.loads(stamp.read_text(encoding="utf-8"))["preset"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise SettingsError(f"{stamp}: can't be read ({error}); `make clean` starts anew") from None
    if made_by != preset:
        raise SettingsError(
            f"{stamp}: the results here are of preset {made_by!r}, and preset {preset!r} would mix "
            "with them. Give it a folder of its own (--directory FOLDER), or delete these results "
            "first (make clean)."
        )


def replicated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Add the copies of experiments and extensions on other data sets that ``replicate`` asks for.

    Raises:
        SettingsError: a copy of something that there is not.
    """
    kinds = {kind: dict(config.get(kind, {})) for kind in ("experiments", "extensions")}
    known = [name for kind in kinds.values() for name in kind]
    for name, copy in config.get("replicate", {}).items():
        for original, changes in copy["experiments"].items():
            at = f"config: replicate.{name}.experiments.{original}"
            if original not in known:
                raise SettingsError(f"{at}: is none of {', '.join(known)}")
            own = next(kind for kind in kinds.values() if original in kind)
            if any(f"{original}_{name}" in kind for kind in kinds.values()):
                raise SettingsError(f"{at}: {original}_{name} exists already")
            conditions = own[original]["conditions"]
            changed = changes.get("conditions", {})
            for unknown in sorted(set(changed) - set(conditions), key=str):
                raise SettingsError(
                    f"{at}.conditions: {unknown!r} is none of {', '.join(conditions)}"
                )
            own[f"{original}_{name}"] = {
                **own[original],
                **changes,
                "dataset": copy["dataset"],
                "conditions": {
                    condition: {**options, **changed.get(condition, {})}
                    for condition, options in conditions.items()
                },
            }
    return {**config, **kinds}


def _replicated_criteria(
    criteria: list[dict[str, Any]], copies: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Criteria, and each again for every copy of an experiment that it reads."""
    result = list(criteria)
    for name, copy in copies.items():
        originals = set(copy["experiments"])
        for criterion in criteria:
            if not any(runs.split("/")[0] in originals for _, runs in sources(criterion)):
                continue
            again: dict[str, Any] = {
                **criterion,
                **{
                    key: _renamed(criterion[key], originals, name)
                    for key in ("runs", "minus")
                    if key in criterion
                },
                "name": f"{criterion['name']}_{name}",
                "meaning": f"{criterion['meaning']} ({name})",
            }
            if "trend" in criterion:
                again["trend"] = [
                    {**point, "runs": _renamed(point["runs"], originals, name)}
                    for point in criterion["trend"]
                ]
            result.append(again)
    return result


def _renamed(runs: str, originals: set[str], name: str) -> str:
    experiment, condition = runs.split("/")
    return f"{experiment}_{name}/{condition}" if experiment in originals else runs


def _seeds(entry: Mapping[str, Any], faults: list[str]) -> list[int]:
    if "list" in entry:
        if len(entry) > 1:
            faults.append("seeds: list, or first and count, not both")
        return list(entry["list"])
    if "first" not in entry or "count" not in entry:
        faults.append("seeds: needs first and count, or list")
        return []
    return list(range(entry["first"], entry["first"] + entry["count"]))


def _dataset_faults(name: str, options: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    at, total = f"datasets.{name}", options["n_train"] + options["n_test"]
    faults = []
    # One sample, centred, is zero; and of each class there must be room for one.
    if options["n_train"] < (least := max(2, len(options.get("classes", [])))):
        of_each = ", one of each class" if "classes" in options else ""
        faults.append(f"{at}.n_train: at least {least}{of_each}, got {options['n_train']}")
    if options["kind"] == "orthogonal" and total > options["dim"]:
        faults.append(f"{at}.n_train: with n_test {total} orthogonal inputs, dim {options['dim']}")
    if options["kind"] == "clusters" and options["axes"] > options["dim"]:
        faults.append(f"{at}.axes: at most dim = {options['dim']}, got {options['axes']}")
    if options["kind"] == "teacher" and options["neurons"] > options["dim"]:
        faults.append(f"{at}.neurons: at most dim = {options['dim']}, got {options['neurons']}")
    if options["kind"] == "digits":
        there = sum(DIGITS_PER_CLASS[label] for label in options["classes"])
        if total > there:
            faults.append(
                f"{at}.n_train: n_train + n_test = {total}, but digits has {there} images of "
                f"classes {options['classes']}"
            )
    if options["kind"] == "digit_pairs" and total > (there := sum(sorted(DIGITS_PER_CLASS)[:2])):
        faults.append(
            f"{at}.n_train: n_train + n_test = {total}, but a pair may have {there} images"
        )
    if options["kind"] == "images" and options["images"] not in config["images"]:
        faults.append(
            f"{at}.images: {options['images']!r} is none of {', '.join(config['images'])}"
        )
    return faults


def _conditions(
    name: str,
    experiment: Mapping[str, Any],
    datasets: Mapping[str, Any],
    seeds: list[int],
    device: str,
    faults: list[str],
) -> dict[str, dict[str, Any]]:
    common = {key: value for key, value in experiment.items() if key != "conditions"}
    resolved = {}
    for condition, overrides in experiment["conditions"].items():
        options = in_order({**common, **overrides, "seeds": seeds, "device": device})
        at = f"experiments.{name}.conditions.{condition}"
        for key in ("dataset", "width", "head", "alpha", "loss", "learning_rate", "max_steps"):
            if key not in options:
                faults.append(f"{at}: {key} is missing (set it there or in experiments.{name})")
        if options.get("dataset") not in datasets and "dataset" in options:
            faults.append(f"{at}.dataset: {options['dataset']!r} is none of {', '.join(datasets)}")
        if 0.1 not in options.get("drops", [0.1]):
            faults.append(f"{at}.drops: must include 0.1, the definition that criteria use")
        percents = [round(100 * drop) for drop in options.get("drops", [])]
        if len(set(percents)) < len(percents):
            faults.append(f"{at}.drops: must differ when rounded to whole per cents")
        resolved[condition] = options
    return resolved


def _explorer_faults(
    shown: Mapping[str, list[str]], experiments: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    faults = []
    for experiment, conditions in shown.items():
        at = f"explorer.conditions.{experiment}"
        if experiment not in experiments:
            faults.append(f"{at}: {experiment!r} is none of {', '.join(experiments)}")
            continue
        known = experiments[experiment]
        faults += [
            f"{at}: {condition!r} is none of {', '.join(known)}"
            for condition in conditions
            if condition not in known
        ]
    return faults


def _extension(
    name: str,
    extension: Mapping[str, Any],
    datasets: Mapping[str, Any],
    seeds: list[int],
    device: str,
    faults: list[str],
) -> dict[str, dict[str, Any]]:
    """Conditions of an extension with all their options, checked against their model."""
    common = {key: value for key, value in extension.items() if key != "conditions"}
    resolved = {}
    for condition, overrides in extension["conditions"].items():
        options = in_order({**common, **overrides, "seeds": seeds, "device": device})
        at = f"extensions.{name}.conditions.{condition}"
        wanted = (*EXTENSION_KEYS, *MODEL_KEYS.get(options.get("model", ""), ()))
        wanted += ("alpha",) if "head" in options else ("gain",)
        wanted += ("design_steps",) if "design" in options else ()
        wanted += ("percents",) if options["study"] == "pruning_at_init" else ()
        for key in wanted:
            if key not in options:
                faults.append(f"{at}: {key} is missing (set it there or in extensions.{name})")
        if options.get("dataset") not in datasets and "dataset" in options:
            faults.append(f"{at}.dataset: {options['dataset']!r} is none of {', '.join(datasets)}")
        n_train = datasets.get(options.get("dataset", ""), {}).get("n_train", math.inf)
        if options.get("batch_size", 0) >= n_train:
            faults.append(
                f"{at}.batch_size: must be below n_train = {n_train} of {options['dataset']!r} "
                f"(without batch_size a step takes all samples), got {options['batch_size']}"
            )
        if "design" in options and options.get("design_steps", 0) >= options.get("max_steps", 1):
            faults.append(
                f"{at}.design_steps: must be below max_steps = {options.get('max_steps')}, which "
                f"it is taken from, got {options.get('design_steps')}"
            )
        if "head" in options and (options.get("model"), options.get("depth")) != ("perceptron", 1):
            faults.append(f"{at}.head: only for a perceptron of depth 1; others take gain")
        elif options["study"] in ONE_LAYER and (
            (options.get("model"), options.get("depth")) != ("perceptron", 1)
        ):
            faults.append(f"{at}: the study {options['study']} is of a perceptron of depth 1")
        if isinstance(options.get("gain"), Mapping) and options.get("model") in GAIN_PARTS:
            parts = (*GAIN_PARTS[options["model"]], "others")
            faults += [
                f"{at}.gain: {part} is no part of a {options['model']}; allowed are "
                f"{', '.join(parts)}"
                for part in options["gain"]
                if part not in parts
            ]
        resolved[condition] = options
    if extension["study"] == "schedule" and "constant" not in resolved:
        faults.append(f"extensions.{name}.conditions: needs constant, which others are compared to")
    return resolved


def _model_faults(
    at: str,
    options: Mapping[str, Any],
    datasets: Mapping[str, Mapping[str, Any]],
    images: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Sizes of an extension's model that do not fit one another or the data."""
    data = datasets.get(options.get("dataset", ""), {})
    of_digits = data.get("kind") in ("digits", "digit_pairs")
    inputs = data.get("dim", DIGITS_PIXELS if of_digits else None)
    if data.get("images") in images:
        inputs = PIXELS[images[data["images"]]["loader"]]
    known = {key for key in MODEL_KEYS.get(options.get("model", ""), ()) if key in options}
    faults = []
    if {"embedding", "heads"} <= known and options["embedding"] % options["heads"]:
        faults.append(
            f"{at}.heads: {options['heads']} do not divide {options['embedding']} features"
        )
    if "tokens" in known and inputs and inputs % options["tokens"]:
        faults.append(f"{at}.tokens: {options['tokens']} do not divide {inputs} inputs")
    if "channels" in known:
        if (
            inputs
            and options["channels"] * math.isqrt(inputs // options["channels"]) ** 2 != inputs
        ):
            faults.append(
                f"{at}.channels: {inputs} inputs are no square image of {options['channels']}"
            )
        if options.get("width", 2) < 2:
            faults.append(
                f"{at}.width: a convolution needs 2 filters, half of them in its first layer"
            )
    return faults


def _claim_faults(
    claim: Mapping[str, Any],
    experiments: Mapping[str, Any],
    weight_tickets: Mapping[str, Any],
    extensions: Mapping[str, Any],
) -> list[str]:
    at, faults = f"claims.{claim['id']}", []
    names = [criterion["name"] for criterion in claim["criteria"]]
    if len(set(names)) < len(names):
        faults.append(f"{at}: criteria need different names, got {', '.join(names)}")
    kinds = {"weights": weight_tickets, "extension": extensions}
    for table, experiment, _ in (path.split("/") for path in claim["figure_tables"]):
        if experiment not in (known := kinds.get(table, experiments)):
            faults.append(f"{at}.figure_tables: {criteria.unknown(experiment, known)}")
    counted = [c for c in claim["criteria"] if c.get("confirmatory", True)]
    for wanted, role in ((False, "effect"), (True, "control")):
        if not any(c.get("control", False) is wanted for c in counted):
            faults.append(f"{at}: needs at least one confirmatory {role}")
    if ("answer" in claim) != ("breaks" in claim):
        faults.append(f"{at}: answer and breaks come together")
    for key in {"answer", "breaks"} & set(claim):
        try:
            used = {part[1] for part in Formatter().parse(claim[key])} - {None}
        except ValueError as error:
            faults.append(f"{at}.{key}: {error}")
            continue
        for unknown in sorted(str(name) for name in used - set(names)):
            faults.append(f"{at}.{key}: {{{unknown}}} is none of the criteria {', '.join(names)}")
    for criterion in claim["criteria"]:
        here = f"{at}.{criterion['name']}"
        if criterion["direction"] == "within" and criterion["threshold"] <= 0:
            faults.append(f"{here}.threshold: a margin must be above 0")
        if len({point["x"] for point in criterion.get("trend", [])}) == 1:
            faults.append(f"{here}.trend: x must differ between points")
        if criterion.get("proportion", False) and criterion["direction"] == "within":
            faults.append(f"{here}.direction: a proportion is tested above or below a threshold")
        for table, runs in sources(criterion):
            experiment, condition = runs.split("/")
            known = kinds.get(table, experiments)
            if experiment not in known:
                faults.append(f"{here}: experiment {criteria.unknown(experiment, known)}")
            elif condition not in known[experiment]:
                allowed = criteria.unknown(condition, known[experiment])
                faults.append(f"{here}: condition {allowed}")
    return faults
