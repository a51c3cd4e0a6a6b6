"""Notebooks: executed with the results of a smoke run, self-contained, and editable as text."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from smoke_run import environment, snakemake

from neuron_race.common import storage
from neuron_race.evidence import phrases
from neuron_race.pages import notebooks
from neuron_race.settings import configuration

ROOT = Path(__file__).parents[2]
CLAIMS = configuration.read_register(ROOT / "config/claims")["claims"]
OUTLINE = [
    *("The idea", "What theory predicts before any training", "How it is measured"),
    *("The verdict", "What would change our mind", "What this does not prove", "Play"),
    "Where to go next",
]
SMOKE = ("--configfile", "config/smoke.yaml")


class Page(HTMLParser):
    """What a page loads, and its headings."""

    LOADS = frozenset({"src", "srcset", "data", "poster", "action", "background"})

    def __init__(self, text: str):
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.headings: dict[str, list[str]] = {"title": [], "h1": [], "h2": []}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside = tag
        for name, value in attrs:
            if name in self.LOADS or (tag == "link" and name == "href"):
                self.loaded.append(value or "")

    def handle_data(self, data: str) -> None:
        if self.inside in self.headings and data.strip():
            self.headings[self.inside].append(data.strip())
            self.inside = ""


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_has_a_page_that_needs_no_network(smoke: Path, claim: str) -> None:
    path = smoke / f"results/notebooks/{claim}.html"
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.headings["title"] == [CLAIMS[claim]["title"]]
    assert page.headings["h1"][0] == CLAIMS[claim]["title"]
    assert all(source.startswith("data:") for source in page.loaded), page.loaded
    assert page.tags.count("img") >= 2
    assert page.tags.count("script") == 2  # the live part and its data
    assert "@import" not in text and not re.search(r"url\((?!['\"]?data:)", text)
    assert path.stat().st_size < 2_000_000
    # Equations are drawn, and none is left as TeX.
    prose = re.sub(r"<(pre|script|style)\b.*?</\1>", "", text, flags=re.S)
    assert page.tags.count("math") >= 2 and "$" not in prose
    told = [heading for heading in page.headings["h2"] if heading in OUTLINE]
    assert told == OUTLINE
    order = list(CLAIMS)
    beside = [k for k in (order.index(claim) - 1, order.index(claim) + 1) if 0 <= k < len(order)]
    assert re.findall(r'href="(\w+)\.html"', text) == [order[k] for k in beside]


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_notebook_ran_to_its_end(smoke: Path, claim: str) -> None:
    notebook = nbformat.read(smoke / f"results/notebooks/{claim}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in notebook.cells] == [
        cell.source for cell in notebooks.read(smoke / f"workflow/notebooks/{claim}.py").cells
    ]
    for cell in code:
        kinds = {output.output_type for output in cell.outputs}
        assert kinds and kinds <= {"execute_result", "display_data"}, cell.source  # no warnings
    (play,) = [cell for cell in code if "play" in cell.metadata.get("tags", [])]
    assert any("image/png" in output.data for output in play.outputs)
    # The shown numbers are those of the verdict.
    verdict = storage.read_json(smoke / f"results/claims/{claim}.json")
    shown = "\n".join(o.data.get("text/markdown", "") for c in code for o in c.outputs)
    assert verdict["statement"] in shown and f"**{verdict['status']}**" in shown
    for caveat in verdict["caveats"]:
        assert caveat in shown
    for row in verdict["criteria"]:
        if row["confirmatory"]:
            assert phrases.found(row) in shown
    log = (smoke / f"results/logs/notebook/{claim}.log").read_text()
    (spent,) = re.findall(r"\(play\): ([\d.]+) s", log)
    print(f"{claim}: the cell to play with took {spent} s")


@pytest.mark.parametrize("claim", CLAIMS)
def test_text_survives_the_way_through_jupyter(claim: str) -> None:
    source = ROOT / f"workflow/notebooks/{claim}.py"
    draft = nbformat.reads(notebooks.dumps(notebooks.read(source)), as_version=4)
    assert notebooks.text(draft) == source.read_text(encoding="utf-8")


def test_edited_text_reruns_its_notebook_and_nothing_else(finished: Path) -> None:
    source = finished / "workflow/notebooks/circularity.py"
    source.write_text(source.read_text() + "\n# %%\n1 + 1\n")
    dry = snakemake(finished, "-n", "--cores", "1", *SMOKE)
    planned = re.findall(r"^(?:local)?rule (\w+):", dry.stdout + dry.stderr, re.M)
    assert sorted(planned) == ["all", "notebook", "site"]  # the site holds it
    done = snakemake(finished, "results/notebooks/circularity.html", "--cores", "1", *SMOKE)
    assert done.returncode == 0, done.stderr
    again = nbformat.read(finished / "results/notebooks/circularity.ipynb", as_version=4)
    assert again.cells[-1].outputs[0].data["text/plain"] == "2"


def test_failing_cell_is_shown_and_leaves_nothing(finished: Path) -> None:
    source = finished / "workflow/notebooks/circularity.py"
    broken = "# %%\nanswer = 6 * 7\nraise ArithmeticError(f'no {answer} here')\n"
    source.write_text(source.read_text() + "\n" + broken)
    target = "results/notebooks/circularity.html"
    done = snakemake(finished, target, "--cores", "1", *SMOKE)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "circularity.py failed with ArithmeticError: no 42 here" in said
    assert "    answer = 6 * 7" in said and "raise ArithmeticError" in said
    assert "\x1b" not in said.split("failed with")[1][:300]
    folder = finished / "results/notebooks"
    assert not list(folder.glob("circularity*")) and not list(folder.glob(".*"))
    assert "ArithmeticError" in (finished / "results/logs/notebook/circularity.log").read_text()


@pytest.mark.parametrize("home", [pytest.param("folder", marks=pytest.mark.slow), "file"])
def test_runs_with_nothing_but_the_environment(finished: Path, tmp_path: Path, home: str) -> None:
    """No kernel is installed, nothing is activated, and the home folder can't be written to.

    Root can write to any folder, but nothing should be; to a file nobody can.
    """
    (tmp_path / "folder").mkdir(mode=0o555)
    (tmp_path / "file").touch()
    (finished / "results/notebooks/circularity.html").unlink()
    bare = {
        "HOME": str(tmp_path / home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": environment(finished)["PYTHONPATH"],
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    if home == "folder":
        bare["MPLCONFIGDIR"] = str(tmp_path / "matplotlib")
    command = [sys.executable, "-m", "snakemake", "results/notebooks/circularity.html"]
    done = subprocess.run(
        [*command, "--cores", "1", *SMOKE], cwd=finished, capture_output=True, text=True, env=bare
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "folder").iterdir()) == []
    # No library had to make do with a temporary folder.
    said = (finished / "results/logs/notebook/circularity.log").read_text()
    assert "temporary" not in done.stderr + said
    test_every_notebook_ran_to_its_end(finished, "circularity")


def call(server: dict[str, Any], path: str, method: str = "GET", body: Any = None) -> Any:
    """One request to Jupyter's interface."""
    request = urllib.request.Request(
        server["url"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"token {server['token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def started(folder: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    """The server's address, once it answers."""
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        for path in folder.glob("jpserver-*.json"):
            try:
                server: dict[str, Any] = json.loads(path.read_text())
                call(server, "api/status")
                return server
            except (OSError, ValueError):
                pass
        time.sleep(0.2)
    process.kill()
    raise AssertionError(f"no server: {process.communicate()[0]}")


def test_edits_in_jupyter_flow_back_into_the_text(finished: Path, tmp_path: Path) -> None:
    source = finished / "workflow/notebooks/racing.py"
    before = source.read_text()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        listen = f"localhost:{free.getsockname()[1]}"
    config = {"ServerApp": {"allow_root": True}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--notebook-listen", listen]
    own = {"JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [*command, "--edit-notebook", "results/notebooks/edit/racing", *SMOKE],
        cwd=finished,
        env={**environment(finished), **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = started(tmp_path, process)
    try:
        (path,) = [
            entry["path"]
            for entry in call(server, "api/contents")["content"]
            if entry["type"] == "notebook"
        ]
        notebook = call(server, f"api/contents/{path}")["content"]
        # The object `snakemake`, with the inputs that the workflow gives.
        preamble = notebook["cells"][0]["source"]
        probe = f"{preamble}\nprint(snakemake.input.verdict)"
        asked = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
        assert asked.stdout.split() == ["results/claims/racing.json"], asked.stderr
        cell = next(c for c in notebook["cells"] if c["source"].startswith("## The idea"))
        cell["source"] = "## Edited in Jupyter\n\nWith a new line."
        call(server, f"api/contents/{path}", "PUT", {"type": "notebook", "content": notebook})
    finally:
        call(server, "api/shutdown", "POST")
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    after = source.read_text()
    assert "# ## Edited in Jupyter\n#\n# With a new line." in after
    kept = set(before.splitlines()) - set(after.splitlines())
    assert any(line.startswith("# ## The idea") for line in kept)
    assert after.split("# %%")[0:2] == before.split("# %%")[0:2]
    assert after.split("# %%")[3:] == before.split("# %%")[3:]
