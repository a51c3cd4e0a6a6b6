"""Notebooks: kept as text, executed with a job's inputs, rendered to one self-contained page."""

import contextlib
import os
import pickle
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuron_race.common.imports import without

with without("rfc3987_syntax"):  # see settings
    import jupytext
import nbformat
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from neuron_race.common import leftovers, storage

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
ANSI = re.compile(r"\x1b\[[0-9;]*m")
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
    """Execute a notebook in a kernel of this very interpreter.

    The kernel starts in the working directory, with the variable ``snakemake``. The time of each
    cell goes to standard error. Nothing is read from or written to the home folder.

    Args:
        notebook: result of :func:`read`; outputs are filled in.
        job: what notebooks see as ``snakemake``; must be picklable.
        name: of the notebook, for messages.

    Raises:
        NotebookError: a cell failed.
    """
    began = 0.0

    def begin(cell: NotebookNode, cell_index: int) -> None:
        nonlocal began
        began = time.monotonic()

    def end(cell: NotebookNode, cell_index: int, execute_reply: Any) -> None:
        label = " (play)" if "play" in cell.metadata.get("tags", []) else ""
        print(f"{cell.id}{label}: {time.monotonic() - began:.2f} s", file=sys.stderr)

    with _kernel_folders() as folder:
        (folder / "job").write_bytes(pickle.dumps(job))
        read_job = f"import pickle; snakemake = pickle.load(open({str(folder / 'job')!r}, 'rb'))"
        whole = notebook.copy()
        whole.cells = [nbformat.v4.new_code_cell(read_job, id="job"), *notebook.cells]
        client = NotebookClient(
            whole,
            timeout=None,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": os.getcwd()}},
            # Sockets in our own folder rather than open ports: by default they would be in the
            # working directory, where kernels that start at the same time take each other's.
            config=Config(
                KernelManager={
                    "transport": "ipc",
                    "ip": str(folder / "kernel"),
                    "connection_file": str(folder / "kernel.json"),
                }
            ),
            on_cell_execute=begin,
            on_cell_executed=end,
        )
        with client.setup_kernel():
            for index, cell in enumerate(whole.cells):
                try:
                    client.execute_cell(cell, index)
                except CellExecutionError as error:
                    raise NotebookError(_failure(name, cell, error)) from error
    return notebook


@contextlib.contextmanager
def _kernel_folders() -> Iterator[Path]:
    """A temporary folder for all that kernels write; kernels of this environment only."""
    with leftovers.scratch() as folder:
        ours = {
            "IPYTHONDIR": str(folder),
            "JUPYTER_RUNTIME_DIR": str(folder),
            "JUPYTER_CONFIG_DIR": str(folder),
            "JUPYTER_DATA_DIR": str(folder),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        before = {key: os.environ.get(key) for key in ours}
        os.environ.update(ours)
        try:
            yield folder
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def _failure(name: str, cell: NotebookNode, error: CellExecutionError) -> str:
    """The cell and what went wrong, a few lines for the terminal."""
    lines = cell.source.splitlines()
    shown = [f"    {line}" for line in lines[:SHOWN_LINES]]
    if len(lines) > SHOWN_LINES:
        shown.append(f"    ... ({len(lines) - SHOWN_LINES} more lines)")
    what = ANSI.sub("", f"{error.ename}: {error.evalue}")
    return "\n".join([f"{cell.id} of {name} failed with {what}", *shown])


def mathml(body: str, display: str = "inline") -> str:
    """An equation as MathML, which browsers draw without help."""
    markup = convert(body, display=display)
    # The ASCII circumflex floats too high as a hat; bars are no infix operators here.
    markup = markup.replace("&#x0005E;", "&#x002C6;")
    return re.sub(
        r"<mo(?P<rest>[^>]*)>(?P<bar>&#x0007C;|&#x02016;)</mo>",
        r'<mo\g<rest> lspace="0" rspace="0">\g<bar></mo>',
        markup,
    )


class _Renderer(IPythonRenderer):
    """Markdown with equations as MathML."""

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, "block")


class _Page(HTMLExporter):
    """nbconvert's exporter with the project's template and equations as MathML."""

    def markdown2html(self, context: Any, source: str) -> str:
        return str(MarkdownWithMath(renderer=_Renderer(escape=False)).render(source))

    markdown2html.jinja_pass_arg = HTMLExporter.markdown2html.jinja_pass_arg  # type: ignore[attr-defined]


def html(notebook: NotebookNode, title: str, templates: Path) -> str:
    """One self-contained page: nothing is loaded from anywhere.

    Args:
        notebook: an executed notebook.
        title: of the page.
        templates: folder that holds the template ``lecture``.
    """
    page = notebook.copy()
    page.metadata = {**notebook.metadata, "title": title}
    exporter = _Page(template_name="lecture", extra_template_basedirs=[str(templates)])
    resources = {"highlighting": HtmlFormatter(style="default").get_style_defs(".highlight")}
    return str(exporter.from_notebook_node(page, resources)[0])
