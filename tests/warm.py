"""Snakemake without the second that it takes to load: each run is a fork of a process that has.

A fork runs ``python -m snakemake`` from its first line to its last, in its own folder, variables
and streams. Only libraries are loaded beforehand, nothing of the project: that is the folder's.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TextIO

# What a run imports before it starts a job.
LIBRARIES = ("snakemake.cli", "snakemake.report.html_reporter", "snakemake.storage", "jsonschema")
LIBRARIES += ("nbformat", "pandas", "smart_open", "yaml")
PATIENCE = 900.0  # seconds


class Server:
    """A process that forks a run for each request, one at a time."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # forks go well without threads
        )
        atexit.register(self.end)

    def end(self) -> None:
        """Kill it, and the run that it waits for."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def run(
        self, folder: Path, arguments: list[str], variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """A run's exit status, and what it said on standard output and standard error."""
        assert self.process.stdin and self.process.stdout
        with tempfile.TemporaryDirectory() as own:
            said = [os.path.join(own, name) for name in ("stdout", "stderr")]
            asked = {"folder": str(folder), "arguments": arguments, "variables": variables}
            print(json.dumps({**asked, "said": said}), file=self.process.stdin, flush=True)
            assert select.select([self.process.stdout], [], [], PATIENCE)[0], "it does not end"
            status = int(self.process.stdout.readline())
            texts = [Path(path).read_text(encoding="utf-8") for path in said]
        return subprocess.CompletedProcess(arguments, status, *texts)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Fork for each request, a line of JSON, and answer with the exit status of the fork."""
    for line in requests:
        child = os.fork()
        if child == 0:
            requests.close()
            answers.close()
            become(**json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def become(folder: str, arguments: list[str], variables: dict[str, str], said: list[str]) -> None:
    """Go on as a process that was started in this folder, with these arguments and variables."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for path, stream, mode in zip((os.devnull, *said), range(3), "rww", strict=True):
        with open(path, mode) as opened:
            os.dup2(opened.fileno(), stream)
    # As Python does at its start.
    sys.stdin, sys.stdout, sys.stderr = (
        open(stream, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for stream, mode in enumerate("rww")
    )
    sys.path[0:1] = [folder, variables["PYTHONPATH"]]
    warnings.simplefilter(variables["PYTHONWARNINGS"])
    sys.argv = ["snakemake", *arguments]
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.modules["snakemake.cli"].get_argument_parser()  # which looks for plugins everywhere
    gc.freeze()  # which a fork need not look through
    serve(os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w"))
