"""What a reviewer asks of a finished run: report, explanation, provenance, archive, comparison."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import linked
import pytest
from rocrate.rocrate import ROCrate
from smoke_run import environment, make, snakemake

from neuron_race.common import storage
from neuron_race.settings import configuration, reading

ROOT = Path(__file__).parents[2]
REGISTER = configuration.read_register(ROOT / "config/claims")
CLAIMS = REGISTER["claims"]
EXTENSIONS = configuration.read_yaml(ROOT / "config/config.yaml")["extensions"]
SMOKE = ("--configfile", "config/smoke.yaml")


@pytest.fixture(scope="module")
def report(smoke: Path) -> zipfile.ZipFile:
    done = make(smoke, "report")
    assert done.returncode == 0, done.stderr
    assert not list(smoke.glob("results/*part*"))
    return zipfile.ZipFile(smoke / "results/report.zip")


def test_report_has_all_that_its_pages_link_to(
    smoke: Path, report: zipfile.ZipFile, tmp_path: Path
) -> None:
    report.extractall(tmp_path)
    site = tmp_path / "site"
    assert linked.dead(site) == []
    first = linked.Links((site / "index.html").read_text())
    for claim in CLAIMS:
        assert f"claims/{claim}.html" in first.links
        page = linked.Links((site / f"claims/{claim}.html").read_text())
        verdict = storage.read_json(smoke / f"results/claims/{claim}.json")
        assert {row["name"] for row in verdict["criteria"]} < page.anchors
        assert f"../figures/{claim}.png" in page.loaded
        for name in (f"evidence/{claim}.csv", f"claims/{claim}.json", f"provenance/{claim}.json"):
            assert (site / "data" / name).read_bytes() == (smoke / "results" / name).read_bytes()
    assert sum(path.stat().st_size for path in site.rglob("*")) < 25_000_000


def test_explanation_of_a_claim_is_printed_each_time(smoke: Path) -> None:
    for _ in range(2):
        done = snakemake(smoke, "--cores", "1", "explain_merging", *SMOKE)
        assert done.returncode == 0, done.stderr
        verdict = storage.read_json(smoke / "results/claims/merging.json")
        assert f"merging: {verdict['status'].upper()}" in done.stdout
        assert f"E7  {REGISTER['equations']['E7'][:30]}" in done.stdout
        for row in verdict["criteria"]:
            assert f" {row['name']}: " in done.stdout
        assert "What the evidence does not prove" in done.stdout


@pytest.mark.parametrize("claim", CLAIMS)
def test_provenance_leads_back_to_data_and_code(smoke: Path, claim: str) -> None:
    traced = storage.read_json(smoke / f"results/provenance/{claim}.json")
    for path, checksum in {**traced["figures"], **traced["tables"]}.items():
        assert storage.checksum(smoke / path) == checksum
    assert traced["data"]
    for name, data in traced["data"].items():
        assert storage.checksum(smoke / f"results/datasets/{name}.npz") == data["checksum"]
    trained = "any_model.py" if claim in EXTENSIONS else "engine.py"
    names = {"data/datasets.py", f"training/{trained}"}
    names |= {"evidence/claims.py", "evidence/collect.py"}
    assert {f"workflow/src/neuron_race/{name}" for name in names} <= set(traced["code"])
    for file, checksum in traced["code"].items():
        assert checksum == storage.checksum(smoke / file)
    assert len(traced["seeds"]) == 2 and traced["runs"] and traced["versions"]["torch"]


def test_costs_are_printed_per_rule_and_per_claim(finished: Path) -> None:
    # What a fork of a process with all libraries takes tells nothing: one job is started as usual.
    for kept in ("runs/pair", "checkpoints/runs/pair"):
        shutil.rmtree(finished / "results" / kept)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", *SMOKE]
    subprocess.run(
        [*command, "--", "results/runs/pair/gaussian.npz"],
        cwd=finished,
        env=environment(finished),
        check=True,
    )
    done = make(finished, "cost")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert set(CLAIMS) <= set(lines) and {"train", "figure", "extension"} <= set(lines)
    assert lines["rule"] == [] and lines["target"] == []
    jobs, seconds, _, _, memory, startup = map(float, lines["train"])
    assert jobs == 12 and 0 < startup < seconds and memory > 50
    found = re.search(r"All: (\d+) jobs, (\d+) CPU-seconds, of them (\d+) of start-up", done.stdout)
    assert found and int(found[1]) > 100 and 0 < int(found[3]) < int(found[2])


def test_targets_of_the_makefile_are_listed(smoke: Path) -> None:
    done = make(smoke, "help")
    targets = re.findall(r"^([a-z-]+):", (smoke / "Makefile").read_text(), re.M)
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert listed == list(dict.fromkeys(targets)) and "cost" in listed


@pytest.fixture(scope="module")
def crate(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = make(smoke, "crate")
    assert done.returncode == 0, done.stderr
    folder = tmp_path_factory.mktemp("crate")
    with zipfile.ZipFile(smoke / "results/crate.zip") as archive:
        archive.extractall(folder)
    return folder


def test_crate_is_valid_and_complete(crate: Path) -> None:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in graph["@graph"]}
    root, descriptor = entities["./"], entities["ro-crate-metadata.json"]
    # What the specification (1.1 and later) says that a crate must have.
    assert re.match(r"https://w3id.org/ro/crate/1\.[1-9]/context", str(graph["@context"]))
    assert descriptor["about"] == {"@id": "./"} and descriptor["@type"] == "CreativeWork"
    assert root["@type"] == "Dataset" and {"name", "description", "license"} <= set(root)
    assert re.match(r"\d{4}-\d\d-\d\d", root["datePublished"])
    assert entities[root["mainEntity"]["@id"]]["@type"] == [
        "File",
        "SoftwareSourceCode",
        "ComputationalWorkflow",
    ]

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["@id"]] if set(value) == {"@id"} else []
        return [r for item in value for r in references(item)] if isinstance(value, list) else []

    for entity in entities.values():
        for key, value in entity.items():
            for target in references(value):
                outside = target.startswith(("http://", "https://", "#"))
                assert target in entities or outside, f"{entity['@id']}.{key} -> {target}"
    files = [e for e in entities.values() if "File" in str(e["@type"]) and "sha256" in e]
    for entity in files:
        assert storage.checksum(crate / entity["@id"]) == entity["sha256"]
    listed = {part["@id"] for part in root["hasPart"]}
    packed = {p.relative_to(crate).as_posix() for p in crate.rglob("*") if p.is_file()}
    assert packed - {"ro-crate-metadata.json"} <= listed


def test_crate_has_an_action_for_each_claim_with_its_results(crate: Path) -> None:
    read = ROCrate(crate)
    for claim in CLAIMS:
        action = read.get(f"#{claim}")
        assert action.type == "CreateAction" and action["instrument"] == read.mainEntity
        made = {entity.id for entity in action["result"]}
        assert f"results/claims/{claim}.json" in made and f"figures/{claim}.png" in made


def test_crate_holds_the_settings_of_the_run(crate: Path) -> None:
    """As an overlay that its commands name: with it the workflow of the crate has them again."""
    base, ours = ROOT / "config/config.yaml", ROOT / "config/smoke.yaml"
    packed = crate / "this_run.yaml"
    again = reading.merged([crate / "config/config.yaml", packed])
    wanted = reading.merged([base, ours])
    assert configuration.canonical(again) == configuration.canonical(wanted)
    read = ROCrate(crate)
    action = read.get("#racing")
    assert action["name"] == "snakemake racing --configfile this_run.yaml"
    assert "this_run.yaml" in {entity.id for entity in action["object"]}


def test_workflow_of_the_crate_runs(crate: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(crate, tmp_path / "unpacked")
    shutil.rmtree(folder / "results")
    for overlay in (SMOKE, ("--configfile", "this_run.yaml")):
        done = snakemake(folder, "-n", "--cores", "1", "racing", *overlay)
        assert done.returncode == 0, done.stderr


def compare(folder: Path, target: str = "check_reference") -> subprocess.CompletedProcess[str]:
    """Ask for the comparison; what it prints is beside the rest."""
    return snakemake(folder, "--cores", "1", target, *SMOKE)


@pytest.fixture
def referenced(finished: Path) -> Path:
    """A run that is its own reference."""
    for part in ("results/claims", "figures"):
        shutil.copytree(finished / part, finished / "docs/reference/smoke" / Path(part).name)
    return finished


def test_a_run_equals_itself(referenced: Path) -> None:
    same = compare(referenced)
    assert same.returncode == 0 and ": 0 differences" in same.stdout
    assert f"{len(CLAIMS)} verdicts" in same.stdout


def spoil(folder: Path, claim: str, change: Any) -> None:
    """Change a verdict of the reference."""
    path = folder / f"docs/reference/smoke/claims/{claim}.json"
    verdict = storage.read_json(path)
    change(verdict)
    storage.write_json(path, verdict)


def test_differences_from_the_reference_are_shown(referenced: Path) -> None:
    def shift(share: float) -> Any:
        def change(verdict: dict[str, Any]) -> None:
            row = verdict["criteria"][0]
            row["estimate"] += share * (row["ci_high"] - row["ci_low"])

        return change

    spoil(referenced, "racing", shift(0.06))  # an eighth of the half width
    near = compare(referenced)
    assert near.returncode == 0 and ": 0 differences" in near.stdout
    assert "0.12 of the half width" in near.stdout

    def apart(verdict: dict[str, Any]) -> None:
        row = verdict["criteria"][0]
        for key in ("estimate", "ci_low", "ci_high"):
            row[key] += 1.0

    spoil(referenced, "racing", apart)
    spoil(referenced, "merging", lambda v: v["criteria"].pop())
    other = {"supported": "not supported"}
    spoil(referenced, "regimes", lambda v: v.update(status=other.get(v["status"], "supported")))
    more = compare(referenced)
    assert more.returncode == 1 and "racing, alignment_ranks_gaussian" in more.stdout
    assert ": 2 differences" in more.stdout and "missing" in more.stdout
    assert "regimes, status (another outcome)" in more.stdout
    kept = referenced / "docs/reference/smoke/claims"
    (kept / "capacity.json").unlink()
    shutil.copy(kept / "depth.json", kept / "gone.json")
    missing = compare(referenced)
    assert missing.returncode == 1 and ": 3 differences" in missing.stdout
    assert "capacity, verdict (on one side only)" in missing.stdout
    assert "not compared: gone" in missing.stdout
    spoil(referenced, "depth", lambda v: v.pop("criteria"))
    spoilt = compare(referenced)
    assert spoilt.returncode == 1 and "depth.json: top level: 'criteria'" in spoilt.stderr


def test_a_run_becomes_the_reference_without_claims_that_are_no_more(referenced: Path) -> None:
    shutil.copy(referenced / "results/claims/depth.json", referenced / "results/claims/gone.json")
    for name in ("claims/older.json", "figures/older.png"):
        (referenced / "docs/reference/smoke" / name).touch()
    done = compare(referenced, "keep_reference")
    assert done.returncode == 0, done.stderr
    assert "docs/reference/smoke/claims/older.json is of no claim any more: deleted" in done.stdout
    kept = referenced / "docs/reference/smoke"
    assert {path.stem for path in kept.glob("claims/*")} == set(CLAIMS)
    assert {path.stem for path in kept.glob("figures/*")} == {
        *CLAIMS,
        "theory",
        "nulls",
        "tasks",
        "moments",
        "multiverse",
    }
