"""Snakemake and its scripts without the seconds that their libraries take to load.

Each run is a fork of a process that has loaded Snakemake, and each of its Python scripts a fork
of one that has loaded what scripts need. A fork goes from its first line to its last in its own
folder, variables and streams. Only libraries are loaded beforehand, nothing of the project: that
is the folder's.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TextIO

# What a run imports before it starts a job, and what its scripts do.
LIBRARIES = {
    "runs": (
        "snakemake.cli", "snakemake.report.html_reporter", "snakemake.storage", "jsonschema",
        "nbformat", "pandas", "smart_open", "yaml",
    ),
    "scripts": (
        "snakemake.script", "jsonschema", "jupytext", "matplotlib.pyplot", "nbformat", "pandas",
        "scipy.stats", "sklearn", "torch", "yaml",
    ),
}  # fmt: skip
# Forks go well without threads; and jobs have one.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
# Libraries and Python read these when they are loaded: scripts with others start on their own.
READ_AT_START = ("ATEN_", "LANG", "LC_", "MKL_", "MPL", "NPY_", "OMP_", "OPENBLAS_", "PYTHON")
OWN = {"PYTHONPATH", "PYTHONWARNINGS"}  # which a fork takes from the run
CLIENT = Path(__file__).with_name("warm_script.py")
PATIENCE = 900.0  # seconds


class Server:
    """A process that forks a run for each request, one at a time; and one for their scripts."""

    def __init__(self) -> None:
        self.own = tempfile.TemporaryDirectory(prefix="warm")
        address = os.path.join(self.own.name, "scripts")
        with socket.socket(socket.AF_UNIX) as calls:
            calls.bind(address)
            calls.listen()  # whoever calls early waits
            self.scripts = _started("scripts", address, calls.fileno())
        self.runs = _started("runs", address, subprocess.PIPE)
        atexit.register(self.end)

    def end(self) -> None:
        """Kill both, and the run that is waited for."""
        for process in (self.runs, self.scripts):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.own.cleanup()

    def run(
        self, folder: Path, arguments: list[str], variables: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """A run's exit status, and what it said on standard output and standard error."""
        assert self.runs.stdin and self.runs.stdout
        with tempfile.TemporaryDirectory() as own:
            said = [os.path.join(own, name) for name in ("stdout", "stderr")]
            asked = {"folder": str(folder), "arguments": arguments, "variables": variables}
            print(json.dumps({**asked, "said": said}), file=self.runs.stdin, flush=True)
            assert select.select([self.runs.stdout], [], [], PATIENCE)[0], "it does not end"
            status = int(self.runs.stdout.readline())
            texts = [Path(path).read_text(encoding="utf-8") for path in said]
        return subprocess.CompletedProcess(arguments, status, *texts)


def _started(kind: str, address: str, asked: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, __file__, kind, address, str(os.getpid())],
        stdin=asked,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **ONE_THREAD},
    )


def serve_runs(requests: TextIO, answers: TextIO, address: str) -> None:
    """Fork for each request, a line of JSON, and answer with the exit status of the fork."""
    for line in requests:
        child = os.fork()
        if child == 0:
            requests.close()
            answers.close()
            become_run(address=address, **json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def become_run(
    folder: str, arguments: list[str], variables: dict[str, str], said: list[str], address: str
) -> None:
    """Go on as ``python -m snakemake`` in this folder, with these arguments and variables."""
    from snakemake.script import PythonScript

    client = (sys.executable, "-ISE", str(CLIENT), address)

    def execute(script: PythonScript, path: str, edit: bool = False) -> None:
        command = shlex.join([*client, path])
        script._execute_cmd("{command}", command=command, is_python_script=True)

    streams = [os.open(os.devnull, os.O_RDONLY)]
    streams += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for path in said]
    start(folder, variables, streams, ["snakemake", *arguments], folder)
    PythonScript.execute_script = execute
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


def serve_scripts(calls: socket.socket, parent: int) -> None:
    """Fork for each that calls, and again for its script, as long as the parent lives."""
    answering: set[int] = set()
    calls.settimeout(10)
    while os.getppid() == parent:
        try:
            caller, _ = calls.accept()
        except TimeoutError:
            continue
        answering -= {child for child in answering if os.waitpid(child, os.WNOHANG)[0]}
        child = os.fork()
        if child == 0:
            calls.close()
            return answer(caller)
        answering.add(child)
        caller.close()


def answer(caller: socket.socket) -> None:
    """Fork for a script and answer with its exit status; where the caller is killed, so is it."""
    _, streams, _, _ = socket.recv_fds(caller, 1, 3)
    folder, path, variables = json.loads(caller.makefile().readline())
    if started_with(variables) != started_with(dict(os.environ)):
        os._exit(0)
    child = os.fork()
    if child == 0:
        caller.close()
        start(folder, variables, streams, [path], os.path.dirname(path))
        runpy.run_path(path, run_name="__main__")
        return
    ended = os.pidfd_open(child)
    if ended not in select.select([ended, caller], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)


def started_with(variables: dict[str, str]) -> dict[str, str]:
    """The variables that a process reads as it starts."""
    kept = variables.keys() - OWN
    return {name: variables[name] for name in kept if name.startswith(READ_AT_START)}


def start(
    folder: str, variables: dict[str, str], streams: list[int], arguments: list[str], first: str
) -> None:
    """Set what Python finds at its start: folder, variables, streams, arguments, import path."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    sys.path[0:1] = [first, variables["PYTHONPATH"]]
    warnings.simplefilter(variables["PYTHONWARNINGS"])
    sys.argv = arguments


if __name__ == "__main__":
    kind, address, parent = sys.argv[1:]
    for name in LIBRARIES[kind]:
        importlib.import_module(name)
    if kind == "runs":
        sys.modules["snakemake.cli"].get_argument_parser()  # which looks for plugins everywhere
        gc.freeze()  # which a fork need not look through
        serve_runs(os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w"), address)
    else:
        gc.freeze()
        serve_scripts(socket.socket(fileno=os.dup(0)), int(parent))
