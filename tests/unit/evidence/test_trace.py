"""What made a verdict: gathered from sidecars, and refused if they disagree."""

from pathlib import Path
from typing import Any

import pytest

from neuron_race.common import storage
from neuron_race.evidence import trace


def side(code: str = "aa", torch: str = "2", **parameters: Any) -> dict[str, Any]:
    return {
        "parameters": parameters,
        "inputs": {"seed5.npz": "dd"},
        "code": {"training.py": code},
        "versions": {"torch": torch, "numpy": "1"},
    }


def traced(tmp_path: Path, run: dict[str, Any]) -> dict[str, Any]:
    figure = tmp_path / "racing.png"
    figure.write_text("picture")
    verdict = {"claim": "racing", "status": "supported", "preset": "small", "changes": {}}
    verdict["provenance"] = side()
    data = {"parameters": {"options": {"kind": "digits"}, "seeds": [5]}}
    dataset = {**side(), **data, "inputs": {"manifest.json": "mm"}}
    dataset["code"] = {"datasets.py": "bb"}
    dataset["checksum"] = "dd"
    return trace.trace(
        verdict,
        [5],
        {"pair/gaussian": run},
        {"digits": dataset},
        {"figures": [figure]},
        {"claims.py": "cc"},
        {"sha256": "ab" * 32, "seeds": True, "changed": []},
    )


def test_a_trace_names_data_seeds_code_and_versions(tmp_path: Path) -> None:
    run = side(options={"dataset": "digits", "width": 3, "seeds": [5]})
    found = traced(tmp_path, run)
    assert found["seeds"] == [5] and found["versions"] == {"torch": "2", "numpy": "1"}
    assert found["data"] == {
        "digits": {
            "options": {"kind": "digits"},
            "checksum": "dd",
            "sources": {"manifest.json": "mm"},
        }
    }
    assert found["runs"] == {"pair/gaussian": {"dataset": "digits", "width": 3}}
    assert found["code"] == {"claims.py": "cc", "datasets.py": "bb", "training.py": "aa"}
    figure = tmp_path / "racing.png"
    assert found["figures"] == {str(figure): storage.checksum(figure)}
    told = trace.words(found)
    assert "digits; seeds 5-5; 1 conditions; torch 2" in told
    assert "registered before the run (SHA-256 abababababab" in told
    assert found["registration"]["changed"] == []


@pytest.mark.parametrize(
    ("change", "what"), [({"code": "zz"}, "training.py"), ({"torch": "3"}, "torch")]
)
def test_results_of_two_states_of_the_project_are_refused(
    tmp_path: Path, change: dict[str, str], what: str
) -> None:
    run = side(**change, options={"dataset": "digits", "seeds": [5]})
    with pytest.raises(storage.ResultError, match=rf"racing: .*two states of {what}"):
        traced(tmp_path, run)
