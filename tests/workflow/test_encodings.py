"""What the real commands say on terminals that can't show Greek letters."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from smoke_run import copy_project, environment

from neuron_race.common import storage

# Of standard streams; the last is a locale without UTF-8, in which files would not be UTF-8 either.
TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
# The poorest; the others take half a minute.
QUICK = ("ascii", "LANG=C")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in TERMINALS if name not in QUICK]
SMOKE = ("--configfile", "config/smoke.yaml")
Say = Callable[..., tuple[int, str]]


@pytest.fixture(params=TERMINALS)
def say(request: pytest.FixtureRequest) -> Say:
    """Run a command of Python in a folder: its exit status, and all that it says."""
    terminal = TERMINALS[request.param]
    ours = ("LANG", "PYTHONIOENCODING", "PYTHONUTF8")

    def say(folder: Path, *command: str) -> tuple[int, str]:
        own = environment(folder).items()
        kept = {k: v for k, v in own if k not in ours and not k.startswith("LC_")}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=kept | terminal,
        )
        said = done.stdout.decode(terminal.get("PYTHONIOENCODING", "ascii"))
        # What Python does where a stream does not take a text, and how it would tell it otherwise.
        assert not re.search(
            r"UnicodeEncodeError|Logging error|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}", said
        )
        return done.returncode, said

    return say


@pytest.mark.parametrize("say", [*QUICK, *SLOW], indirect=True)
def test_explanation(smoke: Path, say: Say) -> None:
    code, said = say(smoke, "-m", "snakemake", "--cores", "1", "explain_racing", *SMOKE)
    assert code == 0, said
    assert re.search(r"cos (δ|delta)$", said, re.M) and re.search(
        r"level: \w+ [·.] expected: ", said
    )
    log = (smoke / "results/logs/explain/racing.log").read_text(encoding="utf-8")
    assert "Traceback" not in log


@pytest.mark.parametrize("say", QUICK, indirect=True)
def test_scripts(smoke: Path, tmp_path: Path, say: Say) -> None:
    # They tell names of files.
    storage.write_text(tmp_path / "Σ é.yaml", "colour: [\n")
    for script in ("plan.py", "overlays.py --configfile"):
        name, *options = script.split()
        code, said = say(smoke, f"workflow/scripts/{name}", *options, str(tmp_path / "Σ é.yaml"))
        assert code == 1 and re.search(r"(Σ|Sigma) (é|e)\.yaml", said), said
    code, said = say(smoke, "workflow/scripts/readme.py", "--check")
    assert code == 0, said


# A dry run says all on standard output, a run on standard error and in its log.
@pytest.mark.parametrize(
    ("say", "options"),
    [
        ("ascii", ["--dry-run"]),
        ("LANG=C", []),
        *(pytest.param(*name.values, ["--dry-run"], marks=pytest.mark.slow) for name in SLOW),
    ],
    indirect=["say"],
)
def test_messages_of_the_snakefile(tmp_path: Path, say: Say, options: list[str]) -> None:
    folder = copy_project(tmp_path / "Σ é")
    storage.write_text(folder / "own.yaml", "datasets: {Σ_α: {kind: teacher}}\n")
    command = ["-m", "snakemake", "--cores", "1", *options, "--configfile", "own.yaml"]
    code, said = say(folder, *command)
    assert code == 1 and re.search(r"datasets: name '(Σ_α|Sigma_alpha)': Names become", said), said
    assert "Traceback" not in said
    logs = list(folder.glob(".snakemake/log/*.log"))
    assert len(logs) == (not options)
    for log in logs:
        assert "name 'Σ_α': Names become" in log.read_text(encoding="utf-8")


def test_plan_in_a_folder_with_a_name_of_its_own(tmp_path: Path) -> None:
    """What Snakemake says is read, whatever the encoding of this terminal."""
    folder = copy_project(tmp_path / "Σ é")
    (folder / "smoke é.yaml").symlink_to("config/smoke.yaml")
    done = subprocess.run(
        [sys.executable, "workflow/scripts/plan.py", "smoke é.yaml"],
        cwd=folder,
        capture_output=True,
        env=environment(folder) | {"PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert b" CPU-hours, longest job" in done.stdout
