"""Debian's Chromium, headless; pages that open in it are watched for requests and errors."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
Open = Callable[..., Page]


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait for an expression to be true (the pages forbid the `eval` of Playwright's own wait)."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a file; at the end, nothing else may have been asked for, nor anything logged."""
    contexts, asked, said, opened = [], [], [], []

    def open_page(path: Path, fragment: str = "", **context: Any) -> Page:
        own = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        contexts.append(own)
        page = own.new_page()
        page.on("request", lambda request: asked.append(request.url.split("#")[0]))
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        opened.append(path.resolve().as_uri())
        page.goto(opened[-1] + fragment)
        return page

    yield open_page
    for own in contexts:
        own.close()
    assert opened and [url for url in asked if not url.startswith("data:")] == opened
    assert said == []
