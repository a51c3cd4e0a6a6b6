"""Pages from sources: Sphinx, with nothing that is loaded from anywhere."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from neuron_race.common import leftovers
from neuron_race.pages.site import extension

TITLE = "It’s a race"
SETTINGS = {
    "project": TITLE,
    "extensions": [
        "myst_parser",
        "sphinx.ext.autodoc",
        "sphinx.ext.napoleon",
        "sphinx.ext.viewcode",
        extension.__name__,
    ],
    "myst_enable_extensions": ["dollarmath"],
    "myst_dmath_double_inline": True,
    "myst_heading_anchors": 4,
    "highlight_language": "none",
    "html_math_renderer": "mathml",
    "html_theme": "furo",
    "html_title": TITLE,
    "html_theme_options": {
        "footer_icons": [],
        "light_css_variables": {"color-brand-primary": "#0a5c9e", "color-brand-content": "#0a5c9e"},
        "dark_css_variables": {"color-brand-primary": "#86bff0", "color-brand-content": "#86bff0"},
    },
    "html_static_path": ["_static"],
    "html_css_files": ["site.css"],
    "html_js_files": ["site.js"],
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_search_summary": False,  # browsers refuse to read other pages of files
    "html_show_copyright": False,
    "html_domain_indices": False,
    "html_use_index": False,
    "autodoc_typehints": "none",
    "autodoc_member_order": "bysource",
}
# What the theme leaves out for those who listen, or have no mouse: levels of headings, names of
# landmarks, a way to scroll.
MENDED = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    "<pre>": '<pre tabindex="0">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
}
# Made for other sites that refer to this one, for builds anew, and for who edits the theme.
SPARE = (".buildinfo", "objects.inv", "_sources", "_static/debug.css", "_static/file.png")


class SiteError(Exception):
    """Sphinx found something wrong with a page: the message says where."""


def build(sources: Mapping[str, str], files: Mapping[str, Path | str], out: Path) -> None:
    """Make the site, whole or not at all.

    Args:
        sources: path from the site's root -> Markdown of a page, or a style sheet or script.
        files: path from the site's root -> file to be copied there, or its text.
        out: folder of the site; whatever is there is replaced.

    Raises:
        SiteError: a page refers to what there is not, or can't be read; or nothing is left of
            what the theme was to be mended in.
    """
    with leftovers.scratch() as folder:
        source, made = folder / "source", folder / "site"
        for name, text in sources.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _sphinx(source, made, folder / "doctrees")
        _mend(made)
        for name, content in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                (made / name).write_text(content, encoding="utf-8")
            else:
                shutil.copyfile(content, made / name)
        new = out.with_name(f"{out.name}.new")  # beside it: from there it is one rename
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(made, new)
        shutil.rmtree(out, ignore_errors=True)
        new.rename(out)


def _sphinx(source: Path, made: Path, doctrees: Path) -> None:
    said = io.StringIO()
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(
            source, None, made, doctrees, "html", SETTINGS, status=None, warning=said, parallel=0
        )
        app.build(force_all=True)
    if said.getvalue():
        raise SiteError(said.getvalue().replace(f"{source}/", "").strip())


def _mend(made: Path) -> None:
    absent = set(MENDED)
    for path in made.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        absent -= {before for before in absent if before in text}
        for before, after in MENDED.items():
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")
    if absent:
        raise SiteError(f"the theme no longer writes {', '.join(sorted(absent))}: see MENDED")
    for path in (*(made / name for name in SPARE), *made.rglob("*.map")):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
