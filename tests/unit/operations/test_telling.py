"""What a run says on the terminal, event by event."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest

from neuron_race.common import storage
from neuron_race.operations import telling

CONTROL = {"is_control": True, "confirmatory": True, "holds": True}
VERDICT = {"claim": "racing", "status": "partly supported", "criteria": [CONTROL]}


class Run:
    """A run of two jobs, of which the second makes a verdict."""

    def __init__(self, folder: Path):
        self.folder, self.stream = folder, io.StringIO()
        self.handler = telling.Telling(lambda: {"a.tsv": 60.0, "b.tsv": 2.0}, 2, self.stream)
        storage.write_json(folder / "racing.json", VERDICT)

    def event(self, event: str | None, message: str = "", level: int = logging.INFO, **own: Any):
        record = logging.LogRecord("snakemake", level, "", 0, message, (), None)
        record.__dict__ |= ({} if event is None else {"event": event}) | own
        self.handler.handle(record)

    def job(self, number: int, rule: str, benchmark: str, log: Path | None = None) -> None:
        output = [str(self.folder / "racing.rst"), str(self.folder / "racing.json")]
        logs = [str(log)] if log else []
        own = {"rule_name": rule, "output": output, "benchmark": benchmark, "log": logs}
        self.event("job_info", "rule: a list of inputs", jobid=number, **own)

    def told(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_run_tells_its_size_and_each_verdict_and_no_more(run: Run) -> None:
    run.event("run_info", "a table of rules", stats={"total": 2, "verdict": 1, "train": 1})
    run.job(1, "train", "a.tsv")
    run.event("job_finished", "Finished job 1", job_id=1)
    run.job(2, "verdict", "b.tsv")
    run.event("progress", done=1, total=2)
    run.event("job_finished", "Finished job 2", job_id=2)
    run.event(None, "Complete log(s): somewhere")
    first, second = run.told().splitlines()
    assert first == "2 jobs on 2 cores, about 30 s. Details: results/logs, .snakemake/log"
    told = "◐ racing partly supported controls 1 of 1 (1 of 1; about 10 s left)"
    assert " ".join(second.split()) == told


def test_progress_is_told_now_and_then(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "EVERY", -1.0)
    run.event("run_info", stats={"total": 2})
    run.job(1, "train", "a.tsv")
    run.event("job_finished", job_id=1)
    assert run.told().splitlines()[1] == "  1 of 2 jobs, about 10 s left"


def test_time_left_is_planned_first_and_measured_later() -> None:
    assert telling.left(0, 100, 10, 2) == 40
    assert telling.left(50, 100, 200, 2) == 200
    assert telling.left(1, 100, 80, 2) == 0
    assert [telling.duration(s) for s in (2, 44, 100, 1200)] == ["10 s", "40 s", "2 min", "20 min"]


def test_a_failed_job_is_told_once(run: Run) -> None:
    log = run.folder / "train.log"
    log.write_text("start-up: 1 CPU-seconds\nError in train_pair: diverged (details in x)\n")
    job = {"rule_name": "train_pair", "log": [str(log)]}
    run.event("job_error", level=logging.ERROR, **job)
    assert run.told() == ""  # the job said so itself
    log.write_text("start-up: 1 CPU-seconds\n")
    run.event("job_error", level=logging.ERROR, **job)
    assert run.told().startswith("Error in train_pair: ended without a word")
    assert str(log) in run.told()


FAILED = "WorkflowError:\nAt least one job did not complete successfully."


def test_a_run_that_failed_says_how_to_go_on(run: Run) -> None:
    run.event("error", "RuleException:\nCalledProcessError in file x: a command", logging.ERROR)
    run.event(None, "Exiting because a job execution failed. Look above", logging.ERROR)
    run.event("error", FAILED, logging.ERROR)
    (end,) = run.told().splitlines()
    assert end.startswith("Not everything") and telling.GOES_ON in end


def test_an_interruption_says_how_to_go_on_and_nothing_of_jobs_that_end(run: Run) -> None:
    run.event(None, "Terminating processes on user request, this might take some time.")
    run.event("job_error", level=logging.ERROR, rule_name="train", log=[])
    run.event("error", FAILED, logging.ERROR)
    assert run.told() == f"Interrupted. {telling.GOES_ON}\n"


def test_errors_of_settings_are_told_as_they_are(run: Run) -> None:
    run.event("error", "config: seeds: what?", logging.ERROR)
    run.event(None, "config: a missing key", logging.ERROR)
    assert run.told() == "config: seeds: what?\nconfig: a missing key\n"


def test_verdicts_take_the_place_of_the_stream_and_leave_the_log(tmp_path: Path) -> None:
    logger = logging.Logger("own")
    file = logging.FileHandler(tmp_path / "all.log")
    for handler in (logging.StreamHandler(io.StringIO()), file):
        logger.addHandler(handler)
    telling.attach(logger, dict, 1)
    kept, own = logger.handlers
    assert kept is file and isinstance(own, telling.Telling)
    file.close()


@pytest.mark.parametrize(("value", "wanted"), [("verdicts", True), ("all", False), (None, False)])
def test_verdicts_are_told_where_asked_for(value: str | None, wanted: bool) -> None:
    assert telling.asked({} if value is None else {telling.VARIABLE: value}) is wanted
