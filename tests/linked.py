"""Links of a folder of pages, followed without a browser."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

# Attributes by which a page loads something of its own accord.
LOADING = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src")}
# Pages that draw by script what is after the # in their address.
DRAWN = {"race.html"}


class Links(HTMLParser):
    """What a page refers to, and what in it can be referred to.

    Attributes:
        links: values of ``href`` of ``a``.
        loaded: what the browser loads without being asked.
        anchors: all ids and names.
    """

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif tag == "a" and name == "href" and value is not None:
                self.links.append(value)
            elif (tag, name) in LOADING or (tag, name) == ("link", "href"):
                self.loaded.append(value or "")


def dead(folder: Path) -> list[str]:
    """Links and loaded files of all pages that lead nowhere, or out of the folder."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    found = []
    for page, own in pages.items():
        for link in own.links + own.loaded:
            if link.startswith(("http:", "https:", "data:")):
                if link in own.loaded and not link.startswith("data:"):
                    found.append(f"{page.relative_to(folder)}: loads {link}")
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / unquote(path.partition("?")[0])).resolve() if path else page
            known = pages.get(target)
            lost = anchor and known and target.name not in DRAWN
            if not target.is_file() or not target.is_relative_to(folder.resolve()):
                found.append(f"{page.relative_to(folder)}: {link}")
            elif lost and known is not None and unquote(anchor) not in known.anchors:
                found.append(f"{page.relative_to(folder)}: {link} (no such place)")
    return sorted(found)
