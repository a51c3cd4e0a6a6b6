"""The project's documents as pages of the site: what they link to is there, or is no link."""

import os
import posixpath
import re
from collections.abc import Collection

# A link's text and target; images and code are left alone.
LINK = re.compile(r"(?<![!\\`])\[(?P<text>[^\[\]]+)\]\((?P<target>[^()\s]+)\)")
FENCE = re.compile(r"^(```.*?^```$)", re.M | re.S)
TUTORIAL = "own_network"
# What the site has in another form: tables of claims, of this run in place of the reference; the
# tutorial, executed.
MADE = {
    **dict.fromkeys(("docs/claims.md", "docs/reference/claims.md"), "index.html#all-claims"),
    f"workflow/notebooks/{TUTORIAL}.py": f"{TUTORIAL}.html",
}
REFERENCE_FIGURES = "docs/reference/figures/"


def linked(text: str, name: str, pages: Collection[str]) -> str:
    """A document whose links lead to pages of the site.

    Args:
        text: Markdown.
        name: its path in the project, from where its links start, and its place on the site.
        pages: paths of the documents that are on the site.
    """

    def resolved(match: re.Match[str]) -> str:
        text, target = match["text"], match["target"]
        if target.startswith(("#", "http:", "https:", "mailto:")):
            return match[0]
        path, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        if path in MADE:
            return f'<a href="{_from(name, MADE[path])}">{text}</a>'
        if path.startswith(REFERENCE_FIGURES):
            figure = path.removeprefix(REFERENCE_FIGURES)
            return f'<a href="{_from(name, f"figures/{figure}")}">{text}</a>'
        if path in pages:
            return f"[{text}]({_from(name, path)}{f'#{anchor}' if anchor else ''})"
        return text

    parts = FENCE.split(text)
    return "".join(part if part.startswith("```") else LINK.sub(resolved, part) for part in parts)


def _from(name: str, target: str) -> str:
    """A place on the site as a link from another."""
    return os.path.relpath(target, posixpath.dirname(name) or ".")


def anchors(notes: str) -> dict[str, str]:
    """Where each equation or law is told: ``E5`` -> anchor of its heading in the notes."""
    found = {}
    for heading in re.findall(r"^#{2,3} (.+)$", notes, re.M):
        number = re.match(r"(E\d+)\.", heading)
        if number or heading.startswith("Laws"):
            found[number[1] if number else "L"] = slug(heading)
    return found


def slug(heading: str) -> str:
    """Anchor of a heading, as MyST and code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
