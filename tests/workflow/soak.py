"""Run the smoke preset many times, killed at random moments: `make soak`, or
`python tests/workflow/soak.py 20 [TARGET]`.

After each run: no lock is left, no temporary file of an earlier run, and every result has the bits
of the first. What is left is made a day older each time, for that is when it is tidied up.
Temporary files are all that is in the system's folder for them, Snakemake's scripts, and its cache.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smoke_run import contents, copy_project, environment

from neuron_race.common import storage, terminal

SMOKE = ("--configfile", "config/smoke.yaml")


def snakemake(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start snakemake in a folder, in a process group of its own."""
    command = [sys.executable, "-m", "snakemake", *arguments, *SMOKE]
    quiet = subprocess.DEVNULL
    temporary = folder.parent / "t"  # a short name: those of sockets must be
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,
        env={
            **environment(folder),
            "TMPDIR": str(temporary),
            "XDG_CACHE_HOME": str(folder.parent / "cache"),
        },
    )


def soak(folder: Path, targets: list[str], chance: random.Random) -> int:
    """One run from nothing, killed after random times until it completes; how often it was."""
    for part in ("results", "figures"):
        shutil.rmtree(folder / part, ignore_errors=True)
    kills = 0
    while True:
        run = snakemake(folder, "--cores", "2", *targets)
        try:
            # Longer each time, so that it ends.
            code = run.wait(timeout=chance.uniform(5, 40) * (1 + kills))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            kills += 1
            if snakemake(folder, "--unlock").wait():
                sys.exit("the folder can't be unlocked")
            continue
        if code:
            sys.exit(f"a run failed after {kills} kills; its logs are in {folder}/results/logs")
        return kills


def main(times: int, targets: list[str]) -> None:
    """Soak, and compare."""
    chance = random.Random(times)
    with tempfile.TemporaryDirectory() as parent:
        folder = copy_project(Path(parent) / "its race")
        first: dict[str, str] = {}
        for number in range(1, times + 1):
            began, old = time.monotonic(), time.time() - storage.DAY
            kills = soak(folder, targets, chance)
            made = contents(folder)
            first = first or made
            differing = sorted(n for n in {*first, *made} if first.get(n) != made.get(n))
            locks = [str(p) for p in (folder / ".snakemake/locks").glob("*")]
            parts = [n for n in made if n.endswith(".part") or "/checkpoints/" in n]
            left = [*(folder / ".snakemake/scripts").glob("tmp*")]
            # Torch makes one folder for all processes of a user.
            left += [p for p in (Path(parent) / "t").iterdir() if "torchinductor" not in p.name]
            left += (Path(parent) / "cache").glob("snakemake/**/snakemake-runtime-cache/*")
            parts += [str(p) for p in left if p.stat().st_mtime < old]
            for path in left:
                os.utime(path, (old - 1, old - 1))
            seconds = time.monotonic() - began
            print(
                f"run {number} of {times}: {kills} kills, {len(made)} files, {seconds:.0f} s, "
                f"{len(left)} temporary files left by kills",
                flush=True,
            )
            if differing or locks or parts:
                sys.exit(f"differing: {differing}\nlocks: {locks}\ntemporary: {parts}")


if __name__ == "__main__":
    terminal.prepare()
    main(int(sys.argv[1]), sys.argv[2:])
