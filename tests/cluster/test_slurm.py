"""The workflow on a real single-node Slurm, disturbed on purpose; Slurm's own records are asked."""

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from smoke_run import contents, copy_project, environment
from threadpoolctl import threadpool_limits

from neuron_race.common import storage
from neuron_race.settings import multiverse, reading
from neuron_race.studies import multiverse as study
from neuron_race.studies.trained import multiverse as trained

HERE = Path(__file__).parent
NEEDED = ("slurmctld", "slurmd", "sbatch", "munged")
MISSING = [p for p in NEEDED if not shutil.which(p, path="/usr/sbin:/sbin:/usr/bin:/bin")]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(MISSING), reason=f"no Slurm here: {', '.join(MISSING)} not found"),
]
SMOKE = ("--configfile", "config/smoke.yaml")
# What the profile leaves to the site: no accounting database here, and no need to wait long.
SLURM = (
    *("--profile", "profiles/slurm", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"),
)


class Slurm:
    """A running Slurm: start commands under it, and ask it what happened."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(folder),
            "PYTHONWARNINGS": "default",
        }

    def start(self, folder: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start snakemake in a folder; its output goes to ``said.txt`` there."""
        with open(folder / "said.txt", "w") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=folder,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                env={"PYTHONPATH": environment(folder)["PYTHONPATH"], **self.environment},
            )

    def ask(self, *command: str) -> str:
        """Output of one of Slurm's commands."""
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, env=self.environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> dict[str, dict[str, str]]:
        """All jobs by id, as ``scontrol show job`` has them."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return {job["JobId"]: job for job in jobs if "JobId" in job}

    def find(self, state: str, comment: str) -> list[str]:
        """Ids of jobs in a state whose comment, which names the rule, starts so."""
        return [
            number
            for number, job in self.jobs().items()
            if job["JobState"] == state and job.get("Comment", "").startswith(comment)
        ]

    def completed(self) -> dict[str, str]:
        """Final states by job id, from the file that Slurm writes at the end of each job."""
        text = (self.folder / "jobs.txt").read_text()
        return dict(re.findall(r"^JobId=(\d+) .*? JobState=(\S+)", text, re.M))


def wait_for(what: Callable[[], object], process: subprocess.Popen[str], seconds: float) -> None:
    """Wait until something is true while a process runs."""
    end = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "the run ended before its time"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.3)


def end(run: subprocess.Popen[str]) -> None:
    """End a run that a failed test left; its jobs end with Slurm."""
    if run.poll() is None:
        run.kill()
        run.wait(timeout=30)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A Slurm that stops with the tests, even if they are killed: it ends with its input."""
    folder = tmp_path_factory.mktemp("slurm") / "own"
    process = subprocess.Popen(
        [HERE / "local_slurm.sh", folder, "cat"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stderr
    for _ in range(300):
        if (folder / "ready").exists() or process.poll() is not None:
            break
        time.sleep(0.2)
    assert (folder / "ready").exists(), process.stderr.read()
    yield Slurm(folder)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    process.stderr.close()
    left = subprocess.run(["pgrep", "-af", str(folder)], capture_output=True, text=True).stdout
    assert not left, left


class Disturbed:
    """A run in which the node was drained and a job cancelled, and what was seen on the way."""

    folder: Path
    said: str
    cancelled: str
    waited: list[dict[str, str]]
    jobs: dict[str, dict[str, str]]
    states: dict[str, str]


@pytest.fixture(scope="module")
def disturbed(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    """Run one claim of the smoke preset; drain the node and cancel a training job on the way."""
    seen = Disturbed()
    seen.folder = copy_project(tmp_path_factory.mktemp("slurm run") / "race")
    run = slurm.start(seen.folder, *SLURM, "overparameterization", *SMOKE)
    try:
        wait_for(lambda: slurm.find("RUNNING", "rule_train_capacity"), run, 300)
        (seen.cancelled,) = slurm.find("RUNNING", "rule_train_capacity")
        slurm.ask("scontrol", "update", "nodename=here", "state=drain", "reason=test")
        slurm.ask("scancel", seen.cancelled)
        wait_for(lambda: slurm.find("PENDING", "rule_train_capacity"), run, 180)
        # Jobs that ran already may finish; then nothing starts.
        wait_for(lambda: not slurm.find("RUNNING", "") + slurm.find("COMPLETING", ""), run, 300)
        time.sleep(5)
        seen.waited = list(slurm.jobs().values())
        assert run.poll() is None
        slurm.ask("scontrol", "update", "nodename=here", "state=resume")
        assert run.wait(timeout=500) == 0, (seen.folder / "said.txt").read_text()[-3000:]
    finally:
        end(run)
    seen.said = (seen.folder / "said.txt").read_text()
    seen.jobs, seen.states = slurm.jobs(), slurm.completed()
    return seen


def test_jobs_ran_under_slurm(disturbed: Disturbed) -> None:
    verdict = storage.read_json(disturbed.folder / "results/claims/overparameterization.json")
    assert verdict["preset"] == "smoke"
    submitted = re.findall(r"submitted with SLURM jobid (\d+)", disturbed.said)
    assert len(submitted) == len(set(submitted)) >= 10
    rules = set()
    for number in submitted:
        job = disturbed.jobs[number]
        assert job["NodeList"] == "here" and job["WorkDir"] == str(disturbed.folder).split()[0]
        expected = "CANCELLED" if number == disturbed.cancelled else "COMPLETED"
        assert job["JobState"] == disturbed.states[number] == expected
        rules.add(job["Comment"].split("_wildcards")[0])
    # Evidence and verdict are one job.
    trained = {rule for rule in rules if rule.startswith("rule_train_")}
    assert "rule_train_capacity" in trained
    alone = {"rule_dataset", "rule_dynamics", "rule_figure_overparameterization"}
    assert alone <= rules
    (together,) = rules - trained - alone - {"rule_predict", "rule_compare_laws"}
    assert {"verdict", "evidence"} <= set(together.split("_"))


def test_cancelled_job_is_retried_with_more_memory(disturbed: Disturbed) -> None:
    assert "Trying to restart job" in disturbed.said
    first = disturbed.jobs[disturbed.cancelled]
    assert first["JobState"] == "CANCELLED"
    (again,) = [
        job
        for job in disturbed.jobs.values()
        if job["Comment"] == first["Comment"] and job["JobState"] == "COMPLETED"
    ]
    assert int(again["JobId"]) > int(first["JobId"])
    memory = [re.findall(r"mem=(\d+)([MG])", job["TRES"])[0] for job in (first, again)]
    size, resized = (int(n) * (1000 if unit == "G" else 1) for n, unit in memory)
    assert resized == pytest.approx(2 * size, rel=0.05)


def test_jobs_wait_while_the_node_is_drained(disturbed: Disturbed) -> None:
    waiting = [job for job in disturbed.waited if job["JobState"] == "PENDING"]
    assert waiting and not any(job["JobState"] == "RUNNING" for job in disturbed.waited)
    for job in waiting:
        assert disturbed.states[job["JobId"]] == "COMPLETED"


def test_same_bits_as_without_slurm(disturbed: Disturbed, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "local")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "overparameterization", *SMOKE]
    own = environment(folder)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, env=own)
    assert done.returncode == 0, done.stderr
    local = contents(folder)
    assert len(local) > 40
    assert local == contents(disturbed.folder)


@pytest.mark.skipif(
    shlex.quote(sys.executable) != sys.executable,
    reason="the executor's arrays need an environment whose path has no spaces",
)
def test_a_sweep_is_one_array_job(slurm: Slurm, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "array")
    (folder / "shards.yaml").write_text("shard: condition\n")
    target = "results/dynamics/two_features/runs.csv"
    arrays = ("--slurm-array-jobs", "train_two_features")
    run = slurm.start(folder, *SLURM, *arrays, target, *SMOKE, "shards.yaml")
    try:
        assert run.wait(timeout=500) == 0, (folder / "said.txt").read_text()[-3000:]
    finally:
        end(run)
    tasks = [job for job in slurm.jobs().values() if "ArrayTaskId" in job]
    assert sorted(job["ArrayTaskId"] for job in tasks) == ["1", "2", "3"]
    assert len({job["ArrayJobId"] for job in tasks}) == 1
    assert {job["JobState"] for job in tasks} == {"COMPLETED"}
    assert {path.stem for path in folder.glob("results/runs/*/*.npz")} == {
        "two",
        "one",
        "two_frozen",
    }


@pytest.mark.slow
def test_a_part_of_the_full_multiverse_goes_on_after_it_was_killed(
    slurm: Slurm, tmp_path: Path
) -> None:
    """Of digits, which need no download; the table is that of a loop without a cluster."""
    folder = copy_project(tmp_path / "universes")
    part = "multiverse: {universes: 120, shards: 3, decisions: {data: {options: [digits]}}}\n"
    (folder / "part.yaml").write_text(part)
    target, settings = "results/multiverse/runs.csv", ("config/full.yaml", "part.yaml")
    command = (*SLURM, target, "--configfile", *settings)
    shards = [folder / f"results/multiverse/shard_{number}.npz" for number in range(3)]

    def finished() -> dict[Path, int]:
        return {path: path.stat().st_ino for path in shards if path.exists()}

    earlier = set(slurm.jobs())

    def half_way() -> bool:
        """One shard is trained, and of another some universes."""
        done = set(slurm.find("COMPLETED", "rule_multiverse_train")) - earlier
        kept = folder.glob("results/checkpoints/runs/multiverse/shard_*/*/*.npz")
        begun = {path.parts[-3] for path in kept}
        return bool(done) and bool(begun - {path.stem for path in finished()})

    run = slurm.start(folder, *command)
    try:
        wait_for(half_way, run, 300)
    finally:
        end(run)
    slurm.ask("scancel", "--partition=main")
    while slurm.find("RUNNING", "") + slurm.find("COMPLETING", ""):
        time.sleep(0.3)
    before, submitted = finished(), set(slurm.jobs())
    assert 1 <= len(before) <= 2
    assert slurm.start(folder, "--unlock", *command).wait(timeout=60) == 0
    run = slurm.start(folder, *command)
    try:
        assert run.wait(timeout=500) == 0, (folder / "said.txt").read_text()[-3000:]
    finally:
        end(run)
    assert before.items() <= finished().items()
    again = [job["Comment"] for number, job in slurm.jobs().items() if number not in submitted]
    assert sum("multiverse_train" in comment for comment in again) == 3 - len(before)
    config = reading.merged([folder / name for name in ("config/config.yaml", *settings)])
    universes = multiverse.Universes(config["multiverse"], "cpu")[:]
    with threadpool_limits(1):  # as in jobs: another number of threads gives other bits
        arrays = trained.train(universes, {}, tmp_path / "alone", "without Slurm")
        storage.write_table(tmp_path / "runs.csv", study.table(universes, arrays, {}))
    assert (folder / target).read_bytes() == (tmp_path / "runs.csv").read_bytes()


@pytest.mark.slow
def test_the_whole_smoke_preset(slurm: Slurm, smoke: Path, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "its race")
    before = set(slurm.completed())
    run = slurm.start(folder, *SLURM, *SMOKE)
    try:
        assert run.wait(timeout=3000) == 0, (folder / "said.txt").read_text()[-3000:]
    finally:
        end(run)
    said = (folder / "said.txt").read_text()
    submitted = re.findall(r"submitted with SLURM jobid (\d+)", said)
    states = slurm.completed()
    assert {number: states[number] for number in states if number not in before} == dict.fromkeys(
        submitted, "COMPLETED"
    )
    # Every job but those that only collect others was Slurm's.
    local = re.findall(r"^localrule (\w+):", said, re.M)
    assert len(submitted) > 100 and set(local) <= {"all"}
    remote = contents(folder)
    assert len(remote) > 300
    assert remote == contents(smoke)


@pytest.mark.slow
def test_commands_of_the_documents(tmp_path: Path) -> None:
    """All but for the installation; that of full scale as a dry run."""
    folder = copy_project(tmp_path / "race")
    shutil.copytree(HERE, folder / "tests/cluster")
    section = (
        (folder / "docs/running.md").read_text().split("## On a cluster\n")[1].split("\n## ")[0]
    )
    there, here = re.findall(r"```\n(.*?)```", section, re.S)
    plan, full = there.splitlines()
    assert plan.startswith("make plan ") and full.startswith("snakemake --profile profiles/slurm ")
    (folder / ".venv").symlink_to(sys.prefix)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin"
    run = {
        "cwd": folder,
        "text": True,
        "capture_output": True,
        "env": {**environment(folder), "PATH": path},
    }
    done = subprocess.run(["make", "--assume-old=.venv/.ready", "plan"], **run)
    assert done.returncode == 0 and "CPU-hours" in done.stdout, done.stderr
    done = subprocess.run([*shlex.split(full), "--dry-run"], **run)
    assert done.returncode == 0 and "train_capacity" in done.stdout + done.stderr
    lines = here.replace("\\\n", " ").replace("/tmp/slurm", str(tmp_path / "slurm")).splitlines()
    assert lines[0] == "apt-get install slurm-wlm munge" and lines[-1].split()[0] == "exit"
    shell = shlex.split(lines[1], comments=True)
    done = subprocess.run(shell, input="\n".join(lines[2:]), timeout=900, **run)
    assert done.returncode == 0, done.stderr
    assert "JobState=COMPLETED" in done.stdout
    assert (folder / "small/results/claims/unlocking.json").exists()
    left = subprocess.run(["pgrep", "-af", str(tmp_path)], capture_output=True, text=True).stdout
    assert not left, left


def test_any_scheduler_with_a_submit_command(slurm: Slurm, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "generic")
    before = set(slurm.completed())
    target = "results/dynamics/two_features/runs.csv"
    run = slurm.start(folder, "--profile", "profiles/generic", target, *SMOKE)
    try:
        wait_for(lambda: "train_two_features" in slurm.ask("squeue", "-ho%j"), run, 240)
        slurm.ask("scancel", "--name=train_two_features")
        assert run.wait(timeout=400) == 0, (folder / "said.txt").read_text()[-3000:]
    finally:
        end(run)
    jobs = [job for number, job in slurm.jobs().items() if number not in before]
    states = sorted((job["JobName"], job["JobState"]) for job in jobs)
    assert states == [
        ("dataset", "COMPLETED"),
        ("dataset", "COMPLETED"),
        ("dynamics", "COMPLETED"),
        ("train_two_features", "CANCELLED"),
        ("train_two_features", "COMPLETED"),
    ]
    assert (folder / target).stat().st_size > 100
