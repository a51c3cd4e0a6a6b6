"""The helpers of tests of pages: a check of pages that no page fails is none."""

from pathlib import Path

import pytest
from browsing import Open, accessible

PALE = '<p style="color: #aaa">Pale on white</p>'
NO_WORDS = '<img width="9" height="9" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'


@pytest.mark.parametrize(
    ("faulty", "rule"), [(PALE, "color-contrast"), (NO_WORDS, "image-alt"), ("", "")]
)
def test_faults_of_a_page_are_named(
    open_page: Open, tmp_path: Path, faulty: str, rule: str
) -> None:
    body = f"<main><h1>A page</h1>{faulty}</main>"
    page = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title>'
    (tmp_path / "page.html").write_text(page + body, encoding="utf-8")
    opened = open_page(tmp_path / "page.html")
    if not rule:
        accessible(opened)
        return
    with pytest.raises(AssertionError, match=rule):
        accessible(opened)
