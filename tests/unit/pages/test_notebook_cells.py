"""Notebooks are executed in this process, and their outputs shown."""

from pathlib import Path

import pytest

from neuron_race.pages import notebooks

TEXT = """# %%
from IPython.display import HTML
print("said & done")
6 * snakemake

# %% [markdown]
# ## Words with $x_1$

# %%
HTML("<b>bold</b>")

# %% tags=["play"]
NUMBER = 6
NUMBER + 1
"""


def executed(tmp_path: Path, text: str) -> notebooks.NotebookNode:
    (tmp_path / "own.py").write_text(text)
    return notebooks.execute(notebooks.read(tmp_path / "own.py"), 7, "own.py")


def test_outputs_are_kept_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").touch()  # nobody can write into a file
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    notebook = executed(tmp_path, TEXT)
    said, value = notebook.cells[0].outputs
    assert (said.name, said.text, value.data["text/plain"]) == ("stdout", "said & done\n", "42")
    out, err = capsys.readouterr()
    assert out == "" and "(play)" in err and err.count(" s\n") == 3
    page = notebooks.html(notebook, "A <title>")
    assert "<title>A &lt;title&gt;</title>" in page and "said &amp; done" in page
    assert "<b>bold</b>" in page and '<h2 id="words-with-' in page and "<math" in page
    assert page.count("<details") == 2 and page.count('class="play"') == 1  # code is folded away


def test_a_failing_cell_is_named_and_the_next_notebook_knows_nothing_of_it(tmp_path: Path) -> None:
    with pytest.raises(
        notebooks.NotebookError, match=r"cell-2 of own\.py failed with ZeroDivision"
    ):
        executed(tmp_path, "# %%\nkept = 1\n\n# %%\nkept / 0\n")
    with pytest.raises(notebooks.NotebookError, match="SyntaxError"):
        executed(tmp_path, "# %%\nkept +\n")
    with pytest.raises(notebooks.NotebookError, match="name 'kept' is not defined"):
        executed(tmp_path, "# %%\nkept\n")
