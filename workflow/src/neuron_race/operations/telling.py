"""What a run says on the terminal: its verdicts as they come, how long it will take, what failed.

Of the workflow's events it takes those that a reader can use, by Snakemake's names for them. All
else stays in the logs.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from neuron_race.common import storage
from neuron_race.evidence import phrases

VARIABLE = "NEURON_RACE_TERMINAL"  # of the environment; jobs (common.job) look at it, too
EVERY = 60.0  # seconds between lines on progress
KNOWN = 0.05  # share of the planned work from which on the pace so far says more than the plan
SIGNS = {"supported": "✓", "partly supported": "◐", "not supported": "✕", "inconclusive": "?"}
SAID_BY_JOBS = ("Exiting because a job execution failed", "RuleException:\nCalledProcessError")
GOES_ON = "What is finished is kept: the same command goes on from there."


def asked(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for verdicts instead of Snakemake's own words."""
    return environment.get(VARIABLE) == "verdicts"


def left(done: float, planned: float, elapsed: float, cores: int) -> float:
    """Seconds that a run still takes.

    Args:
        done: CPU-seconds of finished jobs, as planned.
        planned: those of all jobs.
        elapsed: seconds since the start.
        cores: how many jobs run at a time.
    """
    if done > KNOWN * planned:
        return (planned - done) * elapsed / done
    return max(0.0, (planned - done) / cores - elapsed)


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min"


def verdict_line(verdict: Mapping[str, Any]) -> str:
    """Mark, claim, status and controls of a verdict."""
    status = verdict["status"]
    controls = phrases.controls(verdict["criteria"])
    return f"{SIGNS[status]} {verdict['claim']:<20} {status:<16}  controls {controls}"


class Telling(logging.Handler):
    """Tells of a run, event by event.

    Args:
        plan: planned CPU-seconds of all jobs to be run, by a job's benchmark file.
        cores: how many jobs run at a time.
        stream: where to write.
    """

    def __init__(self, plan: Callable[[], Mapping[str, float]], cores: int, stream: TextIO):
        super().__init__(logging.INFO)
        self.plan, self.cores, self.stream = plan, cores, stream
        self.planned: Mapping[str, float] = {}
        self.jobs: dict[int, Mapping[str, Any]] = {}
        self.done, self.number, self.finished = 0.0, 0, 0
        self.verdicts, self.judged, self.interrupted = 0, 0, False
        self.began = self.told = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Tell what an event is worth."""
        content = record.__dict__
        if self.interrupted:
            return
        match str(content.get("event")):
            case "run_info":
                self._begin(content["stats"])
            case "job_info":
                self.jobs[content["jobid"]] = content
            case "job_finished":
                self._finished(content["job_id"])
            case "job_error":
                self._failed(content)
            case "None" if str(record.msg).startswith("Terminating processes on user request"):
                self._say(f"Interrupted. {GOES_ON}")
                self.interrupted = True  # what is said now is that jobs ended
            case "None" | "error" if record.levelno >= logging.ERROR:
                self._say(self._error(record.getMessage()))

    def _say(self, line: str) -> None:
        if line:
            print(line, file=self.stream, flush=True)
            self.told = time.monotonic()

    def _begin(self, stats: Mapping[str, int]) -> None:
        if self.number:  # a dry run says it twice
            return
        self.planned = self.plan()
        self.number, self.verdicts = stats["total"], stats.get("verdict", 0)
        self.began = time.monotonic()
        about = duration(sum(self.planned.values()) / self.cores)
        jobs = "1 job" if self.number == 1 else f"{self.number} jobs"
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        self._say(f"{jobs} on {cores}, about {about}. Details: results/logs, .snakemake/log")

    def _left(self) -> str:
        elapsed = time.monotonic() - self.began
        seconds = left(self.done, sum(self.planned.values()), elapsed, self.cores)
        return f"about {duration(seconds)} left"

    def _finished(self, jobid: int) -> None:
        job = self.jobs.pop(jobid, {})
        self.finished += 1
        self.done += self.planned.get(str(job.get("benchmark")), 0.0)
        if job.get("rule_name") == "verdict":
            path = next(name for name in job["output"] if name.endswith(".json"))
            self.judged += 1
            line = verdict_line(storage.read_json(Path(path)))
            self._say(f"{line}  ({self.judged} of {self.verdicts}; {self._left()})")
        elif time.monotonic() - self.told > EVERY:
            self._say(f"  {self.finished} of {self.number} jobs, {self._left()}")

    def _failed(self, job: Mapping[str, Any]) -> None:
        """One line, where the job itself could say none."""
        for name in job["log"] or ():
            log = Path(name)
            if log.exists() and "\nError in " in log.read_text(encoding="utf-8", errors="replace"):
                return
        logs = ", ".join(job["log"] or ()) or ".snakemake/log"
        self._say(f"Error in {job['rule_name']}: ended without a word, killed perhaps (see {logs})")

    def _error(self, message: str) -> str:
        """Snakemake's own errors; that some job failed has been said by the job."""
        if "At least one job did not complete" in message:
            return f"Not everything could be made, see above. {GOES_ON}"
        return "" if message.startswith(SAID_BY_JOBS) else message


def attach(logger: logging.Logger, plan: Callable[[], Mapping[str, float]], cores: int) -> None:
    """Let verdicts take the place of what Snakemake's logger says on the terminal.

    Its log file keeps everything.
    """
    for handler in list(logger.handlers):
        if not isinstance(handler, logging.FileHandler):
            logger.removeHandler(handler)
    logger.addHandler(Telling(plan, cores, sys.stderr))
