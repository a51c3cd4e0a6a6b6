"""The real thing in small: the smoke preset from nothing to figures, and again."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from smoke_run import contents, copy_project, make, snakemake

from neuron_race.common import storage
from neuron_race.models import shallow
from neuron_race.settings import configuration, schema
from neuron_race.training import runs

ROOT = Path(__file__).parents[2]
CLAIMS = configuration.read_register(ROOT / "config/claims")["claims"]
FIRST = configuration.read_yaml(ROOT / "config/smoke.yaml")["seeds"]["first"]
SEEDS = [FIRST, FIRST + 1]
SMOKE = ("--configfile", "config/smoke.yaml")


@pytest.mark.parametrize("claim", CLAIMS)
def test_verdict_and_figure(smoke: Path, claim: str) -> None:
    verdict = storage.read_json(smoke / f"results/claims/{claim}.json")
    schema.check(verdict, "verdict", claim)
    assert verdict["preset"] == "smoke" and verdict["n_runs"] == 2
    assert verdict["caveats"][0].startswith("Smoke preset")
    assert {c["name"] for c in verdict["criteria"]} == {
        c["name"] for c in CLAIMS[claim]["criteria"]
    }
    assert any(c["is_control"] for c in verdict["criteria"])
    for figure in verdict["figures"]:
        assert (smoke / figure).stat().st_size > 5_000
    assert (smoke / f"figures/{claim}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (smoke / f"figures/{claim}.pdf").read_bytes()[:5] == b"%PDF-"
    drawn = pd.read_csv(smoke / f"figures/{claim}.csv")
    assert len(drawn) > 0
    inputs = verdict["provenance"]["inputs"]
    evidence = smoke / f"results/evidence/{claim}.csv"
    assert inputs[f"{claim}.csv"] == storage.checksum(evidence)


def test_estimates_are_means_of_the_evidence(smoke: Path) -> None:
    for claim in CLAIMS:
        verdict = storage.read_json(smoke / f"results/claims/{claim}.json")
        values = pd.read_csv(smoke / f"results/evidence/{claim}.csv")
        for criterion in verdict["criteria"]:
            chosen = (values["criterion"] == criterion["name"]) & values["null"].isna()
            own = values.loc[chosen, "value"]
            assert len(own) == 2
            if own.notna().all():
                assert criterion["estimate"] == pytest.approx(own.mean(), rel=1e-8, abs=1e-12)


def test_run_files(smoke: Path) -> None:
    path = smoke / "results/runs/pair/gaussian.npz"
    arrays = storage.read_arrays(path)
    S, T, m, d = 2, len(arrays["step"]), 100, arrays["X_span"].shape[2]
    assert arrays["loss"].shape == (S, T)
    assert arrays["W_events_span"].shape[:3] == (S, 5, m)
    assert arrays["X_span"].shape == (S, 200, d) and arrays["X_span"].dtype == np.float64
    assert arrays["seed"].tolist() == SEEDS
    assert (arrays["loss"][:, -1] < 0.2 * arrays["loss"][:, 0]).all()
    sidecar = storage.read_json(path.with_suffix(".json"))
    assert sidecar["weights_kept"] == "events only"
    data = smoke / "results/datasets/digit_pairs.npz"
    assert sidecar["inputs"][data.name] == storage.checksum(data)


def test_stored_networks_fit_the_data_sets_own_inputs(smoke: Path) -> None:
    double, single = 1e-9, 1e-5
    for experiment, dataset, close in (
        ("late_winners", "digit_pairs", double),
        ("pair", "digit_pairs", single),
        ("clusters", "clusters", single),
    ):
        trained = runs.load(smoke / f"results/runs/{experiment}/gaussian.npz")
        data = runs.read_dataset(smoke / f"results/datasets/{dataset}.npz", SEEDS)
        found = runs.in_data_coordinates(trained, data)
        F = shallow.forward(data["X"], found["W_events"][:, -1], found["A_events"][:, -1])
        loss = shallow.loss(F, data["Y"], "squared")
        np.testing.assert_allclose(loss, trained.runs.loss[:, -1], rtol=close)


def test_second_run_has_nothing_to_do(smoke: Path) -> None:
    again = snakemake(smoke, "--cores", "2", *SMOKE)
    assert again.returncode == 0
    rules = re.findall(r"^(?:local)?rule (\w+):", again.stdout + again.stderr, re.M)
    assert rules == ["all"]  # which tells the verdicts; though the folder has moved


@pytest.mark.slow
def test_same_bits_on_one_core(smoke: Path, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "one core")
    done = snakemake(folder, "--cores", "1", "schedule", *SMOKE)
    assert done.returncode == 0, done.stderr

    one, two = contents(folder), contents(smoke)
    assert "results/claims/schedule.json" in one and "figures/schedule.png" in one
    assert {k: two[k] for k in one} == one
    # Just what the claim needs: no other claim's verdict, no data set it does not use.
    assert "results/claims/pruning.json" not in one
    assert not (folder / "results/datasets/teacher.npz").exists()


@pytest.mark.slow
def test_all_bits_on_one_core(smoke: Path, tmp_path: Path) -> None:
    folder = copy_project(tmp_path / "one core")
    done = snakemake(folder, "--cores", "1", *SMOKE)
    assert done.returncode == 0, done.stderr
    assert len(contents(smoke)) > 300
    assert contents(folder) == contents(smoke)


def rerun(folder: Path, *targets: str) -> set[str]:
    """Rules that a dry run would execute."""
    dry = snakemake(folder, "-n", "--quiet", "host", "--cores", "1", *targets, *SMOKE)
    assert dry.returncode == 0, dry.stderr
    lines = dry.stdout + dry.stderr
    table = lines.split("Job stats:")[1].split("total")[0].splitlines()[3:]
    # Targets tell what is there, and have no outputs.
    return {line.split()[0] for line in table if line.strip()} - {"all", *CLAIMS}


def edit(path: Path) -> None:
    """Append a harmless line: contents change, meaning does not."""
    path.write_text(path.read_text() + "\n_EDITED = True\n")


def test_edited_module_reruns_what_uses_it(finished: Path) -> None:
    package = finished / "workflow/src/neuron_race"
    edit(package / "figures/merging.py")
    edit(package / "measures/merging.py")
    rules = rerun(finished)
    assert {"compression", "evidence", "verdict", "figure_merging"} <= rules
    assert not any(rule.startswith("train") for rule in rules)
    assert rules.isdisjoint({"dynamics", "race", "tickets", "forecast", "dataset"})
    edit(package / "training/engine.py")
    rules = rerun(finished)
    assert {"train_pair", "forecast", "dynamics", "compression", "race", "tickets"} <= rules
    assert "dataset" not in rules


# These three by rule names; tests/workflow/test_freshness.py has them from the graph.
@pytest.mark.slow
def test_changed_threshold_retrains_nothing(finished: Path) -> None:
    claim = finished / "config/claims/mutual_alignment.yaml"
    text = claim.read_text()
    assert text.count("threshold: 0.95") > 1
    claim.write_text(text.replace("threshold: 0.95", "threshold: 0.94"))
    rules = rerun(finished)
    others = {rule for rule in rules if not rule.startswith("figure_")} - {
        "nulls",
        "tasks",
        "multiverse_claims",
        "multiverse_figure",
        "moments_figure",
    }
    assert "verdict" in others
    assert others <= {"verdict", "notebook", "provenance", "scoreboard", "site", "all"}


@pytest.mark.slow
def test_changed_parameter_reruns_its_experiment(finished: Path) -> None:
    config = finished / "config/config.yaml"
    config.write_text(config.read_text().replace("learning_rate: 0.02}", "learning_rate: 0.01}", 1))
    rules = rerun(finished)
    assert "train_clusters" in rules and "train_pair" not in rules


@pytest.mark.slow
def test_deleted_intermediate_is_made_again(finished: Path) -> None:
    (finished / "results/evidence/merging.csv").unlink()
    assert "evidence" in rerun(finished, "merging")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("widht", "3", ["unknown key widht", "allowed are"]),
        ("width", "0", ["experiments.pair.width", "minimum"]),
        ("alpha", "-1", ["experiments.pair.alpha"]),
        ("dataset", "nope", ["experiments.pair", "'nope' is none of", "digits"]),
        ("head", "round", ["balanced", "gaussian", "pytorch"]),
    ],
)
def test_bad_config_is_refused_before_any_job(
    project: Path, tmp_path: Path, key: str, value: str, words: list[str]
) -> None:
    overlay = tmp_path / "bad.yaml"
    overlay.write_text(f"experiments: {{pair: {{{key}: {value}}}}}\n")
    done = snakemake(project, "--cores", "1", "--configfile", str(overlay))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for word in words:
        assert word in said
    assert "Traceback" not in said
    assert not (project / "results").exists()


TEMPLATE = """
__use_yte__: true
__definitions__:
  - import pathlib
  - pathlib.Path("executed").write_text("x")
preset: smoke
"""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEMPLATE.encode(), "__use_yte__ would execute"),
        (b"{a: " * 1500, "nested too deeply"),
        (b"preset: \xff", "can't be read"),
        (b"seeds: " + b"9" * 5000, "can't be read"),
        (b"- a", "needs keys at top level"),
    ],
)
def test_make_refuses_spoilt_overlays_unread(project: Path, content: bytes, words: str) -> None:
    (project / "spoilt.yaml").write_bytes(content)
    done = make(project, "run", "--configfile spoilt.yaml")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert f"spoilt.yaml: {words}" in said
    assert not (project / "executed").exists() and not (project / "results").exists()


def test_make_refuses_a_file_as_directory(project: Path) -> None:
    done = make(project, "run", "--directory README.md")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert "--directory: README.md is no folder" in said


def test_snakemake_refuses_templates(project: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "template.yaml"
    overlay.write_text("__use_yte__: true\npreset: smoke\n")
    done = snakemake(project, "-n", "--cores", "1", "--configfile", str(overlay))
    assert done.returncode != 0 and "template.yaml: __use_yte__" in done.stdout + done.stderr


def test_divergence_is_an_error_and_leaves_no_run(project: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "hot.yaml"
    overlay.write_text(
        "seeds: {count: 1}\n"
        "experiments: {two_features: {learning_rate: 500.0, alpha: 1.0, width: 10}}\n"
    )
    folder = tmp_path / "diverges"
    done = snakemake(
        project,
        "results/dynamics/two_features/runs.csv",
        *("--cores", "1", "--directory", str(folder), "--configfile", str(overlay)),
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "two_features/one: loss diverged at step" in said
    assert not (folder / "results/runs/two_features/two.npz").exists()


def test_strict_fails_where_verdicts_differ(finished: Path) -> None:
    verdicts = {c: storage.read_json(finished / f"results/claims/{c}.json") for c in CLAIMS}
    differ = [c for c, v in verdicts.items() if v["status"] != v["expectation"]]
    done = snakemake(finished, "--cores", "1", "strict", *SMOKE)
    assert (done.returncode != 0) == bool(differ)
    for claim in differ:
        assert claim in done.stdout + done.stderr
