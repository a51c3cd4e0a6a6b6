"""Data sets and trained runs on disk, and back."""

import reprlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_race.common import storage
from neuron_race.models import shallow
from neuron_race.training import nulls
from neuron_race.training.recipe import MEASURED, PRECISIONS, Recipe, Runs

Array = NDArray[Any]
DATASET_ARRAYS = ("X", "Y", "X_test", "Y_test")
# In a file of runs trained in the span of their data these arrays bear other names, for with the
# data set's own X they make another network; ``basis`` tells the way back.
SPANNED = ("X", "X_test", "W_events", "W")
INTEGERS = ("seed", "step", "event_step", "measured_gate_pattern")  # int64; all else is float64


@dataclass(frozen=True)
class Start:
    """Data and initial weights of all runs of a condition: all that a forecast may look at.

    Attributes:
        seed: (S,).
        X, X_test: inputs (S, N, d), (S, N_test, d').
        Y, Y_test: targets (S, N, k), (S, N_test, k).
        W, A: initial weights (S, m, d'), (S, m, k).
        rank: number of coordinates that span the data, or None where nothing was reduced.
        basis: columns (S, d, d') of these coordinates in those of the data set, the first ``rank``
            of which span the data; None where nothing was reduced.
    """

    seed: Array
    X: Array
    Y: Array
    X_test: Array
    Y_test: Array
    W: Array
    A: Array
    rank: int | None
    basis: Array | None = None

    def part(self, which: Sequence[int]) -> "Start":
        """The start of some of the runs, by their positions."""
        names = ("seed", *DATASET_ARRAYS, "W", "A", *(["basis"] if self.basis is not None else []))
        return replace(self, **{name: getattr(self, name)[list(which)] for name in names})


@dataclass(frozen=True)
class Trained:
    """A condition's runs as read from disk: the start, what was recorded, and the options.

    Weights are in the coordinates of ``start.X``, which are not the data set's own where training
    was reduced to the span of the data: :func:`in_data_coordinates` gives those.
    """

    start: Start
    runs: Runs
    options: dict[str, Any]

    @property
    def recipe(self) -> Recipe:
        """How the runs were trained."""
        return Recipe.of(self.options)

    def event(self, name: str) -> int:
        """Index of an event such as ``init``, ``drop_10`` or ``end``."""
        return self.recipe.events.index(name)


def read_dataset(path: Path, seeds: Sequence[int]) -> dict[str, Array]:
    """Data of all runs: X (S, N, d), Y (S, N, k), X_test and Y_test.

    Raises:
        ResultError: the file is unreadable, lacks an array, is of other seeds, holds a NaN or
            numbers of another type, or its arrays are empty or do not fit together.
    """
    arrays = storage.read_arrays(path, ("seed", *DATASET_ARRAYS))
    _check_types(path, arrays)
    if arrays["seed"].tolist() != list(seeds):
        raise storage.ResultError(
            f"{path}: of seeds {arrays['seed'].tolist()}, wanted {list(seeds)}"
        )
    for name in DATASET_ARRAYS:
        if arrays[name].ndim != 3 or not np.isfinite(arrays[name]).all():
            raise storage.ResultError(f"{path}: {name} is no stack of matrices of finite numbers")
    shapes = {name: arrays[name].shape for name in DATASET_ARRAYS}
    (S, N, d), (_, N_test, _), k = shapes["X"], shapes["X_test"], shapes["Y"][2]
    wanted = {"X": (S, N, d), "Y": (S, N, k), "X_test": (S, N_test, d), "Y_test": (S, N_test, k)}
    if shapes != wanted or len(seeds) != S or 0 in (S, N, N_test, d, k):
        raise storage.ResultError(f"{path}: shapes do not fit together: {shapes}")
    return {name: arrays[name] for name in DATASET_ARRAYS}


def in_data_coordinates(trained: Trained, data: Mapping[str, Array]) -> dict[str, Array]:
    """Networks in the coordinates of their data set, and the inputs that they take.

    Args:
        trained: runs as :func:`load` reads them.
        data: the data set's arrays, as :func:`read_dataset` reads them.

    Returns:
        ``X (S, N, d)`` and ``X_test`` of the data set (with ``bias``, a constant feature 1 is the
        last of d), ``Y`` and ``Y_test``; ``W_events (S, E, m, d)`` and ``A_events``; and where the
        weights of all snapshots were kept, ``W (S, T, m, d)`` and ``A``.

    Raises:
        ResultError: the data are not those that the runs were trained on.
    """
    start, made = trained.start, trained.runs
    own = inputs(trained.options, data)
    for name in DATASET_ARRAYS:
        there = own[name]
        if start.basis is not None and name in SPANNED and there.shape[2] == start.basis.shape[1]:
            kept = getattr(start, name).shape[2]
            there = there @ start.basis[:, :, :kept]
        if not _close(there, getattr(start, name)):
            raise storage.ResultError(f"{name} of the data set is not that of the runs")
    weights = {"W_events": made.W_events, "A_events": made.A_events}
    if made.W is not None and made.A is not None:
        weights |= {"W": made.W, "A": made.A}
    if start.basis is not None:
        back = start.basis.swapaxes(1, 2)[:, None]
        weights |= {name: weights[name] @ back for name in SPANNED if name in weights}
    return {**own, **weights}


def inputs(options: Mapping[str, Any], data: Mapping[str, Array]) -> dict[str, Array]:
    """The data set's arrays as the condition's networks see them.

    With the constant feature that a bias needs; those of a null lack what the null lacks.
    """
    arrays = {name: data[name] for name in DATASET_ARRAYS}
    if "without" in options:
        arrays = nulls.task(options["without"], arrays, options["seeds"])
    if options.get("bias", False):
        for name in ("X", "X_test"):
            ones = np.ones((*arrays[name].shape[:2], 1))
            arrays[name] = np.concatenate([arrays[name], ones], axis=2)
    return arrays


def _close(found: Array, wanted: Array) -> bool:
    """Whether arrays are equal but for rounding."""
    if found.shape != wanted.shape:
        return False
    return bool(np.abs(found - wanted).max() <= 1e-9 * max(1e-300, np.abs(wanted).max()))


def save(path: Path, start: Start, runs: Runs, sidecar: Mapping[str, Any]) -> None:
    """Write ``.npz`` and, beside it, the ``.json`` sidecar (last: it vouches for the arrays).

    Runs trained in the span of their data have arrays ``X_span``, ``X_test_span``,
    ``W_events_span`` and ``W_span`` instead of those without ``_span``, and the ``basis`` of
    these coordinates.
    """
    arrays = {
        "step": runs.step,
        "loss": runs.loss,
        "seed": start.seed,
        "event_step": runs.event_step,
        "W_events": runs.W_events,
        "A_events": runs.A_events,
        **{name: getattr(start, name) for name in DATASET_ARRAYS},
        **{f"measured_{name}": array for name, array in runs.measured.items()},
    }
    if runs.W is not None and runs.A is not None:
        arrays |= {"W": runs.W, "A": runs.A}
    if start.basis is not None:
        arrays = {f"{key}_span" if key in SPANNED else key: arrays[key] for key in arrays}
        arrays["basis"] = start.basis
    storage.write_arrays(path, arrays)
    recipe = Recipe.of(sidecar["parameters"]["options"])
    description = _description(recipe, start.rank, runs.W is not None)
    told = {**description, "engine": runs.engine, **sidecar}
    storage.write_json(Path(path).with_suffix(".json"), told)


def _description(recipe: Recipe, rank: int | None, all_kept: bool) -> dict[str, Any]:
    """What a sidecar says of the arrays beside it."""
    return {
        "weights_kept": "all snapshots" if all_kept else "events only",
        "events": list(recipe.events),
        "coordinates": "input space"
        if rank is None
        else f"span of the data ({rank} coordinates), then the rest of the initial weights; in "
        "those of the data set W = W_span @ basis.T",
        "rank": rank,
    }


def load(path: Path) -> Trained:
    """Read trained runs.

    Raises:
        ResultError: arrays or sidecar are missing, unreadable or impossible, or contradict each
            other.
    """
    path = Path(path)
    arrays = _plain_names(storage.read_arrays(path))
    beside = path.with_suffix(".json")
    sidecar = storage.read_json(beside)
    if not isinstance(sidecar, dict):
        raise storage.ResultError(f"{beside}: no sidecar of a run")
    try:
        options = sidecar["parameters"]["options"]
        _check_options(beside, options)
        recipe = Recipe.of(options)
        start = Start(
            seed=arrays["seed"],
            **{name: arrays[name] for name in DATASET_ARRAYS},
            W=arrays["W_events"][:, 0],
            A=arrays["A_events"][:, 0],
            rank=sidecar["rank"],
            basis=arrays.get("basis"),
        )
        runs = Runs(
            **{key: arrays[key] for key in ("step", "loss", "event_step", "W_events", "A_events")},
            measured={name: arrays[f"measured_{name}"] for name in MEASURED},
            W=arrays.get("W"),
            A=arrays.get("A"),
            engine=sidecar["engine"],
        )
    except KeyError as error:
        raise storage.ResultError(f"{path}: no {error} in the arrays or the sidecar") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise storage.ResultError(f"{path}: arrays or sidecar are no run ({error})") from error
    _check(path, arrays, len(recipe.events))
    _check_sidecar(path, arrays, sidecar, recipe)
    return Trained(start, runs, options)


def _plain_names(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays of a run file under the names they have in memory; a ``basis`` tells of a span."""
    if "basis" not in arrays:
        return dict(arrays)
    plain = {f"{name}_span": name for name in SPANNED}
    # One that has a plain name in such a file is not what it says.
    return {plain.get(key, key): array for key, array in arrays.items() if key not in SPANNED}


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= np.iinfo(np.int64).max


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number, and not too large for a float."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


# The arrays can't tell these options, but whoever reads or repeats the runs relies on them. `loss`
# is left to the recipe.
POSSIBLE: dict[str, Callable[[Any], bool]] = {
    "head": lambda value: value in shallow.HEADS,
    "alpha": lambda value: _is_number(value) and value > 0,
    "learning_rate": lambda value: _is_number(value) and value > 0,
    "max_steps": _is_whole,
    "snapshots": lambda value: _is_whole(value) and value > 1,
    "max_weight_bytes": _is_whole,
    "loss_target": lambda value: _is_number(value) and 0 <= value < 1,
    "after_drop": lambda value: _is_number(value) and value > 1,
    "drops": lambda value: (
        isinstance(value, list) and all(_is_number(drop) and 0 < drop < 1 for drop in value)
    ),
    "freeze": lambda value: isinstance(value, list),
    "precision": lambda value: value in PRECISIONS,
    "without": lambda value: value in nulls.WITHOUT,
    "device": lambda value: value in ("auto", "cpu", "cuda"),
    **dict.fromkeys(("bias", "reduce", "stop_at_drop"), lambda value: isinstance(value, bool)),
}
NEEDED = ("width", "seeds", "head", "alpha", "loss", "learning_rate", "max_steps")


def _check_options(path: Path, options: Mapping[str, Any]) -> None:
    """Refuse options that no run can have, or that lack what all runs have."""
    for key in NEEDED:
        if key not in options:
            raise storage.ResultError(f"{path}: no {key} in the options")
    for key, possible in POSSIBLE.items():
        if key in options and not possible(options[key]):
            raise storage.ResultError(f"{path}: {key} can't be {reprlib.repr(options[key])}")


def _check_sidecar(
    path: Path, arrays: Mapping[str, Array], sidecar: Mapping[str, Any], recipe: Recipe
) -> None:
    """Refuse a sidecar that contradicts the arrays, which have been checked."""
    beside, options = path.with_suffix(".json"), sidecar["parameters"]["options"]
    d, m = arrays["X"].shape[2], arrays["W_events"].shape[2]
    rank = d if "basis" in arrays else None
    facts = {"width": m, "seeds": arrays["seed"].tolist()}
    description = _description(recipe, rank, "W" in arrays)
    for told, true in ((options, facts), (sidecar, description)):
        for key, fact in true.items():
            if not _same(told.get(key), fact):
                found, wanted = reprlib.repr(told.get(key)), reprlib.repr(fact)
                raise storage.ResultError(f"{path}: {key} {wanted}, but {beside.name} says {found}")
    if recipe.max_steps < arrays["step"][-1]:
        raise storage.ResultError(
            f"{path}: step ends at {arrays['step'][-1]}, beyond max_steps {recipe.max_steps} "
            f"of {beside.name}"
        )
    if sidecar["engine"] not in ("compiled", "torch"):
        raise storage.ResultError(f"{beside}: engine can't be {reprlib.repr(sidecar['engine'])}")


def _same(found: Any, wanted: Any) -> bool:
    """Whether two values are equal, and of one type: neither True nor 1.0 is the number 1."""
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return type(found) is type(wanted) and bool(found == wanted)


def _check_types(path: Path, arrays: Mapping[str, Array]) -> None:
    """Refuse numbers other than those that training works with and writes."""
    for name, array in arrays.items():
        wanted = np.dtype(np.int64 if name in INTEGERS else np.float64)
        if array.dtype != wanted:
            raise storage.ResultError(f"{path}: {name} is of type {array.dtype}, expected {wanted}")


def _check(path: Path, arrays: Mapping[str, Array], events: int) -> None:
    """Refuse arrays that do not fit together, or hold what no training can have recorded.

    Weights at an event are NaN in the runs that never got there, and only in those.
    """
    S, T = arrays["loss"].shape if arrays["loss"].ndim == 2 else (-1, -1)
    N, d = arrays["X"].shape[1:] if arrays["X"].ndim == 3 else (-1, -1)
    k = arrays["Y"].shape[2] if arrays["Y"].ndim == 3 else -1
    N_test = arrays["X_test"].shape[1] if arrays["X_test"].ndim == 3 else -1
    m, kept = arrays["W_events"].shape[2:] if arrays["W_events"].ndim == 4 else (-1, -1)
    wanted = {
        "step": (T,),
        "seed": (S,),
        "loss": (S, T),
        "event_step": (S, events),
        "X": (S, N, d),
        "Y": (S, N, k),
        "X_test": (S, N_test, kept),
        "Y_test": (S, N_test, k),
        "W_events": (S, events, m, kept),
        "A_events": (S, events, m, k),
        **{f"measured_{name}": (S, T, m) for name in MEASURED},
        **({"W": (S, T, m, kept), "A": (S, T, m, k)} if "W" in arrays or "A" in arrays else {}),
    }
    spanned = "basis" in arrays
    if spanned:
        dim = arrays["basis"].shape[1] if arrays["basis"].ndim == 3 else -1
        wanted["basis"] = (S, dim, kept)
    told = {name: f"{name}_span" if spanned and name in SPANNED else name for name in wanted}
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape or 0 in shape:
            found = arrays[name].shape if name in arrays else "missing"
            raise storage.ResultError(f"{path}: {told[name]} has shape {found}, expected {shape}")
    # Weights have coordinates that the data lack where both were reduced, and only there.
    if kept <= d if spanned else kept != d:
        raise storage.ResultError(
            f"{path}: {told['W_events']} has {kept} coordinates, {told['X']} has {d}"
        )
    _check_types(path, {name: arrays[name] for name in wanted})
    _check_steps(path, arrays["step"], arrays["event_step"])
    reached = arrays["event_step"] >= 0
    for name in wanted:
        there = arrays[name][reached] if name in ("W_events", "A_events") else arrays[name]
        # The data and the step that follow a last snapshot are finite too: training stops at a NaN.
        if not np.isfinite(there).all():
            raise storage.ResultError(f"{path}: {told[name]} holds a NaN or an infinity")
        if name in ("W_events", "A_events") and not np.isnan(arrays[name][~reached]).all():
            raise storage.ResultError(f"{path}: {told[name]} has weights at an event never reached")
    if spanned:
        products = arrays["basis"].swapaxes(1, 2) @ arrays["basis"]
        if not np.allclose(products, np.eye(kept), rtol=0, atol=1e-9):
            raise storage.ResultError(f"{path}: basis is not orthonormal")
    if (arrays["loss"] < 0).any():
        raise storage.ResultError(f"{path}: loss is negative somewhere")


def _check_steps(path: Path, step: Array, event_step: Array) -> None:
    """Refuse snapshots out of order, and events at steps that training did not take.

    All runs of a condition begin and end together; a drop that a run never reached is at step -1.
    """
    if step[0] != 0 or (step[1:] <= step[:-1]).any():
        raise storage.ResultError(f"{path}: step does not increase from 0")
    drops, last = event_step[:, 1:-1], step[-1]
    if (event_step[:, 0] != 0).any() or (event_step[:, -1] != last).any():
        raise storage.ResultError(f"{path}: event_step does not begin at 0 and end at {last}")
    if (drops < -1).any() or (drops > last).any():
        raise storage.ResultError(
            f"{path}: event_step has a drop at neither -1 nor a step up to {last}"
        )
