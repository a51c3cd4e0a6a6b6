"""Change something, let a run fail, run again, and compare with a clean folder of the same state.

    python tests/workflow/fuzz.py 20     # rounds; `make fuzz N=20`

All rounds happen to one folder, so that what one leaves meets the next. A run that ends well must
leave the verdict of a clean folder with the same settings and code, to the byte; one that does not
must say why, and what it says must help.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from smoke_run import copy_project, environment

CLAIM = "circularity"
VERDICT = f"results/claims/{CLAIM}.json"
PAIR = {"width": 20, "max_steps": 40}
FORECAST = "workflow/src/neuron_race/theory/forecast.py"
REGISTER = "config/claims/circularity.yaml"


def state(name: str) -> tuple[dict[str, object], dict[str, tuple[str, str]]]:
    """Overlay and edits (file -> text, another text) of a state."""
    overlays: dict[str, dict[str, object]] = {
        "wider": {"experiments": {"pair": {**PAIR, "width": 30}}},
        "scale": {"experiments": {"pair": {**PAIR, "conditions": {"gaussian": {"alpha": 0.001}}}}},
        "seeds": {"experiments": {"pair": PAIR}, "seeds": {"count": 3}},
        "data": {"experiments": {"pair": PAIR}, "datasets": {"digits": {"n_train": 150}}},
    }
    edits = {
        "comment": {FORECAST: ("\ndef audit(", "\n# A word.\ndef audit(")},
        "register": {REGISTER: ("title: ", "title: The ")},
    }
    return overlays.get(name, {"experiments": {"pair": PAIR}}), edits.get(name, {})


STATES = ["plain", "wider", "scale", "seeds", "data", "comment", "register"]


def put(folder: Path, name: str) -> None:
    """Bring a folder into a state."""
    overlay, edits = state(name)
    (folder / "own.yaml").write_text(yaml.safe_dump(overlay))
    for file in (FORECAST, REGISTER):
        text = (Path(__file__).parents[2] / file).read_text()
        if file in edits:
            assert text.count(edits[file][0]) == 1, edits[file]
            text = text.replace(*edits[file])
        (folder / file).write_text(text)


def start(folder: Path, *arguments: str, overlay: str = "own.yaml") -> subprocess.Popen[str]:
    """Start Snakemake in a process group of its own."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.Popen(
        [*command, "--configfile", "config/smoke.yaml", overlay],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env=environment(folder),
    )  # fmt: skip


def run(folder: Path, *arguments: str, overlay: str = "own.yaml") -> tuple[int, str]:
    """Run Snakemake to its end: exit code, and what it said."""
    process = start(folder, *arguments, overlay=overlay)
    said = process.communicate(timeout=600)[0]
    return process.returncode, said


# --- What goes wrong ---------------------------------------------------------------------------


def nothing(folder: Path, rng: random.Random) -> None:
    """Nothing happens."""


def diverges(folder: Path, rng: random.Random) -> None:
    """A learning rate at which training diverges."""
    own = yaml.safe_load((folder / "own.yaml").read_text())
    own["experiments"]["pair"]["learning_rate"] = 500
    (folder / "bad.yaml").write_text(yaml.safe_dump(own))
    code, said = run(folder, CLAIM, overlay="bad.yaml")
    assert code != 0 and "diverged" in said, said


def spoilt(how: str) -> Callable[[Path, random.Random], None]:
    """A job in the middle of the graph ends before its time."""

    def spoil(folder: Path, rng: random.Random) -> None:
        path = folder / FORECAST
        text = path.read_text()
        path.write_text(text + f"\nimport os\ndef audit(*_):\n    {how}\n")
        assert run(folder, CLAIM)[0] != 0
        path.write_text(text)

    spoil.__doc__ = f"A job in the middle of the graph does {how}."
    return spoil


def killed(number: int) -> Callable[[Path, random.Random], None]:
    """A signal to the run, and for SIGKILL to all its processes, after some seconds."""

    def kill(folder: Path, rng: random.Random) -> None:
        process = start(folder, CLAIM)
        time.sleep(rng.uniform(1.0, 25.0))
        whole = number == signal.SIGKILL
        (os.killpg if whole else os.kill)(process.pid, number)
        process.communicate(timeout=600)

    kill.__doc__ = f"The run gets signal {number}."
    return kill


def forgets(folder: Path, rng: random.Random) -> None:
    """Somebody deletes Snakemake's own folder."""
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)


def deletes(folder: Path, rng: random.Random) -> None:
    """Somebody deletes a few results."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    for path in rng.sample(files, min(5, len(files))):
        path.unlink()


def restores(folder: Path, rng: random.Random) -> None:
    """Somebody puts back a result of an earlier state, with its date."""
    kept = folder / "kept"
    files = sorted(path for path in kept.rglob("*") if path.is_file()) if kept.exists() else []
    for path in rng.sample(files, min(3, len(files))):
        target = folder / "results" / path.relative_to(kept)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def copies(folder: Path, rng: random.Random) -> None:
    """The folder is copied, so that dates tell nothing, and the copy takes its place."""
    other = folder.with_name("copy")
    subprocess.run(["cp", "-r", str(folder), str(other)], check=True)
    shutil.rmtree(folder)
    other.rename(folder)


FAILURES: list[Callable[[Path, random.Random], None]] = [
    nothing,
    diverges,
    spoilt('raise RuntimeError("spoilt")'),
    spoilt("os.kill(os.getpid(), 9)"),
    killed(signal.SIGKILL),
    killed(signal.SIGINT),
    forgets,
    deletes,
    restores,
    copies,
]
HELP = {  # what a run says -> what then helps
    "--unlock": ["--unlock"],
    "at hand": [CLAIM, "--forceall"],
    "not what was written": [CLAIM, "--forceall"],
}


def clean(where: Path, name: str) -> bytes:
    """The verdict of a clean folder in a state, made once."""
    folder = where / f"clean {name}"
    if not folder.exists():
        copy_project(folder)
        put(folder, name)
        code, said = run(folder, CLAIM)
        assert code == 0, said
    return (folder / VERDICT).read_bytes()


def once(where: Path, folder: Path, rng: random.Random) -> str:
    """One round; what happened, in words."""
    name, failure = rng.choice(STATES), rng.choice(FAILURES)
    put(folder, name)
    failure(folder, rng)
    put(folder, name)
    told = f"{name}: {failure.__doc__}"
    target = rng.choice([CLAIM, CLAIM, VERDICT, f"explain_{CLAIM}"])
    code, said = run(folder, target)
    for _ in range(3):
        if code == 0:
            break
        helps = [arguments for words, arguments in HELP.items() if words in said]
        assert helps, f"{told} Then {target} failed without saying what helps:\n{said}"
        told += f" Refused; {helps[0][-1]}."
        run(folder, *helps[0])
        code, said = run(folder, target)
    assert code == 0, f"{told} {said}"
    if target == VERDICT:  # that alone presents nothing; whoever reads it on is told
        code, said = run(folder, CLAIM)
        if code != 0:
            assert "at hand" in said or "not what was written" in said, said
            told += " Refused by its reader; --forceall."
            code, said = run(folder, CLAIM, "--forceall")
        assert code == 0, said
    assert (folder / VERDICT).read_bytes() == clean(where, name), f"{told} Another verdict."
    shutil.rmtree(folder / "kept", ignore_errors=True)
    shutil.copytree(folder / "results", folder / "kept")
    return told


def main(rounds: int, seed: int) -> None:
    """So many rounds, from a fixed seed."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="neuron_race-fuzz-") as where:
        folder = copy_project(Path(where) / "its race")
        for i in range(rounds):
            print(f"{i + 1} of {rounds}: {once(Path(where), folder, rng)}", flush=True)
    print(f"{rounds} of {rounds} rounds: every verdict is that of a clean folder")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    )
