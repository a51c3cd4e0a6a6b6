"""A finished run without its trained networks is still one, and trains again only if it must."""

from pathlib import Path

from smoke_run import contents, snakemake

SMOKE = ("--configfile", "config/smoke.yaml")


def test_a_slim_run_has_nothing_to_do_until_measuring_changes(finished: Path) -> None:
    before = contents(finished)
    done = snakemake(finished, "slim", "--cores", "1", *SMOKE)
    assert done.returncode == 0 and "trained networks deleted" in done.stdout, done.stderr
    after = contents(finished)
    networks = {name for name in before if name.startswith("results/checkpoints/")}
    folders = ("results/runs/", "results/multiverse/shard_")
    networks |= {name for name in before if name.startswith(folders) and name.endswith(".npz")}
    assert set(before) - set(after) == networks
    assert all(after[name] == before[name] for name in set(before) & set(after))
    again = snakemake(finished, "all", "-n", "--cores", "1", *SMOKE)
    assert "rule train_pair" not in again.stdout and "rule dynamics" not in again.stdout
    module = finished / "workflow/src/neuron_race/measures/dynamics.py"
    module.write_text(module.read_text().replace("0.25", "0.26"))
    edited = snakemake(finished, "all", "-n", "--cores", "1", *SMOKE)
    assert "rule train_pair" in edited.stdout and "rule dynamics" in edited.stdout
