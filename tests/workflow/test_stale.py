"""No target presents a verdict that other data, settings or code made, whatever happened before.

All tests ask for a single claim, of a run small enough to be made within seconds.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from smoke_run import copy_project, snakemake

from neuron_race.common import storage

CLAIM = "circularity"
VERDICT = f"results/claims/{CLAIM}.json"
TINY = {"experiments": {"pair": {"width": 20, "max_steps": 40}}}
MODULE = "workflow/src/neuron_race/theory/forecast.py"
# What a spoilt module does in `audit`, the job in the middle of the graph.
RAISES = 'raise RuntimeError("spoilt")'
DIES = "os.kill(os.getpid(), 9)"


def overlay(folder: Path, name: str, content: object) -> str:
    """Write a configuration file into a project's folder; its name."""
    (folder / name).write_text(yaml.safe_dump(content))
    return name


def run(folder: Path, *targets: str, more: str | None = None) -> subprocess.CompletedProcess[str]:
    """Ask for targets of the tiny run, with one more overlay or none."""
    files = ["config/smoke.yaml", "tiny.yaml", *([more] if more else [])]
    return snakemake(folder, "--cores", "1", *(targets or (CLAIM,)), "--configfile", *files)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All that a run printed."""
    return done.stdout + done.stderr


def started(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Rules of the jobs that a run started, but those that tell what is there."""
    return set(re.findall(r"^(?:local)?rule (\w+):", said(done), re.M)) - {CLAIM}


def judged(folder: Path) -> bytes:
    """The verdict as it is."""
    return (folder / VERDICT).read_bytes()


def spoil(folder: Path, how: str) -> Callable[[], object]:
    """Let the audit fail; what puts it right again."""
    path = folder / MODULE
    before = path.read_text()
    head = "def audit("
    assert before.count(head) == 1
    at = before.index('"""', before.index('"""', before.index(head)) + 3) + 3
    path.write_text(f"{before[:at]}\n    import os\n    {how}\n{before[at:]}")
    return lambda: path.write_text(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run, finished."""
    folder = copy_project(tmp_path_factory.mktemp("tiny") / "its race")
    overlay(folder, "tiny.yaml", TINY)
    done = run(folder, CLAIM, f"results/provenance/{CLAIM}.json")
    assert done.returncode == 0, said(done)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "its race", symlinks=True))


@pytest.fixture(scope="module")
def wider(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The verdict of a clean folder whose networks have another width."""
    folder = copy_project(tmp_path_factory.mktemp("wider") / "its race")
    overlay(folder, "tiny.yaml", TINY)
    done = run(folder, more=overlay(folder, "more.yaml", WIDER))
    assert done.returncode == 0, said(done)
    return judged(folder)


WIDER = {"experiments": {"pair": {"width": 30}}}
DIVERGES = {"experiments": {"pair": {"learning_rate": 500}}}


def test_a_failed_training_leaves_no_target_with_the_old_verdict(folder: Path) -> None:
    more, before = overlay(folder, "more.yaml", DIVERGES), judged(folder)
    for target in (CLAIM, CLAIM, f"explain_{CLAIM}", f"results/notebooks/{CLAIM}.html"):
        done = run(folder, target, more=more)
        assert done.returncode != 0 and "diverged" in said(done), target
        assert not re.search(rf"^ *{CLAIM} .*(supported|inconclusive)", said(done), re.M)
    # With the settings of the verdict it is as good as before.
    assert run(folder).returncode == 0
    assert judged(folder) == before


@pytest.mark.parametrize(
    "target",
    [
        "all",
        "strict",
        *(
            pytest.param(t, marks=pytest.mark.slow)
            for t in ("crate", "check_reference", "results/claims.csv")
        ),
    ],
)
def test_targets_of_all_claims_make_the_verdict_again(folder: Path, target: str) -> None:
    """They would take long, so that their plans must do."""
    more = overlay(folder, "more.yaml", DIVERGES)
    assert {"train_pair", "verdict"} <= started(run(folder, "-n", target, more=more))


@pytest.mark.slow
@pytest.mark.parametrize("how", [RAISES, DIES])
def test_a_failed_job_in_the_middle_leaves_none(folder: Path, wider: bytes, how: str) -> None:
    mend = spoil(folder, how)
    more = overlay(folder, "more.yaml", WIDER)
    for _ in range(2):
        done = run(folder, more=more)
        assert done.returncode != 0 and "Error in rule audit" in said(done)
    mend()
    done = run(folder, more=more)
    assert done.returncode == 0, said(done)
    assert judged(folder) == wider


def test_a_code_error_alone_leaves_none(folder: Path) -> None:
    before = judged(folder)
    mend = spoil(folder, RAISES)
    assert run(folder).returncode != 0
    assert run(folder).returncode != 0
    assert run(folder, f"explain_{CLAIM}").returncode != 0
    mend()
    done = run(folder)
    assert done.returncode == 0 and "train_pair" not in started(done)
    assert judged(folder) == before


@pytest.mark.slow
def test_a_lost_record_of_snakemake_makes_nothing_pass(folder: Path, wider: bytes) -> None:
    shutil.rmtree(folder / ".snakemake")
    done = run(folder)  # the settings are those of what lies there
    assert done.returncode == 0 and not started(done)
    shutil.rmtree(folder / ".snakemake")
    done = run(folder, VERDICT, more=overlay(folder, "more.yaml", WIDER))
    assert done.returncode == 0, said(done)
    assert judged(folder) == wider


@pytest.mark.slow
def test_triggers_that_ask_for_less_make_nothing_pass(folder: Path, wider: bytes) -> None:
    more = overlay(folder, "more.yaml", WIDER)
    options = ("--cores", "1", VERDICT, "--rerun-triggers", "mtime")
    done = snakemake(folder, *options, "--configfile", "config/smoke.yaml", "tiny.yaml", more)
    assert done.returncode == 0, said(done)
    assert judged(folder) == wider


@pytest.mark.parametrize(
    "name",
    [
        VERDICT,
        pytest.param(f"results/evidence/{CLAIM}.csv", marks=pytest.mark.slow),
        "results/runs/pair/gaussian.npz",
    ],
)
def test_a_replaced_file_is_refused_by_name(folder: Path, tmp_path: Path, name: str) -> None:
    """Also where it has the date of the old one, which Snakemake goes by, and is as good a file."""
    path = folder / name
    then, before = path.stat().st_mtime_ns, path.read_bytes()
    content = bytearray(before)
    content[-20] ^= 1
    if path.suffix == ".npz":
        arrays = storage.read_arrays(path)
        storage.write_arrays(tmp_path / "other.npz", {**arrays, "loss": 1.001 * arrays["loss"]})
        content = bytearray((tmp_path / "other.npz").read_bytes())
        # Copying the folder has made two files of one.
        (kept,) = folder.glob("results/checkpoints/runs/pair/gaussian/*.npz")
        kept.unlink()
        os.link(path, kept)
    path.write_bytes(content)  # into the file itself, as cp does
    os.utime(path, ns=(then, then))
    target = CLAIM
    if name.startswith("results/runs"):  # a verdict that is there does not read it again
        target = "results/audit/pair/runs.csv"
        (folder / target).unlink()
    done = run(folder, target)
    assert done.returncode != 0 and f"{name}: not what was written" in said(done)
    path.unlink()
    done = run(folder, target)
    assert done.returncode == 0, said(done)
    assert path.read_bytes() == before  # made anew, and not fetched from where it was kept


def test_dates_decide_nothing(folder: Path, tmp_path: Path) -> None:
    for path in (folder / "workflow").rglob("*"):
        path.touch()
    done = run(folder)
    assert done.returncode == 0 and not started(done)
    copied = tmp_path / "copied"
    subprocess.run(["cp", "-r", str(folder), str(copied)], check=True)
    # Inputs newer than what was made of them.
    for i, path in enumerate(sorted(copied.rglob("results/**/*"), reverse=True)):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + i))
    done = run(copied)
    assert done.returncode == 0 and not started(done)


def test_an_edit_and_its_undoing_make_nothing_again(folder: Path) -> None:
    module = folder / "workflow/src/neuron_race/theory/forecast.py"
    before = module.read_text()
    module.write_text(f"{before}\n_EDITED = True\n")
    dry = run(folder, "-n")
    assert "forecast" in started(dry)
    module.write_text(before)
    done = run(folder)
    assert done.returncode == 0 and not started(done)


def test_what_no_rule_makes_is_said_before_any_job(folder: Path) -> None:
    claim = folder / f"config/claims/{CLAIM}.yaml"
    content = yaml.safe_load(claim.read_text())
    table = "audit/pair/neurons.csv"
    (folder / "results" / table).write_text("left by an older version\n")
    content["figure_tables"] = [table]
    claim.write_text(yaml.safe_dump(content, sort_keys=False))
    done = run(folder)
    assert done.returncode != 0 and table in said(done) and not started(done)


@pytest.mark.parametrize(
    ("gone", "word"),
    [
        pytest.param(
            *("workflow/src/neuron_race/measures/dynamics.py", "neuron_race/measures/dynamics.py"),
            marks=pytest.mark.slow,
        ),
        ("workflow/src/neuron_race/training/kernel.c", "kernel.c"),
        ("workflow/scripts/audit.py", "audit.py"),
        pytest.param("workflow/src/neuron_race/pages/page.css", "page.css", marks=pytest.mark.slow),
        ("workflow/src/neuron_race/figures/circularity.py", "circularity.py"),
    ],
)
def test_a_missing_part_of_the_project_is_said_before_any_job(
    folder: Path, gone: str, word: str
) -> None:
    (folder / gone).rename(folder / f"{gone}.gone")
    done = run(folder)
    assert done.returncode != 0 and word in said(done)
    assert not started(done) and "Traceback" not in said(done)


def test_code_edited_during_a_job_leaves_no_result(folder: Path) -> None:
    """Nobody could say which of the two states made it."""
    path = folder / MODULE
    spoil(folder, f"open({str(path)!r}, 'a').write('\\n# edited\\n')")
    done = run(folder)
    assert done.returncode != 0 and "edited while the run was going on" in said(done)
    assert not (folder / "results/audit/pair/runs.csv").exists()


def test_a_verdict_tells_its_settings(folder: Path) -> None:
    verdict = json.loads(judged(folder))
    assert verdict["changes"]["experiments.pair.width"] == [100, 20]
