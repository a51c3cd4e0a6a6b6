"""Presets: each in a folder of its own, planned before it runs, cut into shards that fit."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from smoke_run import snakemake

from neuron_race.common import storage
from neuron_race.operations import planning
from neuron_race.settings import configuration

ROOT = Path(__file__).parents[2]
FULL = ROOT / "config/full.yaml"
SMOKE = ("--configfile", "config/smoke.yaml")


@pytest.fixture(scope="module")
def plan() -> ModuleType:
    """The script behind `make plan`."""
    spec = importlib.util.spec_from_file_location("plan", ROOT / "workflow/scripts/plan.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_full_scale_is_planned_in_jobs_that_fit(plan: ModuleType) -> None:
    jobs = plan.plan([str(FULL)])  # a dry run of it
    full, default = plan.read_settings([str(FULL)]), plan.read_settings([])
    assert len(full.seeds) == 30 and not set(full.seeds) & {0, 1, 2}
    assert set(full.seeds) > set(default.seeds)
    wanted = {f"{e}/{c}" for e, conditions in full.experiments.items() for c in conditions}
    assert set(jobs.loc[jobs["rule"] == "train", "name"]) == wanted
    assert set(jobs.loc[jobs["rule"] == "dataset", "name"]) == set(full.datasets)
    assert {o["images"] for o in full.datasets.values() if o["kind"] == "images"} == {
        "mnist",
        "cifar10",
    }
    # What a cluster runs on other image pairs is what the preset of them runs.
    images, own = (
        configuration.read_yaml(ROOT / f"config/{name}.yaml") for name in ("images", "full")
    )
    assert images["datasets"] == own["datasets"] and images["replicate"] == own["replicate"]
    assert max(o["width"] for o in full.experiments["capacity"].values()) == 4096
    mapped, usual = (
        {name: o for name, o in preset.experiments["regimes"].items() if not o.get("without")}
        for preset in (full, default)
    )
    grid = {(o["alpha"], o["width"]) for o in mapped.values()}
    alphas, widths = map(set, zip(*grid, strict=True))
    assert len(grid) == len(alphas) * len(widths) >= 3 * len(usual)
    # Every name in the regime map says what it is; figures read it so.
    for name, o in mapped.items():
        digit, exponent, width = name[1], name[3], name.split("_m")[1]
        assert o["width"] == int(width)
        assert o["alpha"] == pytest.approx(int(digit) * 10.0 ** -int(exponent))
    assert (jobs["seconds"] <= 3600).all() and (jobs["memory_mb"] <= 8192).all()
    assert jobs.loc[jobs["rule"] == "train", "seconds"].min() > 0
    # No kind of job is forgotten.
    unmeasured = set(jobs.loc[jobs["seconds"] == 0, "rule"])
    assert not unmeasured & {"extension", "figure", "verdict", "tickets", "notebook"}
    # Everything that the default preset asks for is asked for here too.
    for name, conditions in default.experiments.items():
        assert set(conditions) <= set(full.experiments[name])


def test_measured_costs_are_given_back_for_the_measured_preset(plan: ModuleType) -> None:
    measured = plan.pd.read_csv(plan.MEASURED, keep_default_na=False)
    default = plan.read_settings([])
    forecaster = planning.Forecaster(planning.read_measured(plan.MEASURED), default)
    for rule, jobs in measured.groupby("rule"):
        forecast = sum(forecaster.cost(default, rule, name).seconds for name in jobs["name"])
        # Start-ups differ between jobs, rates are fitted on the whole.
        assert forecast == pytest.approx(jobs["seconds"].sum(), rel=0.05), rule


def test_long_jobs_are_planned_one_by_one_within_a_factor_of_two_and_a_half(
    plan: ModuleType,
) -> None:
    measured = plan.pd.read_csv(plan.MEASURED, keep_default_na=False)
    default = plan.read_settings([])
    forecaster = planning.Forecaster(planning.read_measured(plan.MEASURED), default)
    long = measured[measured["seconds"] > 5]
    assert len(long) > 30 and {"train", "dynamics", "train_study", "tickets"} <= set(long["rule"])
    for rule, name, seconds in long[["rule", "name", "seconds"]].itertuples(index=False):
        ratio = forecaster.cost(default, rule, name).seconds / seconds
        assert 0.4 < ratio < 2.5, (rule, name)
        # Its time limit, in minutes, leaves room for slower machines.
        assert 10 <= forecaster.minutes(default, rule, name) <= 60
        assert 60 * forecaster.minutes(default, rule, name) > 3 * seconds


def test_too_large_jobs_are_named(tmp_path: Path) -> None:
    overlay = tmp_path / "wide.yaml"
    overlay.write_text("experiments: {teacher: {width: 200000}}\n")
    script = str(ROOT / "workflow/scripts/plan.py")
    done = subprocess.run([sys.executable, script, overlay], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Beyond 1 h or 8192 MB" in done.stderr and "teacher" in done.stderr
    assert "clusters" not in done.stderr


def test_forecast_file_sizes_are_those_of_files(smoke: Path) -> None:
    read = [smoke / "config/config.yaml", smoke / "config/smoke.yaml"]
    datasets = configuration.read_yaml(read[0])["datasets"]
    experiments = configuration.read_yaml(read[0])["experiments"]
    compared = 0
    for sidecar in sorted((smoke / "results/runs").glob("*/*.json")):
        if sidecar.parent.name not in experiments:
            continue  # of models of any kind, whose sizes are not planned
        content = storage.read_json(sidecar)
        options = content["parameters"]["options"]
        run = sidecar.with_suffix(".npz")
        last = storage.read_arrays(run, ("step",))["step"][-1]
        size = planning.Size.of(options, datasets[options["dataset"]])
        if last == options["max_steps"]:
            compared += 1
            # Some pixels are always dark, so that data have fewer coordinates than assumed.
            assert 0.97 < size.file_bytes / run.stat().st_size < 1.15, run
    assert compared > 10


def test_presets_do_not_mix(smoke: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (smoke / "results").rglob("*")}
    for options in (("--cores", "1"), ("--cores", "1", "-n"), ("--cores", "1", "racing")):
        done = snakemake(smoke, *options)
        said = done.stdout + done.stderr
        assert done.returncode != 0 and "Traceback" not in said
        assert "results/preset.json" in said and "--directory" in said and "make clean" in said
        assert "preset 'smoke'" in said and "preset 'default'" in said
    assert {path: path.stat().st_mtime_ns for path in (smoke / "results").rglob("*")} == before
    # Elsewhere it may, and an overlay that keeps the name may too; plans leave no stamp.
    assert json.loads((smoke / "results/preset.json").read_text()) == {"preset": "smoke"}
    elsewhere = tmp_path / "elsewhere"
    assert snakemake(smoke, "--cores", "1", "-n", "--directory", str(elsewhere)).returncode == 0
    assert not (elsewhere / "results").exists()
    overlay = tmp_path / "more.yaml"
    overlay.write_text("experiments: {pair: {max_steps: 900}}\n")
    assert snakemake(smoke, "--cores", "1", "-n", *SMOKE, str(overlay)).returncode == 0


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"other": 1}', "null", "[" * 100_000])
def test_a_spoilt_stamp_is_refused(tmp_path: Path, stamp: str) -> None:
    (tmp_path / "preset.json").write_text(stamp)
    with pytest.raises(configuration.SettingsError, match=r"preset\.json: can't be read"):
        configuration.check_preset(tmp_path, "smoke")


def test_shards_give_the_same_bits(smoke: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "shards.yaml"
    overlay.write_text("shard: condition\n")
    target = "results/dynamics/two_features/runs.csv"
    folder = tmp_path / "shards"
    done = snakemake(
        smoke, target, "--cores", "2", "--directory", str(folder), *SMOKE, str(overlay)
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("rule train_two_features:") == 3
    made = [path.relative_to(folder) for path in folder.glob("results/runs/*/*")]
    assert len(made) == 6
    for path in [*made, Path(target)]:
        assert (folder / path).read_bytes() == (smoke / path).read_bytes(), path


@pytest.mark.parametrize("content", ["", "[1]", "preset: full", "__use_yte__: true"])
def test_plan_refuses_what_is_no_overlay(plan: ModuleType, tmp_path: Path, content: str) -> None:
    (tmp_path / "more.yaml").write_text(content)
    if content == "preset: full":
        assert plan.read_settings([str(tmp_path / "more.yaml")]).preset == "full"
        return
    with pytest.raises(SystemExit, match=r"more\.yaml: "):
        plan.main([str(tmp_path / "more.yaml")])


@pytest.mark.parametrize("table", ["", "a,b\n1,2\n", "rule,name,seconds,memory_mb\nx,y,z,1\n"])
def test_a_spoilt_table_of_costs_is_told_by_name(tmp_path: Path, table: str) -> None:
    (tmp_path / "costs.csv").write_text(table)
    if not table:
        assert planning.read_measured(tmp_path / "costs.csv") == []
        return
    with pytest.raises(storage.ResultError, match=r"costs\.csv: no table of measured costs"):
        planning.read_measured(tmp_path / "costs.csv")


def test_measured_jobs_that_a_configuration_no_longer_has_are_left_out(plan: ModuleType) -> None:
    content = configuration.read_yaml(ROOT / "config/config.yaml")
    measured = planning.read_measured(plan.MEASURED)
    gone = [planning.Cost(1e6, 1e6, 0.0, "train", "gone"), planning.Cost(9, 9, 0, "cosines", "no")]
    default = configuration.read(content, ROOT)
    with_them = planning.Forecaster([*measured, *gone], default)
    without = planning.Forecaster(measured, default)
    assert with_them.rates == without.rates and with_them.memory == without.memory
    assert without.cost(default, "fetch_images", "mnist").seconds == 0
