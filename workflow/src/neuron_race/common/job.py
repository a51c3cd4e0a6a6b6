"""What every script does first: one thread, messages to log and terminal, a watch on its reads."""

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any


def _end(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Who interrupts a run wants to read no traceback of each of its jobs."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end
# A fixed thread count per job: the same bits whatever the number of cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
# Without it, CUDA's matrix products are not deterministic, and torch refuses them.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
from neuron_race.common import instructions

instructions.settle()  # where a scheduler has not passed on what the Snakefile settled
from neuron_race.common import devices, freshness, terminal

terminal.prepare()


def prepare_engine() -> None:
    """For what trains one hidden layer: torch as below, if it may be what trains.

    Without a GPU compiled code does, and torch, which takes a second to import, is not needed.
    Where there is no compiler torch follows on its own, on one thread by the variables above.
    """
    if devices.driver():
        prepare_torch()


def prepare_torch() -> None:
    """One thread, and an error for any operation that is not deterministic."""
    import torch

    torch.set_num_threads(1)
    # Does what use_deterministic_algorithms(True) does without importing the compiler: a second.
    torch.set_deterministic_debug_mode("error")


class Tee:
    """Writes to several streams, as far as they take it.

    Where a disk is full, a log that can't go on must not hide what is said about the cause.
    """

    def __init__(self, *streams: Any):
        self.streams = streams

    def write(self, text: str) -> int:
        for stream in self.streams:
            with contextlib.suppress(OSError):
                stream.write(text)
                stream.flush()
        return len(text)

    def flush(self) -> None:
        self.write("")


def run(job: Any, work: Callable[[Any], None]) -> None:
    """Run a script's work on inputs that are what they should be, and leave a record of it.

    Errors become one clear message, the traceback goes to the log. Where the run tells verdicts
    only (`make`), so does all else that the work says.
    """
    try:
        file = open(  # noqa: SIM115 (closing it may fail)
            job.log[0], "w", encoding="utf-8", errors=terminal.READABLE
        )
    except OSError as error:
        sys.exit(f"Error in {job.rule}: {error}")
    log, shown = Tee(file), sys.stderr
    print(f"start-up: {time.process_time():.2f} CPU-seconds", file=log)
    told = Tee(shown, file)
    sys.stderr = log if os.environ.get("NEURON_RACE_TERMINAL") == "verdicts" else told
    try:
        watch = freshness.Watch()  # only now, for it makes importing slower by a tenth
        freshness.check(job.params.made_of, job.input)
        freshness.unchanged(job.params.made_of)  # what was imported so far is what was planned
        work(job)
        freshness.keep(job.params.made_of, job.output, [*job.input, *job.log], watch)
    except Exception as error:
        traceback.print_exc(file=log)
        print(f"Error in {job.rule}: {error} (details in {job.log[0]})", file=told)
        sys.exit(1)
    finally:
        sys.stderr = shown
        # Of the processes that it started, too.
        print(f"took: {sum(os.times()[:4]):.2f} CPU-seconds", file=log)
        with contextlib.suppress(OSError):
            file.close()
