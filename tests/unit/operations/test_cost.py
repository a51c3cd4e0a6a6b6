"""Benchmark files as a table."""

import math
from pathlib import Path

import pandas as pd
import pytest

from neuron_race.common.storage import ResultError
from neuron_race.operations import cost


def write(folder: Path, job: str, **columns: list[object]) -> Path:
    path = folder / "benchmarks" / f"{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)
    return path


def test_jobs_and_sums(tmp_path: Path) -> None:
    pair = write(tmp_path, "train/pair", s=[4.0, 2.0], max_rss=[10.0, 20.0], cpu_time=[3.0, 1.0])
    short = write(tmp_path, "scoreboard", s=[0.1], max_rss=["-"], cpu_time=["NA"])
    table = cost.cost([pair, short])
    columns = ["rule", "job", "cpu_s", "wall_s", "max_rss_mb", "startup_s"]
    assert table.columns.tolist() == columns
    assert table.loc[0, columns[:-1]].tolist() == ["train", "pair", 2.0, 3.0, 15.0]
    assert table.loc[1, ["rule", "job"]].tolist() == ["scoreboard", "scoreboard"]
    assert table.loc[1, ["cpu_s", "max_rss_mb"]].isna().all()
    targets = cost.per_target({"racing": [pair, short], "merging": [pair]})
    assert targets.to_dict("records") == [
        {"target": "racing", "jobs": 2, "cpu_s": 2.0, "wall_s": 3.1, "max_rss_mb": 15.0},
        {"target": "merging", "jobs": 1, "cpu_s": 2.0, "wall_s": 3.0, "max_rss_mb": 15.0},
    ]


@pytest.mark.parametrize(
    ("first", "seconds"),
    [("start-up: 1.25 CPU-seconds", 1.25), ("loss 3", None), ("", None), (None, None)],
)
def test_start_up_is_the_first_line_of_the_log(
    tmp_path: Path, first: str | None, seconds: float | None
) -> None:
    path = write(tmp_path, "train/pair", s=[4.0], max_rss=[10.0], cpu_time=[3.0])
    if first is not None:
        log = tmp_path / "logs/train/pair.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"{first}\nmore\n")
    found = cost.cost([path])["startup_s"].item()
    assert found == seconds if seconds is not None else math.isnan(found)


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        ("start-up: 1.25 CPU-seconds\nmore\ntook: 5.50 CPU-seconds\n", 5.5),
        ("start-up: 1.25 CPU-seconds\ntook: 5.50 CPU-seconds\nkilled here", 3.0),
        ("start-up: 1.25 CPU-seconds\n", 3.0),
    ],
)
def test_what_a_job_took_is_the_last_line_of_the_log_or_else_sampled(
    tmp_path: Path, log: str, seconds: float
) -> None:
    path = write(tmp_path, "train/pair", s=[4.0], max_rss=[10.0], cpu_time=[3.0])
    (tmp_path / "logs/train").mkdir(parents=True)
    (tmp_path / "logs/train/pair.log").write_text(log)
    assert cost.cost([path])["cpu_s"].item() == seconds


def test_jobs_are_named_by_their_files() -> None:
    assert cost.job("results/benchmarks/train/pair/gaussian.tsv") == ("train", "pair/gaussian")
    assert cost.job(Path("/x/results/benchmarks/figure/racing.tsv")) == ("figure", "racing")
    assert cost.job("results/benchmarks/scoreboard.tsv") == ("scoreboard", "scoreboard")


def test_rules_add_up_their_jobs(tmp_path: Path) -> None:
    one = write(tmp_path, "train/pair", s=[4.0], max_rss=[10.0], cpu_time=[3.0])
    two = write(tmp_path, "train/clusters", s=[1.0], max_rss=[30.0], cpu_time=[0.5])
    rules = cost.per_rule(cost.cost([one, two]))
    assert rules.loc["train"].to_dict() == {
        **{"jobs": 2, "cpu_s": 3.5, "wall_s": 5.0, "longest_s": 4.0, "max_rss_mb": 30.0},
        **{"startup_s": 0.0},
    }
    assert cost.words([one, two]) == "4 CPU-seconds in 2 jobs, at most 30 MB each"


def test_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"absent\.tsv"):
        cost.cost([tmp_path / "absent.tsv"])
    with pytest.raises(ResultError, match="not a readable benchmark"):
        cost.cost([write(tmp_path, "train/other", s=[1.0])])


def test_shares_of_what_an_edit_redoes() -> None:
    measured = pd.DataFrame(
        {
            "rule": ["train", "verdict", "all"],
            "name": ["pair", "racing", "all"],
            "seconds": [6, 2, 2],
        }
    )
    redone = {
        "claims.py": ["results/benchmarks/verdict/racing.tsv"],
        "runs.py": ["results/benchmarks/train/pair.tsv", "results/benchmarks/verdict/racing.tsv"],
        "new.py": ["results/benchmarks/train/not_measured.tsv"],
    }
    found = cost.shares(redone, measured)
    assert found["percent"].to_dict() == {"runs.py": 80.0, "claims.py": 20.0, "new.py": 0.0}
    assert found.loc["runs.py", ["jobs", "cpu_s"]].tolist() == [2, 8.0]
