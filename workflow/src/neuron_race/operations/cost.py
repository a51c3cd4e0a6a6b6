"""What results cost: the benchmark files of jobs as a tidy table."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from neuron_race.common.storage import ResultError
from neuron_race.operations.planning import job


def cost(paths: Iterable[Path]) -> pd.DataFrame:
    """Read benchmark files, one per job.

    Args:
        paths: files ``.../benchmarks/<rule>/<job>.tsv`` or ``.../benchmarks/<rule>.tsv`` as
            Snakemake writes them; a job's name may have parts (``train/pair/gaussian``).

    Returns:
        Tidy table ``rule, job, cpu_s, wall_s, max_rss_mb, startup_s``, in the order of the paths;
        seconds and megabytes. Repetitions of a job are averaged. NaN where a job was too short to
        be sampled. Benchmarks sample, and miss CPU-seconds after the last time; where the job's log
        tells how many there were, that is taken. The start-up (CPU-seconds until the script's work
        begins, mostly imports) is the log's first line, and NaN where there is none.

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
        sampled, wall, memory = measured
        startup, took = logged(path)
        rows.append((*job(path), sampled if math.isnan(took) else took, wall, memory, startup))
    return pd.DataFrame(rows, columns=["rule", "job", "cpu_s", "wall_s", "max_rss_mb", "startup_s"])


def logged(benchmark: Path) -> tuple[float, float]:
    """CPU-seconds of start-up, and of all that the job with this benchmark file did, by its log."""
    before, _, after = benchmark.with_suffix(".log").as_posix().rpartition("benchmarks/")
    try:
        log = Path(f"{before}logs/{after}").read_text(encoding="utf-8")
    except (OSError, ValueError):
        log = ""
    first = re.match(r"start-up: ([0-9.]+) CPU-seconds$", log, re.M)
    last = re.search(r"^took: ([0-9.]+) CPU-seconds\s*\Z", log, re.M)
    return float(first[1] if first else "nan"), float(last[1] if last else "nan")


def per_rule(jobs: pd.DataFrame) -> pd.DataFrame:
    """Number of jobs of each rule, their CPU, wall and start-up seconds, peak memory of one (MB).

    Args:
        jobs: result of :func:`cost`.
    """
    return jobs.groupby("rule").agg(
        jobs=("job", "size"),
        cpu_s=("cpu_s", "sum"),
        wall_s=("wall_s", "sum"),
        longest_s=("wall_s", "max"),
        max_rss_mb=("max_rss_mb", "max"),
        startup_s=("startup_s", "sum"),
    )


def per_target(needs: Mapping[str, Iterable[Path]]) -> pd.DataFrame:
    """What each target needs, a job that several share counting for each of them.

    Args:
        needs: target -> benchmark files of all jobs behind it.

    Returns:
        Tidy table ``target, jobs, cpu_s, wall_s, max_rss_mb``: number of jobs, sums over them in
        seconds, and the peak memory of one of them in MB.
    """
    rows = []
    for target, paths in needs.items():
        jobs = cost(paths)
        sums = jobs[["cpu_s", "wall_s"]].sum()
        rows.append((target, len(jobs), *sums, jobs["max_rss_mb"].max()))
    return pd.DataFrame(rows, columns=["target", "jobs", "cpu_s", "wall_s", "max_rss_mb"])


def words(paths: Iterable[Path]) -> str:
    """The same in a few words, for the terminal."""
    jobs = cost(paths)
    return (
        f"{jobs['cpu_s'].sum():.0f} CPU-seconds in {len(jobs)} jobs, "
        f"at most {jobs['max_rss_mb'].max():.0f} MB each"
    )


def shares(redone: Mapping[str, Iterable[Path | str]], measured: pd.DataFrame) -> pd.DataFrame:
    """Which part of a run's CPU-seconds an edit redoes, largest first.

    Args:
        redone: file of code -> benchmark files of the jobs that its edit redoes.
        measured: costs of the jobs of such a run, ``rule, name, seconds``.

    Returns:
        Table by file: ``jobs``, ``cpu_s`` (seconds), ``percent`` (of all measured seconds).
    """
    seconds = measured.set_index(["rule", "name"])["seconds"]
    rows = []
    for file, paths in redone.items():
        jobs = [job(path) for path in paths]
        spent = float(sum(seconds.get(key, 0.0) for key in jobs))
        rows.append((file, len(jobs), spent, 100 * spent / float(seconds.sum())))
    table = pd.DataFrame(rows, columns=["file", "jobs", "cpu_s", "percent"]).set_index("file")
    return table.sort_values("cpu_s", ascending=False)
