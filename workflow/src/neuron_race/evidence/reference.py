"""A run's verdicts against those kept of an earlier run: what differs, and whether that counts.

Estimates are equal in every digit only on the same processor and with the same libraries. Elsewhere
sums are rounded otherwise, which long training in single precision magnifies: between an AMD and an
Intel processor 4 of 275 estimates were off by more than a tenth of the half width (LeNet's tickets
and the transformer), a quarter at most. So a difference counts if an outcome is another one, if an
estimate has left the reference's interval, or if a verdict is missing. Anything less is told, and
so are changes of register, preset and settings.

An interval can be a point, where all runs are equal, and then says nothing of rounding. An estimate
that stays within a hundredth of its distance to the threshold has not left it.
"""

import filecmp
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from neuron_race.common import storage
from neuron_race.evidence import phrases
from neuron_race.settings import configuration, schema

Verdict = Mapping[str, Any]
# Pictures of a run that belong to no claim.
OTHER_FIGURES = ("theory", "nulls", "tasks", "moments", "multiverse", "replication")
# What is kept of each claim beside its picture.
KEPT = (("claims", "json"), ("evidence", "csv"))
THERE, MISSING = "there", "missing"
# Distance from the reference's estimate, in half widths, beyond which a criterion is named.
WORTH_A_LINE = 0.1
ROUNDING = 0.01  # of an estimate's distance to its threshold


class Difference(NamedTuple):
    """One difference between two verdicts on a claim."""

    claim: str
    what: str  # a criterion, or a key of the verdict or of the register
    reference: str
    here: str
    why: str
    counts: bool


class Comparison(NamedTuple):
    """What a comparison of two sets of verdicts found."""

    claims: int  # of the register
    criteria: int  # on both sides
    differences: list[Difference]
    rounding: list[float]  # distances of estimates within the interval, in half widths
    retired: list[str]  # claims with verdicts that the register no longer has
    libraries: list[str]  # that are of another version, with both


def folder(root: Path, preset: str) -> Path:
    """Where the reference of a preset is kept: the default preset's in docs/reference itself."""
    kept = root / "docs/reference"
    return kept if preset == "default" else kept / preset


def presets(root: Path) -> list[str]:
    """Presets of which a reference is kept, the default one first."""
    others = sorted(path.parent.name for path in folder(root, "default").glob("*/claims"))
    return ["default", *others]


def read(paths: Iterable[Path]) -> dict[str, Verdict]:
    """Verdicts by claim, which is the name of the file.

    Raises:
        ResultError: a file is not readable, or holds no verdict, or one on another claim.
    """
    found = {}
    for path in map(Path, paths):
        content = storage.read_json(path)
        try:
            schema.check(content, "verdict", str(path))
        except configuration.SettingsError as error:
            raise storage.ResultError(str(error)) from error
        if content["claim"] != path.stem:
            raise storage.ResultError(f"{path}: is a verdict on {content['claim']}")
        found[path.stem] = content
    return found


def compare(
    reference: Iterable[Path], here: Iterable[Path], register: Collection[str]
) -> Comparison:
    """Compare verdict files of a run with those of the reference.

    Args:
        reference: verdicts kept.
        here: verdicts of the run.
        register: claims that there are; verdicts on others are named, and no more.

    Raises:
        ResultError: see :func:`read`.
    """
    names = [*map(Path, reference)], [*map(Path, here)]
    # Those of other claims may be of any age, and are not opened.
    before, after = (read(p for p in side if p.stem in register) for side in names)
    retired = sorted({path.stem for side in names for path in side} - set(register))
    libraries: dict[str, None] = {}
    differences: list[Difference] = []
    rounding: list[float] = []
    criteria = 0
    for claim in register:
        if claim not in before or claim not in after:
            differences.append(_one_sided(claim, "verdict", claim in before, claim in after))
            continue
        old, new = before[claim], after[claim]
        libraries |= dict.fromkeys(_of_libraries(old, new))
        differences += _of_register(old, new)
        differences += _of_verdict(old, new)
        differences += _of_nulls(old, new)
        rows = _by_name(old["criteria"]), _by_name(new["criteria"])
        for name in dict.fromkeys([*rows[0], *rows[1]]):
            if name not in rows[0] or name not in rows[1]:
                found = _one_sided(claim, name, name in rows[0], name in rows[1])
                # One that is gone is not judged any more; a new one has nothing to differ from.
                gone = name not in rows[1]
                differences.append(found._replace(why="the register changed", counts=gone))
                continue
            criteria += 1
            a, b = rows[0][name], rows[1][name]
            differences += _of_criterion(claim, a, b)
            if within(a, b):
                rounding.append(distance(a, b))
    return Comparison(len(register), criteria, differences, rounding, retired, list(libraries))


def slack(row: Mapping[str, Any]) -> float:
    """By how much estimates may differ and still be called equal: a millionth."""
    return max(1e-6 * abs(row["estimate"]), 1e-12)


def rounding_of(row: Mapping[str, Any]) -> float:
    """By how much an estimate may be beyond its interval and still have been rounded otherwise."""
    limits = [row["threshold"]]
    limits += [-row["threshold"]] if row["direction"] == "within" else []
    away = min(abs(row["estimate"] - limit) for limit in limits)
    return max(ROUNDING * float(away), slack(row))


def left(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """Why an estimate no longer agrees with the reference's; empty if it does.

    Undefined agrees with undefined alone, be it estimate or interval. If the reference's interval
    is a point, as where all runs are equal, or undefined, the estimate has to be the same.

    Args:
        a: criterion of the reference.
        b: the same criterion of the run.
    """
    for key, what in (("estimate", "estimate"), ("ci_low", "interval"), ("ci_high", "interval")):
        if (a[key] is None) != (b[key] is None):
            return f"{what} undefined on one side"
    if a["estimate"] is None or abs(a["estimate"] - b["estimate"]) <= slack(a):
        return ""
    low, high = a["ci_low"], a["ci_high"]
    if low is None or high is None:
        return "another estimate, and no interval to be within"
    # A point is no interval to be within: what rounding may do is.
    beyond = rounding_of(a) if high - low <= 2 * slack(a) else slack(a)
    if not low - beyond <= b["estimate"] <= high + beyond:
        return "estimate outside the reference's interval"
    return ""


def within(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two estimates of a criterion differ, but by less than :func:`left` tells."""
    defined = a["estimate"] is not None and b["estimate"] is not None
    return defined and not left(a, b) and abs(a["estimate"] - b["estimate"]) > slack(a)


def distance(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    """Distance of the estimates in half widths of the reference's interval.

    An interval narrower than what rounding does counts as one of that width.
    """
    half = max((a["ci_high"] - a["ci_low"]) / 2, rounding_of(a))
    return float(abs(a["estimate"] - b["estimate"]) / half)


def _by_name(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {row["name"]: row for row in rows}


def _one_sided(claim: str, what: str, before: bool, after: bool) -> Difference:
    reference, here = (THERE if side else MISSING for side in (before, after))
    return Difference(claim, what, reference, here, "on one side only", True)


def _of_verdict(old: Verdict, new: Verdict) -> Iterator[Difference]:
    """Status; and preset, its changes and number of runs, which are told."""
    whys = {"status": "another outcome", "preset": "another preset", "n_runs": "other runs"}
    for key, why in {**whys, "changes": "other settings"}.items():
        before, after = old.get(key) or "none", new.get(key) or "none"
        if before != after:
            yield Difference(old["claim"], key, str(before), str(after), why, key == "status")


def _of_nulls(old: Verdict, new: Verdict) -> Iterator[Difference]:
    """Nulls that did what theory says on one side only, or are there on one side only."""
    told = {True: "as predicted", False: "not as predicted", None: "undecided"}
    before, after = (
        {row["null"]: told[row["as_expected"]] for row in side.get("nulls", [])}
        for side in (old, new)
    )
    for name in dict.fromkeys([*before, *after]):
        one, other = (side.get(name, MISSING) for side in (before, after))
        if one != other:
            yield Difference(old["claim"], f"null {name}", one, other, "another outcome", True)


def _of_libraries(old: Verdict, new: Verdict) -> Iterator[str]:
    """Versions of Python and libraries that differ, as ``numpy 2.1 (here 2.2)``."""
    before, after = (side["provenance"].get("versions", {}) for side in (old, new))
    for name in before:
        if name in after and before[name] != after[name]:
            yield f"{name} {before[name]} (here {after[name]})"


def _of_criterion(claim: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """Outcome, estimate and number of undefined runs of a criterion."""
    why, counts = left(a, b), True
    if a["holds"] != b["holds"]:
        why = "another outcome"
    elif within(a, b) and distance(a, b) > WORTH_A_LINE:
        why, counts = f"rounding: {distance(a, b):.2g} of the half width", False
    if why:
        before, after = (f"{phrases.found(row)} {phrases.WORDS[row['holds']]}" for row in (a, b))
        if before == after:  # in three digits
            before, after = (
                f"{row['estimate']}, {text}" for row, text in ((a, before), (b, after))
            )
        yield Difference(claim, a["name"], before, after, why, counts)
    before, after = (f"undefined in {row.get('n_undefined', 0)} runs" for row in (a, b))
    if before != after:
        yield Difference(claim, a["name"], before, after, "undefined more or less often", False)


def _of_register(old: Verdict, new: Verdict) -> Iterator[Difference]:
    """What the register said otherwise when the reference was made, criteria on both sides only."""
    entries = [side["provenance"].get("parameters", {}).get("claim", {}) for side in (old, new)]
    why = "the register changed, not the run"
    for key in dict.fromkeys([*entries[0], *entries[1]]):
        if key == "criteria":
            continue
        before, after = (entry.get(key) for entry in entries)
        if before != after:
            yield Difference(old["claim"], key, str(before), str(after), why, False)
    criteria = [_by_name(entry.get("criteria", [])) for entry in entries]
    for name in (name for name in criteria[0] if name in criteria[1]):
        for key in dict.fromkeys([*criteria[0][name], *criteria[1][name]]):
            before, after = (side[name].get(key) for side in criteria)
            if before != after:
                what = f"{name}: {key}"
                yield Difference(old["claim"], what, str(before), str(after), why, False)


def short(found: Comparison, kept: str = "docs/reference") -> str:
    """A comparison in one line, for the end of a run; ``kept``: where the reference is."""
    counted = [f"{d.claim} {d.what} ({d.why})" for d in found.differences if d.counts]
    if not counted and found.differences:
        told = ", ".join(sorted({difference.why for difference in found.differences}))
        return f"No outcome differs from {kept}, but: {told} (make check-reference)."
    if not counted:
        return f"As in {kept}: every outcome, and every estimate within its interval."
    shown = "; ".join(counted[:3]) + ("; ..." if len(counted) > 3 else "")
    return f"{len(counted)} differences from {kept} (make check-reference): {shown}"


def words(found: Comparison, names: tuple[str, str] = ("reference", "here")) -> str:
    """A comparison in plain text: what counts, what is told, and what is named only.

    Args:
        found: the comparison.
        names: of the two sides.
    """
    counted = [d for d in found.differences if d.counts]
    told = [d for d in found.differences if not d.counts]
    parts = [f"{found.claims} verdicts, {found.criteria} criteria: {len(counted)} differences"]
    parts += _lines(counted, names)
    if found.rounding:
        cause = f"with {', '.join(found.libraries)}" if found.libraries else "on another processor"
        parts.append(
            f"{len(found.rounding)} estimates differ by less than the interval, as they do {cause}:"
            f" {max(found.rounding):.2g} of the half width at most (not counted)"
        )
    if told:
        parts += ["Not counted:", *_lines(told, names)]
    if found.retired:
        parts.append(f"No claims of the register, not compared: {', '.join(found.retired)}")
    return "\n".join(parts)


def _lines(differences: Iterable[Difference], names: tuple[str, str]) -> list[str]:
    one, other = (f"{name}:".ljust(max(map(len, names)) + 1) for name in names)
    return [
        f"  {d.claim}, {d.what} ({d.why})\n    {one} {d.reference}\n    {other} {d.here}"
        for d in differences
    ]


def figures_alike(reference: Path, here: Path, register: Collection[str]) -> tuple[int, int]:
    """How many of the reference's pictures a run repeats in every byte, and how many there are."""
    kept = [p.name for p in reference.glob("*.png") if p.stem in {*register, *OTHER_FIGURES}]
    alike, _, _ = filecmp.cmpfiles(reference, here, kept, shallow=False)
    return len(alike), len(kept)


def keep(results: Path, figures: Path, folder: Path, register: Collection[str]) -> list[Path]:
    """Make a run the reference; nothing is left of claims that are no more.

    Args:
        results: folder of the run's results.
        figures: folder of its figures.
        folder: where the reference is kept: ``claims``, ``evidence`` (run by run), ``figures`` and
            ``claims.md``.
        register: claims that there are.

    Returns:
        The files that were deleted.

    Raises:
        OSError: a claim's verdict, evidence or picture is missing; nothing has been changed then.
    """
    pictures = [*register, *(n for n in OTHER_FIGURES if (figures / f"{n}.png").exists())]
    tables = [f"{kind}/{name}.{ending}" for kind, ending in KEPT for name in register]
    copies = {results / name: folder / name for name in tables}
    copies |= {figures / f"{name}.png": folder / f"figures/{name}.png" for name in pictures}
    copies[results / "claims.md"] = folder / "claims.md"
    for source in copies:
        source.stat()
    for source, target in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    present = [
        path
        for kind, ending in (*KEPT, ("figures", "png"))
        for path in (folder / kind).glob(f"*.{ending}")
    ]
    stale = sorted(set(present) - set(copies.values()))
    for path in stale:
        path.unlink()
    return stale
