"""A Sphinx extension: equations as MathML, in place of a script that is loaded from elsewhere."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from neuron_race.pages import page


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("autodoc-process-docstring", _norms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(page.mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    equation = page.mathml(node.astext(), "block")
    writer.body.append(f'<div class="math" tabindex="0">{equation}</div>')
    raise nodes.SkipNode


def _norms(app: Sphinx, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Bars in docstrings are norms, not substitutions of reStructuredText."""
    lines[:] = [re.sub(r"(``.*?``)|\|", lambda bar: bar[1] or r"\|", line) for line in lines]
