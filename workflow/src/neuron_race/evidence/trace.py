"""What made a verdict and its figure: data, seeds, runs, code and versions, back to the sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuron_race.common import storage
from neuron_race.evidence import registration


def trace(
    verdict: Mapping[str, Any],
    seeds: Sequence[int],
    runs: Mapping[str, Mapping[str, Any]],
    datasets: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Sequence[Path]],
    code: Mapping[str, str],
    registered: Mapping[str, Any],
) -> dict[str, Any]:
    """Gather the sidecars of all that a claim rests on.

    Args:
        verdict: the verdict.
        seeds: seeds of the runs.
        runs: sidecars of its runs by "experiment/condition".
        datasets: provenance of its data sets by name.
        files: further files whose checksums belong here, by kind: figures, tables.
        code: checksums of all code that led to the verdict, by name.
        registered: how the verdict stands to the registration, see
            :func:`neuron_race.evidence.registration.since`.

    Returns:
        ``data`` (options, checksums of the files and of what they were made from), ``seeds``,
        ``runs`` (options), ``code`` (checksums of scripts and modules), ``versions``, and the
        checksums of ``figures`` and ``tables``.

    Raises:
        ResultError: two sidecars name different code or versions for the same thing: results of
            different states of the project are mixed.
    """
    claim = verdict["claim"]
    kinds = {
        kind: {str(path): storage.checksum(path) for path in paths} for kind, paths in files.items()
    }
    all_code, versions = dict(code), dict[str, str]()
    for side in [verdict["provenance"], *runs.values(), *datasets.values()]:
        _merge(all_code, side["code"], claim)
        _merge(versions, side["versions"], claim)
    return {
        **{key: verdict[key] for key in ("claim", "status", "preset", "changes")},
        "registration": dict(registered),
        "seeds": list(seeds),
        "data": {
            name: {
                "options": _options(side),
                "checksum": side["checksum"],
                "sources": side["inputs"],
            }
            for name, side in datasets.items()
        },
        "runs": {
            name: {k: v for k, v in _options(side).items() if k != "seeds"}
            for name, side in runs.items()
        },
        **kinds,
        "code": dict(sorted(all_code.items())),
        "versions": versions,
    }


def _options(side: Mapping[str, Any]) -> dict[str, Any]:
    return dict(side["parameters"]["options"])


def _merge(known: dict[str, str], more: Mapping[str, str], claim: str) -> None:
    for name, value in more.items():
        if known.setdefault(name, value) != value:
            raise storage.ResultError(
                f"{claim}: results were made by two states of {name} ({known[name]:.12}, "
                f"{value:.12}); run snakemake --cores all {claim}"
            )


def words(traced: Mapping[str, Any]) -> str:
    """The same in a few words, for the terminal."""
    seeds = traced["seeds"]
    data = ", ".join(traced["data"])
    versions = traced["versions"]
    return (
        f"data sets {data}; seeds {seeds[0]}-{seeds[-1]}; {len(traced['runs'])} conditions; "
        f"torch {versions['torch']}, numpy {versions['numpy']}; checksums in "
        f"results/provenance/{traced['claim']}.json; {registration.words(traced['registration'])}"
    )
