"""Notebooks: kept as text, executed with a job's inputs, rendered to one self-contained page."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuron_race.common.imports import without

# The first, see settings; the others serve notebooks to a browser, and read other formats.
with without("rfc3987_syntax", "tornado", "markdown_it"):
    import jupytext
import nbformat
from nbformat import NotebookNode

from neuron_race.common import leftovers, storage
from neuron_race.pages import page

# No header in the text: all that is kept of a cell beside its source are its tags.
TEXT = {
    "extension": ".py",
    "format_name": "percent",
    "notebook_metadata_filter": "-all",
    "cell_metadata_filter": "tags,-all",
}
LANGUAGE = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}
PRINTED = page.Markup('<pre tabindex="0">{}</pre>')  # long lines scroll, with the keyboard too
SHOWN_LINES = 12  # of a failing cell's source


class NotebookError(Exception):
    """A cell that failed: the message shows the notebook, the cell's source and the error."""


def read(source: Path) -> NotebookNode:
    """Read a notebook kept as text (jupytext, percent format).

    Cells are numbered, so that the same text gives the same notebook.
    """
    notebook = jupytext.read(source, fmt=TEXT)
    notebook.metadata = nbformat.from_dict(LANGUAGE)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"
    return notebook


def dumps(notebook: NotebookNode) -> str:
    """A notebook as the text of an ``.ipynb`` file."""
    return str(nbformat.writes(notebook, version=4)) + "\n"


def text(notebook: NotebookNode) -> str:
    """A notebook as the text that :func:`read` reads; outputs are left out."""
    return str(jupytext.writes(notebook, fmt=TEXT))


def keep_edits(draft: Path, source: Path) -> bool:
    """Write an edited draft back into its text source, unless the text is newer.

    Returns:
        Whether the source was changed.
    """
    if not draft.exists() or draft.stat().st_mtime <= source.stat().st_mtime:
        return False
    edited = text(nbformat.read(draft, as_version=4))
    if edited == source.read_text(encoding="utf-8"):
        return False
    storage.write_text(source, edited)  # whole or not at all: it may hold hours of somebody's work
    return True


def execute(notebook: NotebookNode, job: Any, name: str) -> NotebookNode:
    """Execute a notebook in this very process, as Jupyter's kernel would.

    A kernel of its own takes seconds to start, and imports all libraries again. Cells run in the
    working directory, with the variable ``snakemake``. The time of each cell goes to standard
    error. Nothing is read from or written to the home folder.

    Args:
        notebook: result of :func:`read`; outputs are filled in.
        job: what notebooks see as ``snakemake``.
        name: of the notebook, for messages.

    Raises:
        NotebookError: a cell failed.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    with leftovers.scratch() as folder:
        quiet = Config({"HistoryManager": {"enabled": False}})
        shell = InteractiveShell.instance(ipython_dir=str(folder), config=quiet)
        shell.push({"snakemake": job})
        # A cell's last value is shown as what `display` shows.
        shell.display_trap.hook = lambda value: None if value is None else display(value)
        try:
            for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
                began = time.monotonic()
                with capture_output() as caught:
                    done = shell.run_cell(cell.source)
                if (error := done.error_before_exec or done.error_in_exec) is not None:
                    raise NotebookError(_failure(name, cell, error)) from error
                label = " (play)" if "play" in cell.metadata.get("tags", []) else ""
                print(f"{cell.id}{label}: {time.monotonic() - began:.2f} s", file=sys.stderr)
                cell.outputs = list(_outputs(caught))
        finally:
            InteractiveShell.clear_instance()
    return notebook


def _outputs(caught: Any) -> Iterator[NotebookNode]:
    """What a cell printed, and what it showed."""
    for stream, text in (("stdout", caught.stdout), ("stderr", caught.stderr)):
        if text:
            yield nbformat.v4.new_output("stream", name=stream, text=text)
    for rich in caught.outputs:
        yield nbformat.v4.new_output("display_data", data=rich.data, metadata=rich.metadata)


def _failure(name: str, cell: NotebookNode, error: BaseException) -> str:
    """The cell and what went wrong, a few lines for the terminal."""
    lines = cell.source.splitlines()
    shown = [f"    {line}" for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        shown.append(f"    ... ({len(lines) - SHOWN_LINES} more lines)")
    what = f"{type(error).__name__}: {error}"
    return "\n".join([f"{cell.id} of {name} failed with {what}", *shown])


def html(notebook: NotebookNode, title: str) -> str:
    """One self-contained page: nothing is loaded from anywhere.

    Args:
        notebook: an executed notebook.
        title: of the page.
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    look = HtmlFormatter(style="default", nowrap=True)
    cells = [
        {
            "text": page.markdown(cell.source) if cell.cell_type == "markdown" else "",
            "code": page.Markup(highlight(cell.source, PythonLexer(), look))
            if _computes(cell.source)
            else "",
            "play": "play" in cell.metadata.get("tags", []),
            "outputs": [_shown(output) for output in cell.get("outputs", [])],
        }
        for cell in notebook.cells
    ]
    return page.TEMPLATES.get_template("lecture.html").render(
        title=title,
        style=page.asset("lecture.css") + page.asset("live.css") + page.math_style(),
        highlighting=page.Markup(look.get_style_defs(".highlight")),
        cells=cells,
    )


def _computes(source: str) -> bool:
    """Whether a cell does more than ask the lecture for its next part."""
    return not source.startswith("claim.") and "Lecture(" not in source


def _shown(output: NotebookNode) -> page.Markup:
    """One output of a cell, in the best form that there is."""
    if output.output_type == "stream":
        return PRINTED.format(output.text)
    data = output.data
    if "text/markdown" in data:
        return page.markdown(data["text/markdown"])
    if "image/png" in data:
        alt = output.metadata.get("alt", output.metadata.get("image/png", {}).get("alt", ""))
        packed = data["image/png"].strip()
        return page.Markup('<img src="data:image/png;base64,{}" alt="{}">').format(packed, alt)
    if "text/html" in data:
        return page.Markup(data["text/html"])
    return PRINTED.format(data["text/plain"])
