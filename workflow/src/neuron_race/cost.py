"""What results cost: the benchmark files of jobs as a tidy table."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from neuron_race.storage import ResultError


def cost(paths: Iterable[Path]) -> pd.DataFrame:
    """Read benchmark files, one per job.

    Args:
        paths: files ``.../benchmarks/<rule>/<job>.tsv`` or ``.../benchmarks/<rule>.tsv`` as
            Snakemake writes them.

    Returns:
        Tidy table ``rule, job, cpu_s, wall_s, max_rss_mb``, in the order of the paths; seconds and
        megabytes. Repetitions of a job are averaged. NaN where a job was too short to be sampled.

    Raises:
        ResultError: a file is missing or is no benchmark.
    """
    rows = []
    for path in map(Path, paths):
        try:
            table = pd.read_csv(path, sep="\t", na_values=["-"])
            measured = table[["cpu_time", "s", "max_rss"]].astype(float).mean()
        except (OSError, ValueError, KeyError) as error:
            raise ResultError(f"{path}: not a readable benchmark ({error})") from error
        alone = path.parent.name == "benchmarks"
        rows.append((path.stem if alone else path.parent.name, path.stem, *measured))
    return pd.DataFrame(rows, columns=["rule", "job", "cpu_s", "wall_s", "max_rss_mb"])


def per_target(needs: Mapping[str, Iterable[Path]]) -> pd.DataFrame:
    """What each target needs, a job that several share counting for each of them.

    Args:
        needs: target -> benchmark files of all jobs behind it.

    Returns:
        Tidy table ``target, jobs, cpu_s, wall_s``: number of jobs, and sums over them; seconds.
    """
    rows = []
    for target, paths in needs.items():
        jobs = cost(paths)
        rows.append((target, len(jobs), jobs["cpu_s"].sum(), jobs["wall_s"].sum()))
    return pd.DataFrame(rows, columns=["target", "jobs", "cpu_s", "wall_s"])


def words(paths: Iterable[Path]) -> str:
    """The same in a few words, for the terminal."""
    jobs = cost(paths)
    return (
        f"{jobs['cpu_s'].sum():.0f} CPU-seconds in {len(jobs)} jobs, "
        f"at most {jobs['max_rss_mb'].max():.0f} MB each"
    )
