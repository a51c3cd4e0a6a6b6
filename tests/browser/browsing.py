"""What tests of pages share beside fixtures."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Open = Callable[..., Page]


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait for an expression to be true (the pages forbid the `eval` of Playwright's own wait)."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(20)


def done(page: Page) -> None:
    """Wait until the live part of a page has trained."""
    until(page, "document.getElementById('live').dataset.state === 'done'", 120)


def looks(wide: int) -> list[Any]:
    """Scheme and width of a page: on a desk by day, on a phone by night; both others are slow."""
    others = [("light", 390), ("dark", wide)]
    slow = [pytest.param(*look, marks=pytest.mark.slow) for look in others]
    return [("light", wide), ("dark", 390), *slow]


def accessible(page: Page, **options: Any) -> None:
    """Nothing on a page violates a rule of axe, which need not name all elements that obey."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options})
    assert found.violations_count == 0, found.generate_report()
